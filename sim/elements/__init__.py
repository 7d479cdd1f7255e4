"""Models of single elements of the core: values and exact cycles, written independently of the RTL."""
