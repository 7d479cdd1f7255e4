"""Signed multiplier in one MULT18X18D block."""

from __future__ import annotations

from amaranth.hdl import C, Cat, ClockSignal, Const, Instance, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

BLOCK_BITS = 18
"""Width of both operands of the block, bits."""


def multiplier_members(bits: int) -> dict[str, wiring.Member]:
    """Members of a `BlockMultiplier`."""
    return {"a": In(signed(bits)), "b": In(signed(bits)), "p": Out(signed(2 * bits))}


class BlockMultiplier(wiring.Component):
    """Product of two signed operands, registered at input and output inside the multiplier block.

    The operands occupy the top of the block's input bits: the low bits are tied to 0 at the pins and cost no routing, where a sign
    extension would drive many pins from one net. The product then stands in the top of the output bits.

    Parameters:
        bits: of both operands, at most BLOCK_BITS.
        bel: site of the block as nextpnr names it ("X4/Y10/MULT18_0"), or None to leave it to the placer.

    Members:
        a : In(signed(bits))
        b : In(signed(bits))
        p : Out(signed(2 bits))

    Timing: p(t + 2) = a(t) * b(t); one product per cycle; no reset, no stall.
    """

    LATENCY = 2
    """Cycles from operands to product."""

    def __init__(self, bits: int, bel: str | None = None) -> None:
        self._shift = BLOCK_BITS - bits
        self._bel = bel
        super().__init__(multiplier_members(bits))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a = Cat(Const(0, self._shift), self.a)
        b = Cat(Const(0, self._shift), self.b)
        p = Signal(2 * BLOCK_BITS)
        pins: dict[str, object] = {}
        for i in range(BLOCK_BITS):
            pins[f"i_A{i}"] = a[i]
            pins[f"i_B{i}"] = b[i]
        for i in range(2 * BLOCK_BITS):
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
        m.d.comb += self.p.eq(p[2 * self._shift :].as_signed())
        return m
