"""What a model's file may have at most, so that a damaged one is refused before its sizes are believed."""

from __future__ import annotations

LARGEST_TENSOR = 1 << 24
"""Elements of an activation: more than a memory of 32 MB holds beside weights, and 128 MB as the quantiser's float64."""

LARGEST_WEIGHTS = 1 << 25
"""Elements of all weights: bytes of the largest memory of a board."""

MOST_WORK = 1 << 36
"""Multiply-accumulates of a frame."""
