"""What a model's file may have at most, so that a damaged one is refused before its sizes are believed."""

from __future__ import annotations

LARGEST_TENSOR = 1 << 26
"""Elements."""
