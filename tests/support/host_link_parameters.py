"""Parameters of the host link that is tested alone."""

from __future__ import annotations

CLOCK_HZ = 100_000_000


BAUD = 10_000_000


BUILD = 0xC0FFEE42


TIMEOUT = 2000


DEPTH = 6144
"""Words of a bank."""
