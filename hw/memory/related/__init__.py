"""An SDRAM on a clock of its own, related to the core's: what crosses does so at the edges that both clocks have in common."""
