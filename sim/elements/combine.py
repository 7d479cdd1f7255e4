"""Combine element: what becomes of the operands' bytes, and when segments are taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from hwgen.hw.isa.descriptor import CombineOp, CombineParameters
from hwgen.hw.isa.descriptor_fields import DescriptorFields
from hwgen.sim.elements.requantise import requantise

Int64 = npt.NDArray[np.int64]

_NOTHING = np.zeros(1, np.int64)
_WIDE = 32
"""A that saturates nothing."""


def _term(difference: Int64, multiplier: int, shift: int) -> Int64:
    """An input of an ADD at the common scale."""
    return requantise(
        difference << 20,
        _NOTHING,
        np.array(multiplier),
        np.array(shift),
        clamp_bits=_WIDE,
        zero_point=0,
        low=-(1 << 31),
        high=(1 << 31) - 1,
    )


@dataclass(frozen=True)
class CombineNumbers:
    """The fields of `hwgen.hw.isa.descriptor.CombineParameters`."""

    zero_scaled: int
    zero_other: int
    swap: int
    multiplier: int
    shift: int
    clamp: tuple[int, int, int]  # zero point, low, high
    out_multiplier: int
    out_shift: int

    def word(self) -> int:
        """Packed."""
        zero_point, low, high = self.clamp
        fields = asdict(self) | {"clamp": {"zero_point": zero_point, "low": low, "high": high}}
        return int(CombineParameters.const(fields).as_bits())

    def results(self, op: CombineOp, segment: Int64, operand: Int64) -> Int64:
        """Results for int64 arrays of int8 values; rounds in separate steps, as the reference kernels do."""
        scaled, other = (segment, operand) if self.swap else (operand, segment)
        scaled, other = scaled - self.zero_scaled, other - self.zero_other
        scaled_term, other_term = _term(scaled, self.multiplier, self.shift), _term(other, 1 << 30, 0)
        total = scaled * other if op == CombineOp.MUL else scaled_term + other_term
        zero_point, low, high = self.clamp
        return requantise(
            total,
            _NOTHING,
            np.array(self.out_multiplier),
            np.array(self.out_shift),
            clamp_bits=_WIDE,
            zero_point=zero_point,
            low=low,
            high=high,
        )


def operand_wanted(d: DescriptorFields, rows: int) -> Iterator[bool]:
    """For every segment of a pass in order, whether an operand segment comes with it."""
    array = d.array
    for tile in range(array.tiles):
        pixels = array.last_pixels if tile == array.tiles - 1 else rows
        for _ in range(array.chunks):
            for row in range(rows):
                yield row == 0 if d.combine.still else row < pixels
