"""From the int8 graph to a plan: logical passes, bands, memory map, weight schedule, shape of the ring."""
