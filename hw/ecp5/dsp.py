"""Signed 8 x 8 multiplier in one MULT18X18D block."""

from __future__ import annotations

from amaranth.hdl import C, Cat, ClockSignal, Const, Instance, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

OPERAND_BITS = 8
"""Width of both operands, bits."""

PRODUCT_BITS = 16
"""Width of the product, bits; -128 x -128 = 2^14 is the largest magnitude."""

MEMBERS = {"a": In(signed(OPERAND_BITS)), "b": In(signed(OPERAND_BITS)), "p": Out(signed(PRODUCT_BITS))}
"""Members of a `Multiplier8`."""

_SHIFT = 10
"""Operands occupy the top 8 of the block's 18 input bits: the 10 low bits are tied to 0 at the pins and cost no routing, where
a sign extension would drive 11 pins from one net. The product then stands in the top 16 of the 36 output bits."""


class Multiplier8(wiring.Component):
    """Product of two int8 operands, registered at input and output inside the multiplier block.

    Parameters:
        bel: site of the block as nextpnr names it ("X4/Y10/MULT18_0"), or None to leave it to the placer.

    Members:
        a : In(signed(8))
        b : In(signed(8))
        p : Out(signed(16))

    Timing: p(t + 2) = a(t) * b(t); one product per cycle; no reset, no stall.
    """

    LATENCY = 2
    """Cycles from operands to product."""

    def __init__(self, bel: str | None = None) -> None:
        self._bel = bel
        super().__init__(MEMBERS)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a = Cat(Const(0, _SHIFT), self.a)
        b = Cat(Const(0, _SHIFT), self.b)
        p = Signal(36)
        pins: dict[str, object] = {}
        for i in range(18):
            pins[f"i_A{i}"] = a[i]
            pins[f"i_B{i}"] = b[i]
        for i in range(36):
            pins[f"o_P{i}"] = p[i]
        if self._bel is not None:
            pins["a_BEL"] = self._bel
        m.submodules.multiplier = Instance(
            "MULT18X18D",
            p_REG_INPUTA_CLK="CLK0",
            p_REG_INPUTA_CE="CE0",
            p_REG_INPUTA_RST="RST0",
            p_REG_INPUTB_CLK="CLK0",
            p_REG_INPUTB_CE="CE0",
            p_REG_INPUTB_RST="RST0",
            p_REG_OUTPUT_CLK="CLK0",
            p_REG_OUTPUT_CE="CE0",
            p_REG_OUTPUT_RST="RST0",
            p_GSR="DISABLED",
            i_CLK0=ClockSignal(),
            i_CE0=C(1, 1),
            i_RST0=C(0, 1),
            i_SIGNEDA=C(1, 1),
            i_SIGNEDB=C(1, 1),
            i_SOURCEA=C(0, 1),
            i_SOURCEB=C(0, 1),
            **pins,
        )
        m.d.comb += self.p.eq(p[2 * _SHIFT :].as_signed())
        return m
