"""From a plan to what the core reads: descriptors, packets, the command stream."""
