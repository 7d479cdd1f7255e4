"""Initial content of a memory."""

from __future__ import annotations

import random


def initial_words(width: int, depth: int, seed: int) -> list[int]:
    """Initial content of a test, or none for seed 0; the last words are left to the default."""
    generator = random.Random(seed)
    return [generator.randrange(1 << width) for _ in range(depth - 3)] if seed else []
