"""Output-stationary systolic array: R pixels x C output channels, one multiplier block and one accumulator per element."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, ResetSignal, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.array.element import (
    CONTROL_DELAY,
    LATENCY,
    ActivationProducts,
    ProcessingElement,
    operands,
    product_bits,
)
from hwgen.hw.ecp5.floorplan import multiplier_sites
from hwgen.hw.kept_modules import ELEMENT_PREFIX
from hwgen.hw.lib.delay import delay_line, delayed

ArrayControl = data.StructLayout({"valid": 1, "first": 1, "last": 1})
"""What the operands of a cycle mean.

`valid`: a step, or two; without it the operands are ignored (a bubble). `first`: first step of a sum. `last`: last step of a sum.
A sum starts by itself after the last step of the sum before it, so the array does not look at `first`.
"""


def array_members(rows: int, cols: int, acc_bits: int, steps: int = 1) -> dict[str, wiring.Member]:
    """Members of a `SystolicArray`; raises ValueError for an impossible shape."""
    for name, value in (("rows", rows), ("cols", cols)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value}")
    if steps not in (1, 2):
        raise ValueError(f"steps must be 1 or 2, not {steps}")
    if acc_bits < (least := product_bits(steps)):
        raise ValueError(f"acc_bits must be at least {least}, the width of a product, not {acc_bits}")
    return {
        "a": In(data.ArrayLayout(operands(steps), rows)),
        "w": In(data.ArrayLayout(operands(steps), cols)),
        "ctl": In(ArrayControl),
        "o": Out(data.ArrayLayout(signed(acc_bits), cols)),
        "o_valid": Out(cols),
    }


class SystolicArray(wiring.Component):
    """Matrix product of R rows of activations and C columns of weights, over K, one or two steps of K a cycle.

    Every element (r, c) sums a_r * w_c over the valid steps up to and including a `last`. Finished sums are shifted up, out of the
    array, while the next sums are formed. With two steps a cycle the sums have on top the channel's sum of w0 w1 over its pairs of
    weights, which is known beforehand and belongs into the bias; the row's sum of a0 a1 is subtracted where the sums leave.

    Parameters:
        rows: R.
        cols: C.
        acc_bits: width of the accumulators; finished sums must fit.
        floorplan: part whose multiplier sites are assigned by name ("LFE5U-85F"), or None to leave them to the placer.
        steps: 1 or 2 a cycle.

    Members:
        a : In(ArrayLayout(operands(steps), R)): row r's activations of the steps that have w and ctl in cycle t are taken in cycle t + r.
        w : In(ArrayLayout(operands(steps), C)): weights of the steps, all columns in one cycle.
        ctl : In(ArrayControl): in the same cycle as `w`.
        o : Out(ArrayLayout(signed(acc_bits), C)): finished sums.
        o_valid : Out(C): which columns of `o` carry a finished sum.

    Timing: bubbles (not valid) anywhere, no back-pressure. With `last` in cycle t, the sum of row r and column c
    is on `o[c]` in cycle t + latency + c + 2 r, for that one cycle. Successive `last`s must be at least `min_chunk` = 2 R cycles apart.
    A reset of one cycle clears sums under way; steps may follow in the next cycle.
    """

    def __init__(
        self, rows: int, cols: int, acc_bits: int = 26, floorplan: str | None = None, *, steps: int = 1
    ) -> None:
        self._rows, self._cols, self._acc_bits, self._steps = rows, cols, acc_bits, steps
        self._sites = multiplier_sites(floorplan, rows, cols) if floorplan is not None else None
        self.latency = array_latency(steps)
        """Cycles from `last` to the first finished sum: row 0 of column 0."""
        super().__init__(array_members(rows, cols, acc_bits, steps))

    @property
    def min_chunk(self) -> int:
        """Least distance of two `last`s, cycles: a column's drain chain must have moved all its sums out."""
        return 2 * self._rows

    def exit_cycle(self, last: int, row: int, col: int) -> int:
        """Cycle in which the sum that a `last` in cycle `last` completes is on `o[col]`."""
        return last + self.latency + col + 2 * row

    def elaborate(self, platform: object) -> Module:
        m = Module()
        elements = [
            [
                ProcessingElement(self._acc_bits, self._steps, self._sites[r][c] if self._sites is not None else None)
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
        step, last = delayed(m, self.ctl.valid | reset, CONTROL_DELAY), delayed(m, done | reset, CONTROL_DELAY)
        tops = self._columns(m, elements, step, last)
        for r, line in enumerate(elements):
            m.d.comb += line[0].a_i.eq(self.a[r])
            for left, right in zip(line, line[1:], strict=False):
                m.d.comb += right.a_i.eq(left.a_o)
        if self._steps == 2:
            excess = delay_line(m, self._activation_products(m, step, last), self._cols - 1)
            tops = [self._less(m, top, subtracted) for top, subtracted in zip(tops, excess, strict=True)]
        m.d.comb += [self.o[c].eq(top) for c, top in enumerate(tops)]

        # Sums of column 0 leave in every second of 2 R cycles: odd counts.
        count = Signal(range(2 * self._rows))
        with m.If(delayed(m, done, self.latency - 1, control=True)):
            m.d.sync += count.eq(2 * self._rows - 1)
        with m.Elif(count != 0):
            m.d.sync += count.eq(count - 1)
        valid: Value = count[0]
        for c in range(self._cols):
            m.d.comb += self.o_valid[c].eq(valid)
            valid = delayed(m, valid, 1, control=True)
        return m

    def _columns(self, m: Module, elements: list[list[ProcessingElement]], step: Value, last: Value) -> list[Value]:
        """Weights and control down each column, a cycle later from one to the next; what leaves at their tops."""
        for c in range(self._cols):
            column = [line[c] for line in elements]
            m.d.comb += Value.cast(column[0].w_i).eq(delayed(m, self.w[c], c))
            for upper, lower in zip(column, column[1:], strict=False):
                m.d.comb += lower.w_i.eq(upper.w_o)
            _chain(m, column, step, last)
            step, last = delayed(m, step, 1), delayed(m, last, 1)
        return [column[0].drain for column in zip(*elements, strict=True)]

    def _activation_products(self, m: Module, step: Value, last: Value) -> Value:
        """The rows' sums of a0 a1, as they leave a column beside column 0."""
        column = [ActivationProducts(self._acc_bits) for _ in range(self._rows)]
        for r, element in enumerate(column):
            m.submodules[f"row_{r}"] = element
            m.d.comb += element.a.eq(self.a[r])
        _chain(m, column, step, last)
        return column[0].drain

    def _less(self, m: Module, top: Value, subtracted: Value) -> Value:
        """The difference a cycle later; all of it wraps around as the accumulators do."""
        difference = Signal(signed(self._acc_bits), reset_less=True)
        m.d.sync += difference.eq(top - subtracted.as_signed())
        return difference


def _chain(m: Module, column: Sequence[wiring.Component], step: Value, last: Value) -> None:
    """Control of a column downwards, its sums upwards."""
    m.d.comb += [column[0].step_i.eq(step), column[0].last_i.eq(last)]
    for upper, lower in zip(column, column[1:], strict=False):
        m.d.comb += [
            lower.step_i.eq(upper.step_o),
            lower.last_i.eq(upper.last_o),
            upper.below.eq(lower.drain),
        ]


def array_latency(steps: int) -> int:
    """Cycles from `last` to the first finished sum: the element's, and one more for the subtraction of two steps."""
    return LATENCY + steps - 1
