"""Descriptors that are there from power-on."""

from __future__ import annotations

import random

from hwgen.hw.isa.descriptor import Descriptor


def descriptors(passes: int) -> list[int]:
    """Random descriptors, the last one marked so."""
    rng = random.Random(passes)
    bit = 1 << Descriptor["last"].offset
    values = [rng.getrandbits(Descriptor.size) & ~bit for _ in range(passes)]
    values[-1] |= bit
    return values
