"""Pipelined multipliers in LUTs: a tree of carry chains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Shape, Signal, Value, signed, unsigned

from hwgen.hw.ecp5.carry import gated_pair


@dataclass(frozen=True)
class Addend:
    """`value * 2^base`; the value lies in `low .. high`, which gives its width; bits that are 1 in `ones` are always 1."""

    value: Value
    base: int
    low: int
    high: int
    ones: int = 0

    @property
    def shape(self) -> Shape:
        """Narrowest shape that holds `low .. high`."""
        if self.low < 0:
            return signed(max((~self.low).bit_length(), self.high.bit_length()) + 1)
        return unsigned(max(1, self.high.bit_length()))


def add_levels(addends: int) -> int:
    """Levels of two-operand adders, a register each, that sum `addends` values."""
    return (addends - 1).bit_length()


def _typed(value: Value, shape: Shape) -> Value:
    return value[: shape.width].as_signed() if shape.signed else value[: shape.width].as_unsigned()


def _sum(m: Module, name: str, x: Addend, y: Addend) -> Addend:
    """Register of x + y; the lower bits of the one with the smaller base need no adder."""
    if x.base > y.base:
        x, y = y, x
    skip = y.base - x.base
    total = Addend(Signal(1), x.base, x.low + (y.low << skip), x.high + (y.high << skip))
    register = Signal(total.shape, name=name, reset_less=True)
    high = x.value[skip:]
    if x.shape.signed:
        high = high.as_signed()
    m.d.sync += register.eq(Cat(x.value[:skip], (high + y.value)[: max(1, total.shape.width - skip)]))
    return Addend(register, total.base, total.low, total.high)


def _held(m: Module, name: str, x: Addend) -> Addend:
    """Register of x. One that began with 0 where x is always 1 would be a register for synthesis too, and a net across the part."""
    register = Signal(x.shape, name=name, reset_less=True, init=x.ones)
    m.d.sync += register.eq(x.value)
    return Addend(register, x.base, x.low, x.high, x.ones)


def add_tree(m: Module, name: str, addends: Sequence[Addend]) -> Addend:
    """Sum of `addends` (all valid in the same cycle), `add_levels(len(addends))` cycles later."""
    level = list(addends)
    depth = 0
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [
            _sum(m, f"{name}_{depth}_{i}", *pair) if len(pair) == 2 else _held(m, f"{name}_{depth}_{i}", pair[0])
            for i, pair in enumerate(pairs)
        ]
        depth += 1
    return level[0]


def partial_products(m: Module, platform: object, name: str, multiplier: Value, multiplicand: Value) -> list[Addend]:
    """Registers whose sum, one cycle later, is `multiplier * multiplicand`.

    Each takes two bits of the multiplier, so there are `ceil(width / 2)`.

    Args:
        m, platform, name: see `gated_pair`.
        multiplier: signed.
        multiplicand: signed or unsigned.
    """
    width = len(multiplier)
    extended = [multiplier[min(i, width - 1)] for i in range(width + width % 2)]
    shape = multiplicand.shape()
    low = -(1 << (shape.width - 1)) if shape.signed else 0
    high = (1 << (shape.width - shape.signed)) - 1
    addends = []
    for base in range(0, len(extended), 2):
        last = base + 2 == len(extended)  # the sign bit counts negatively
        factors = (-2, -1, 0, 1) if last else (0, 1, 2, 3)
        ends = [factor * end for factor in factors for end in (low, high)]
        gates = (extended[base], extended[base + 1])
        pair = gated_pair(m, platform, f"{name}_pair{base}", multiplicand, gates, subtract=last)
        addends.append(_held(m, f"{name}_row{base}", Addend(pair, base, min(ends), max(ends))))
    return addends
