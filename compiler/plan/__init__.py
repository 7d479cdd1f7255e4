"""From the int8 graph to a plan: logical passes, stripes, memory map, weight schedule, shape of the core."""
