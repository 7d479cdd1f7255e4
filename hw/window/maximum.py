"""One lane's maximum over the kernel: first over rows, then over columns, then clamped."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.descriptor import Clamp
from hwgen.hw.window.taps import KERNEL


class Maximum(wiring.Component):
    """Maximum of the taps of the last kernel_w columns, clamped; rows that do not count must read as -128.

    Members:
        rows : In(ArrayLayout(signed(8), 3)), a column's bytes; taken : In(1), it is a column, a cycle later.
        kernel_w : In(2), 1..3, and clamp : In(Clamp), low and high of it: constant from the first column until the last result.
        o : Out(signed(8)).

    Timing: the result of the column in cycle t (and of the two taken before it) stands at `o` in cycle t + LATENCY; one per cycle.
    """

    LATENCY = 6
    """Rows in two cycles, columns in two, comparisons with the clamp, their choice."""

    def __init__(self) -> None:
        super().__init__(
            {
                "rows": In(data.ArrayLayout(signed(8), KERNEL)),
                "taken": In(1),
                "kernel_w": In(2),
                "clamp": In(Clamp),
                "o": Out(signed(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()

        def register(name: str) -> Signal:
            return Signal(signed(8), name=name, reset_less=True)

        upper, bottom = register("upper"), register("bottom")
        m.d.sync += [upper.eq(_greatest(self.rows[0], self.rows[1])), bottom.eq(self.rows[2])]
        columns = [register(f"column{x}") for x in range(KERNEL)]
        with m.If(self.taken):
            m.d.sync += [columns[x].eq(columns[x + 1]) for x in range(KERNEL - 1)]
            m.d.sync += columns[-1].eq(_greatest(upper, bottom))
        right, left, largest, inside, result = (register(x) for x in ("right", "left", "largest", "inside", "clamped"))
        m.d.sync += [
            right.eq(_greatest(columns[2], Mux(self.kernel_w > 1, columns[1], -128))),
            left.eq(Mux(self.kernel_w > 2, columns[0], -128)),
            largest.eq(_greatest(right, left)),
        ]
        below, above = Signal(reset_less=True), Signal(reset_less=True)
        m.d.sync += [
            below.eq(_less(largest, self.clamp.low)),
            above.eq(_less(self.clamp.high, largest)),
            inside.eq(largest),
            result.eq(Mux(below, self.clamp.low, Mux(above, self.clamp.high, inside))),
        ]
        m.d.comb += self.o.eq(result)
        return m


def _less(x: Value, y: Value) -> Value:
    """x < y, both signed: the sign of the difference. Synthesis makes two carry chains in a row of a signed `<`."""
    return (x - y)[-1]


def _greatest(x: Value, y: Value) -> Value:
    return Mux(_less(x, y), y, x)
