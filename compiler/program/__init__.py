"""From a plan to what the ring reads: descriptors, packets, the command stream."""
