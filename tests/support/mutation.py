"""Damages files."""

from __future__ import annotations

import re

import numpy as np

INTERESTING = [0, 1, 127, 128, 255]

EXTREMES = [
    0,
    1,
    -1,
    7,
    63,
    64,
    255,
    256,
    65535,
    65536,
    1 << 20,
    1 << 24,
    2**31 - 1,
    -(2**31),
    2**62 + 1,
    2**63 - 1,
    -(2**63),
]
"""Sizes and indices that are none, or nearly."""

EDITS = [1, 1, 1, 1, 2, 3]
"""How many fields of a file are changed: of few changes more is read than the header."""

FAR_REALS = [0.0, -1.0, 1e-45, 1e-38, 1e-30, 1e-10, 1e10, 1e30, 3e38, float("inf"), -float("inf"), float("nan")]
"""Scales and slopes that are none, or nearly."""


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


def cut(data: bytes, rng: np.random.Generator) -> bytes:
    """Without its end, at any place."""
    return data[: int(rng.integers(len(data)))]


def mutate_text(data: bytes, rng: np.random.Generator) -> bytes:
    """A text with one to four words changed: numbers for extreme ones, words for other ones, lines doubled or gone."""
    lines = data.split(b"\n")
    for _ in range(int(rng.choice(EDITS))):
        place = int(rng.integers(len(lines)))
        numbers = list(re.finditer(rb"-?\d+", lines[place]))
        words = lines[place].split(b" ")
        match int(rng.integers(6)):
            case 0 | 1 | 2 if numbers:
                found = numbers[int(rng.integers(len(numbers)))]
                new = EXTREMES[int(rng.integers(len(EXTREMES)))] if rng.integers(3) else int(rng.integers(-2, 40))
                lines[place] = lines[place][: found.start()] + str(new).encode() + lines[place][found.end() :]
            case 3 if len(words) > 1:
                words[int(rng.integers(len(words)))] = words[int(rng.integers(len(words)))]
                lines[place] = b" ".join(words)
            case 4:
                lines.insert(int(rng.integers(len(lines))), lines[place])
            case _ if len(lines) > 2:
                del lines[place]
    return b"\n".join(lines)


def resize_text(data: bytes, rng: np.random.Generator) -> bytes:
    """A text with one number replaced everywhere."""
    numbers = re.findall(rb"\d+", data)
    old = numbers[int(rng.integers(len(numbers)))]
    new = str(abs(EXTREMES[int(rng.integers(len(EXTREMES)))]) if rng.integers(2) else int(rng.integers(5000))).encode()
    return re.sub(rb"(?<![\d])" + old + rb"(?![\d])", new, data)
