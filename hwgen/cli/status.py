"""Exit codes."""

FAILURE = 2
"""Everything that went wrong."""

MISMATCH = 1
"""The machine or the golden model computes something else than what it was compared with."""
