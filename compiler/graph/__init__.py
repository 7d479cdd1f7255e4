"""The float graph: operations, shapes, parameters, and its text form."""
