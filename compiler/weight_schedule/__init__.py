"""When weights and parameters are loaded, and where."""
