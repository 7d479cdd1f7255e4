"""Damages files."""

from __future__ import annotations

import numpy as np

INTERESTING = [0, 1, 127, 128, 255]


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """One to eight places changed: bits, bytes, words; now and then a piece is cut out or doubled."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        place = int(rng.integers(len(changed)))
        match int(rng.integers(5)):
            case 0:
                changed[place] ^= 1 << int(rng.integers(8))
            case 1:
                changed[place] = int(rng.choice(INTERESTING))
            case 2:
                word = place & ~3
                value = int(rng.choice([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x10000, int(rng.integers(1 << 32))]))
                changed[word : word + 4] = value.to_bytes(4, "little")
            case 3:
                other = int(rng.integers(len(changed)))
                changed[place : place + 4] = changed[other : other + 4]
            case 4:
                if rng.integers(8) == 0:
                    end = place + int(rng.integers(1, 64))
                    changed[place:place] = changed[place:end] if rng.integers(2) else b""
                    del changed[end : end + int(rng.integers(16))]
    return bytes(changed)
