"""Networks on a board, built and simulated."""
