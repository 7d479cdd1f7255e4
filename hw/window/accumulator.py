"""One lane's sum: of a window's taps, scaled for averages, of a kernel's blocks, or of a whole map."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.ecp5.carry import gated_pair
from hwgen.hw.isa.memories import SUM_BITS
from hwgen.hw.window.multiply_accumulate import MAC_BITS

SCALE_BITS = 6

_AVERAGE_BITS = 12  # of the sum of 9 int8


class Accumulator(wiring.Component):
    """`mac * scale + before`, plus itself with `keep`.

    Parameters:
        adds: whether there is a sum `before`.

    Members:
        mac : In(signed(MAC_BITS)), within 12 bits where the scale is above 1.
        scale : In(6), of the same cycle.
        before : In(signed(SUM_BITS)), a sum to add, a cycle later; 0 with a scale above 1 and with `keep`. Ignored without `adds`.
        accumulate : In(1), LATENCY - 1 cycles later: the sum changes.
        keep : In(1), in the cycle of `accumulate`: the sum that it holds is added; only with a scale of 1.
        acc : Out(signed(SUM_BITS)).

    Timing: the sum of `mac` in cycle t stands at `acc` in cycle t + LATENCY; one per cycle, no stall.

    Proven ranges: AVERAGE's sum of 9 taps fits 12 bits, times a scale of 6 bits fits 18; sums of SUM stay within 25 bits for maps of
    2^17 elements, sums of blocks for kernels of 1024 taps.
    """

    LATENCY = 3
    """Three pairs of the scale's bits; two sums of them; the accumulator."""

    def __init__(self, *, adds: bool) -> None:
        self._adds = adds
        super().__init__(
            {
                "mac": In(signed(MAC_BITS)),
                "scale": In(SCALE_BITS),
                "before": In(signed(SUM_BITS)),
                "accumulate": In(1),
                "keep": In(1),
                "acc": Out(signed(SUM_BITS)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        parts = []
        for i in range(SCALE_BITS // 2):
            value = self.mac if i == 0 else self.mac[:_AVERAGE_BITS].as_signed()
            pair = gated_pair(m, platform, f"scale_{i}", value, (self.scale[2 * i], self.scale[2 * i + 1]))
            part = Signal(pair.shape(), name=f"scaled_{i}", reset_less=True)
            m.d.sync += part.eq(pair)
            parts.append(part)
        lower = Signal(parts[0].shape(), reset_less=True)  # with a scale beyond 3 the products' sum has far fewer bits
        upper = Signal(signed(SUM_BITS), reset_less=True)
        acc = Signal(signed(SUM_BITS), reset_less=True)
        # What is added to a scaled sum is 0, and `upper` is 0 with a scale of 1: no adder for the two.
        m.d.sync += [
            lower.eq(parts[0] + (parts[1] << 2)),
            upper.eq((parts[2] << 4) | self.before if self._adds else parts[2] << 4),
        ]
        with m.If(self.accumulate):
            m.d.sync += acc.eq(lower + (upper | Mux(self.keep, acc, 0)))
        m.d.comb += self.acc.eq(acc)
        return m
