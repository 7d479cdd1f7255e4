"""An element of the array for two steps a cycle, shown all pairs of sums that can reach its multiplier and all operands of its adders."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.array.element import LATENCY, ProcessingElement
from hwgen.hw.lib.delay import delayed

ACC_BITS = 20

SUMS = 511
"""Sums of two int8, -256 to 254."""

SWEEPS = (SUMS * SUMS, 1 << 16, 1 << 16)
"""Cycles: all pairs of sums; all pairs of operands of the first adder, and of the second, while the other sum is 1."""


class ElementSweep(wiring.Component):
    """Goes through `SWEEPS` and compares every product with the operands' own arithmetic.

    Members:
        spoil : In(1), what is compared with is off by one: for the test of the test.
        checked : Out(32), wrong : Out(32), products compared, and those that were wrong.
    """

    def __init__(self) -> None:
        super().__init__({"spoil": In(1), "checked": Out(32), "wrong": Out(32)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.element = element = ProcessingElement(ACC_BITS, 2)
        sweep, first, second = Signal(range(len(SWEEPS) + 1)), Signal(range(SUMS)), Signal(range(SUMS))
        most = Signal(range(SUMS))
        m.d.comb += most.eq(SUMS - 1)
        with m.If(sweep != 0):
            m.d.comb += most.eq(255)
        with m.If(sweep < len(SWEEPS)):
            m.d.sync += second.eq(second + 1)
            with m.If(second == most):
                m.d.sync += [second.eq(0), first.eq(first + 1)]
                with m.If(first == most):
                    m.d.sync += [first.eq(0), sweep.eq(sweep + 1)]

        a, w = element.a_i, element.w_i
        sums = [Signal(signed(10), name=f"sum{i}") for i in range(2)]
        m.d.comb += [sums[0].eq(first - 256), sums[1].eq(second - 256)]
        with m.Switch(sweep):
            with m.Case(0):
                # Each sum as two halves.
                for i, (left, right) in enumerate(((a.even, w.odd), (a.odd, w.even))):
                    m.d.comb += [left.eq(sums[i] >> 1), right.eq(sums[i] - (sums[i] >> 1))]
            with m.Case(1):
                m.d.comb += [a.even.eq(first), w.odd.eq(second), a.odd.eq(1), w.even.eq(0)]
            with m.Default():
                m.d.comb += [a.even.eq(1), w.odd.eq(0), a.odd.eq(first), w.even.eq(second)]
        m.d.comb += [element.step_i.eq(1), element.last_i.eq(1), element.below.eq(0)]

        expected = Signal(signed(ACC_BITS))
        m.d.comb += expected.eq((a.even + w.odd) * (a.odd + w.even))
        valid = delayed(m, sweep < len(SWEEPS), LATENCY, "valid", control=True)
        wanted = delayed(m, expected, LATENCY, "wanted").as_signed() + self.spoil
        with m.If(valid):
            m.d.sync += self.checked.eq(self.checked + 1)
            with m.If(element.drain != wanted):
                m.d.sync += self.wrong.eq(self.wrong + 1)
        return m
