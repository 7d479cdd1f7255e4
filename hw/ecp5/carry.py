"""Adder chains on CCU2C cells that gate their operands in the very LUTs of the chain.

A CCU2C has two slots. In a slot the carry passes on if `P = LUT4(A, B, C, D)` is 1, else it becomes `G = LUT4(A, B, 0, 0)`; the sum is
`P ^ carry in`. With `P = (A & B) ^ (C & D)` the slot adds one bit of two gated operands: where P is 0 both are equal, and G is `A & B`.
Synthesis from `+` and `&` would spend two more LUTs per bit on the gates.
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import C, Cat, Const, Instance, Module, Mux, Shape, Signal, Value


def _init(function: object) -> int:
    """INIT of a LUT4 with inputs A (least significant), B, C, D."""
    assert callable(function)
    return sum(bool(function(i & 1, i >> 1 & 1, i >> 2 & 1, i >> 3 & 1)) << i for i in range(16))


@dataclass(frozen=True)
class _Slot:
    init: int
    a: Value
    b: Value
    c: Value
    d: Value


_ADD = _init(lambda a, b, c, d: (a & b) ^ (c & d))
_SUBTRACT = _init(lambda a, b, c, d: (a & b) ^ (c & (1 - d)))
_CARRY_IN = _init(lambda a, b, c, d: a & (1 - c))  # with C = 1: P = 0, G = A


def _chain(m: Module, name: str, slots: list[_Slot]) -> Value:
    """Sum outputs of a chain of slots; the carry into the first one is 0."""
    zero = C(0, 1)
    padded = slots + [_Slot(0, zero, zero, zero, zero)] * (len(slots) % 2)
    carry: Value = zero
    sums = Signal(len(padded), name=f"{name}_sum")
    for k in range(0, len(padded), 2):
        low, high = padded[k], padded[k + 1]
        carry_out = Signal(name=f"{name}_carry{k}")
        m.submodules[f"{name}_{k // 2}"] = Instance(
            "CCU2C",
            p_INIT0=Const(low.init, 16),
            p_INIT1=Const(high.init, 16),
            p_INJECT1_0="NO",
            p_INJECT1_1="NO",
            i_CIN=carry,
            i_A0=low.a,
            i_B0=low.b,
            i_C0=low.c,
            i_D0=low.d,
            i_A1=high.a,
            i_B1=high.b,
            i_C1=high.c,
            i_D1=high.d,
            o_S0=sums[k],
            o_S1=sums[k + 1],
            o_COUT=carry_out,
        )
        carry = carry_out
    return sums[: len(slots)]


def gated_pair(
    m: Module, platform: object, name: str, multiplicand: Value, gates: tuple[Value, Value], *, subtract: bool = False
) -> Value:
    """`multiplicand * (gates[0] + 2 * gates[1])`, or `- 2 * gates[1]` with `subtract`, without registers.

    Args:
        m: module that receives the logic.
        platform: None for the behavioural form; anything else instantiates CCU2C cells.
        name: prefix of the cells, unique in `m`.
        multiplicand: W bits, signed or unsigned.
        gates: two single bits.

    Returns:
        W + 2 bits, signed if the multiplicand is or with `subtract`. Costs W + 2 LUTs (one CCU2C more with `subtract`).
    """
    shape = multiplicand.shape()
    width = shape.width + 2
    result = Signal(Shape(width, signed=shape.signed or subtract), name=f"{name}_result")
    if platform is None:
        once, twice = Mux(gates[0], multiplicand, 0), Mux(gates[1], multiplicand << 1, 0)
        m.d.comb += result.eq(once - twice if subtract else once + twice)
        return result

    fill = multiplicand[-1] if shape.signed else C(0, 1)
    bits = [multiplicand[i] if i < shape.width else fill for i in range(width)]
    gate0, gate1 = gates
    slots = [_Slot(_CARRY_IN, gate1, C(0, 1), C(1, 1), C(0, 1))] if subtract else []
    skipped = len(slots)
    init = _SUBTRACT if subtract else _ADD
    slots += [_Slot(init, bits[i], gate0, gate1, bits[i - 1]) for i in range(1, width)]
    # Bit 0 has one operand only, and the carry that negation puts in counts from bit 1 on: -2x = ~(2x) + 1 = 2(~x + 1).
    m.d.comb += result.eq(Cat(bits[0] & gate0, _chain(m, name, slots)[skipped:]))
    return result
