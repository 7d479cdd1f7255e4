"""Models of single elements of the ring: values and exact cycles, written independently of the RTL."""
