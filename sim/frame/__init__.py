"""A whole frame or batch on the simulated machine, compared with the golden model."""
