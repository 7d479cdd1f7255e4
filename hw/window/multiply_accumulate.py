"""Sum of one lane's nine taps times their weights, in LUTs."""

from __future__ import annotations

from amaranth.hdl import Module, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.lib.multiplier import add_levels, add_tree, partial_products
from hwgen.hw.window.parameters import TAPS

MAC_BITS = 19
"""Of the sum: |9 * 128 * 128| < 2^18, and a sign."""

_ROWS = 4  # partial products of an eight-bit factor


class MultiplyAccumulate(wiring.Component):
    """The sum of nine products.

    Members:
        taps : In(ArrayLayout(signed(8), 9)), weights : In(ArrayLayout(signed(8), 9)), of the same cycle.
        o : Out(signed(MAC_BITS)).

    Timing: the sum of taps and weights in cycle t stands at `o` in cycle t + LATENCY; one per cycle, no stall.
    """

    LATENCY = 1 + add_levels(_ROWS * TAPS)
    """Partial products, then their tree."""

    def __init__(self) -> None:
        factors = data.ArrayLayout(signed(8), TAPS)
        super().__init__({"taps": In(factors), "weights": In(factors), "o": Out(signed(MAC_BITS))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rows = []
        for tap in range(TAPS):
            rows += partial_products(m, platform, f"product_{tap}", self.weights[tap], self.taps[tap])
        rows.sort(key=lambda addend: addend.base)  # neighbours of the same weight make the shortest adders
        total = add_tree(m, "mac", rows)
        assert total.base == 0 and len(total.value) == MAC_BITS
        m.d.comb += self.o.eq(total.value)
        return m
