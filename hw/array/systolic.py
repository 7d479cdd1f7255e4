"""Output-stationary systolic array: R pixels x C output channels, one multiplier block and one accumulator per element."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, ResetSignal, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.ecp5.dsp import PRODUCT_BITS, Multiplier8
from hwgen.hw.ecp5.floorplan import multiplier_sites
from hwgen.hw.kept_modules import ELEMENT_PREFIX
from hwgen.hw.lib.delay import delayed

ArrayControl = data.StructLayout({"valid": 1, "first": 1, "last": 1})
"""What the operands of a step mean.

`valid`: a step; without it the operands are ignored (a bubble). `first`: first step of a sum. `last`: last step of a sum.
A sum starts by itself after the last step of the sum before it, so the array does not look at `first`.
"""


class ProcessingElement(wiring.Component):
    """One element: passes its operands on, multiplies, accumulates, and hands the finished sum to the drain chain.

    Parameters:
        acc_bits: width of the accumulator.
        bel: site of the multiplier block, or None.

    Members:
        a_i : In(signed(8)), a_o : Out(signed(8)): activation, from the left, to the right.
        w_i : In(signed(8)), w_o : Out(signed(8)): weight, from above, downwards.
        step_i : In(1), step_o : Out(1): accumulate the product of the operands that entered `CONTROL_DELAY` cycles ago; downwards.
        last_i : In(1), last_o : Out(1): with `step`: this product completes the sum; downwards.
        below : In(signed(acc_bits)), drain : Out(signed(acc_bits)): drain chain, from below, upwards.

    Timing: operands and control leave one cycle after they entered. Operands in cycle t, control in cycle t + CONTROL_DELAY, completed
    sum on `drain` in cycle t + LATENCY; in all other cycles `drain` repeats `below` of the cycle before. The sum is exact if it fits
    into `acc_bits`, whatever the partial sums do (they wrap around).
    """

    CONTROL_DELAY = 3
    """Cycles by which control enters an element after its operands: it steers the accumulator without any delay line."""

    LATENCY = 5
    """Operand registers, multiplier input, multiplier output, fabric register, drain register."""

    def __init__(self, acc_bits: int, bel: str | None = None) -> None:
        self._bel = bel
        super().__init__(
            {
                "a_i": In(signed(8)),
                "a_o": Out(signed(8)),
                "w_i": In(signed(8)),
                "w_o": Out(signed(8)),
                "step_i": In(1),
                "step_o": Out(1),
                "last_i": In(1),
                "last_o": Out(1),
                "below": In(signed(acc_bits)),
                "drain": Out(signed(acc_bits)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a, w = Signal(signed(8), reset_less=True), Signal(signed(8), reset_less=True)
        step, last = Signal(reset_less=True), Signal(reset_less=True)
        m.d.sync += [a.eq(self.a_i), w.eq(self.w_i), step.eq(self.step_i), last.eq(self.last_i)]
        m.d.comb += [self.a_o.eq(a), self.w_o.eq(w), self.step_o.eq(step), self.last_o.eq(last)]

        m.submodules.multiplier = multiplier = Multiplier8(self._bel)
        shape = self.drain.shape()
        product = Signal(multiplier.p.shape(), reset_less=True)
        accumulator, drain = Signal(shape, reset_less=True), Signal(shape, reset_less=True)
        total = Signal(shape)
        m.d.comb += [
            multiplier.a.eq(a),
            multiplier.b.eq(w),
            total.eq(accumulator + product),
            self.drain.eq(drain),
        ]
        # The last sum goes straight to the drain register while the accumulator is cleared: the clear is the register's own
        # synchronous reset, where a multiplexer before the adder would cost a LUT per bit.
        m.d.sync += [product.eq(multiplier.p), drain.eq(Mux(last, total, self.below))]
        with m.If(step):
            m.d.sync += accumulator.eq(Mux(last, 0, total))
        return m


def array_members(rows: int, cols: int, acc_bits: int) -> dict[str, wiring.Member]:
    """Members of a `SystolicArray`; raises ValueError for an impossible shape."""
    for name, value in (("rows", rows), ("cols", cols)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value}")
    if acc_bits < PRODUCT_BITS:
        raise ValueError(f"acc_bits must be at least {PRODUCT_BITS}, the width of a product, not {acc_bits}")
    return {
        "a": In(data.ArrayLayout(signed(8), rows)),
        "w": In(data.ArrayLayout(signed(8), cols)),
        "ctl": In(ArrayControl),
        "o": Out(data.ArrayLayout(signed(acc_bits), cols)),
        "o_valid": Out(cols),
    }


class SystolicArray(wiring.Component):
    """Matrix product of R rows of activations and C columns of weights, step by step over K.

    Every element (r, c) sums a_r * w_c over the valid steps up to and including a `last`. Finished sums are shifted up, out of the
    array, while the next sums are formed.

    Parameters:
        rows: R.
        cols: C.
        acc_bits: width of the accumulators; finished sums must fit.
        floorplan: part whose multiplier sites are assigned by name ("LFE5U-85F"), or None to leave them to the placer.

    Members:
        a : In(ArrayLayout(signed(8), R)): row r's activation of the step that has w and ctl in cycle t is taken in cycle t + r.
        w : In(ArrayLayout(signed(8), C)): weights of a step, all columns in one cycle.
        ctl : In(ArrayControl): in the same cycle as `w`.
        o : Out(ArrayLayout(signed(acc_bits), C)): finished sums.
        o_valid : Out(C): which columns of `o` carry a finished sum.

    Timing: one step per cycle, bubbles (not valid) anywhere, no back-pressure. With `last` in cycle t, the sum of row r and column c
    is on `o[c]` in cycle t + LATENCY + c + 2 r, for that one cycle. Successive `last`s must be at least `min_chunk` = 2 R cycles apart.
    A reset of one cycle clears sums under way; steps may follow in the next cycle.
    """

    LATENCY = ProcessingElement.LATENCY
    """Cycles from `last` to the first finished sum: row 0 of column 0."""

    def __init__(self, rows: int, cols: int, acc_bits: int = 26, floorplan: str | None = None) -> None:
        self._rows, self._cols, self._acc_bits = rows, cols, acc_bits
        self._sites = multiplier_sites(floorplan, rows, cols) if floorplan is not None else None
        super().__init__(array_members(rows, cols, acc_bits))

    @property
    def min_chunk(self) -> int:
        """Least distance of two `last`s, cycles: a column's drain chain must have moved all its sums out."""
        return 2 * self._rows

    def exit_cycle(self, last: int, row: int, col: int) -> int:
        """Cycle in which the sum that a `last` in cycle `last` completes is on `o[col]`."""
        return last + self.LATENCY + col + 2 * row

    def elaborate(self, platform: object) -> Module:
        m = Module()
        elements = [
            [
                ProcessingElement(self._acc_bits, self._sites[r][c] if self._sites is not None else None)
                for c in range(self._cols)
            ]
            for r in range(self._rows)
        ]
        for r, line in enumerate(elements):
            for c, element in enumerate(line):
                m.submodules[f"{ELEMENT_PREFIX}{r}_{c}"] = element

        # Reset travels as a clearing step: one wave through the array, so the elements need no reset net.
        done = self.ctl.valid & self.ctl.last
        reset = ResetSignal(allow_reset_less=True)
        delay = ProcessingElement.CONTROL_DELAY
        step, last = delayed(m, self.ctl.valid | reset, delay), delayed(m, done | reset, delay)
        for c in range(self._cols):
            column = [line[c] for line in elements]
            m.d.comb += [
                column[0].w_i.eq(delayed(m, self.w[c], c)),
                column[0].step_i.eq(step),
                column[0].last_i.eq(last),
                self.o[c].eq(column[0].drain),
            ]
            for upper, lower in zip(column, column[1:], strict=False):
                m.d.comb += [
                    lower.w_i.eq(upper.w_o),
                    lower.step_i.eq(upper.step_o),
                    lower.last_i.eq(upper.last_o),
                    upper.below.eq(lower.drain),
                ]
            step, last = delayed(m, step, 1), delayed(m, last, 1)
        for r, line in enumerate(elements):
            m.d.comb += line[0].a_i.eq(self.a[r])
            for left, right in zip(line, line[1:], strict=False):
                m.d.comb += right.a_i.eq(left.a_o)

        # Sums of column 0 leave in every second of 2 R cycles: odd counts.
        count = Signal(range(2 * self._rows))
        with m.If(delayed(m, done, self.LATENCY - 1, control=True)):
            m.d.sync += count.eq(2 * self._rows - 1)
        with m.Elif(count != 0):
            m.d.sync += count.eq(count - 1)
        valid: Value = count[0]
        for c in range(self._cols):
            m.d.comb += self.o_valid[c].eq(valid)
            valid = delayed(m, valid, 1, control=True)
        return m
