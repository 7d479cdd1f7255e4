"""Examples, a folder each."""
