"""Which core a network gets: tries cores, has each lowered, tiled, scheduled and timed, and keeps the best."""
