"""The ECP5 family: its parts, cells, clock generator, costs and tools."""
