"""Where the fetch's present beat is: word offset in its row, column, half of the word, whether an output is due."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.config import WORD_BYTES, CoreConfig
from hwgen.hw.isa.descriptor import Descriptor, FeedMode
from hwgen.hw.memory.activation_memory import ADDRESS_BITS

_COLUMN_BITS = 12  # in_x + (out_w - 1) * stride_x + (kernel_w - 1) * tap_columns, signed
_KERNEL_BITS = 3  # of the columns of a window
_STRIDE_BITS, _STEPPING_STRIDE_BITS = 2, 3


class BeatAddresses(wiring.Component):
    """Running sums over the loops of the fetch (see `hwgen.hw.fetch.fetch.Fetch`): no multiplier.

    Parameters:
        config: `window_lanes`, `row_steps`.

    Members:
        descriptor : In(Descriptor), stable from two cycles before `begin`.
        begin : In(1), strobe: the first beat is next.
        issue : In(1), the present beat has its turn: go on to the next one.
        line_end : In(1), the present beat is the last of the loop over x.
        group_end : In(1), and of its word (TAP) or subgroup; in SUM a subgroup has many lines, with row steps in WINDOW too.
        group_last : In(1), the present word or subgroup is the last one.
        tap_end : In(1), the present beat is the last of a tap (WINDOW: of an output row; SUM: never).
        kx_last : In(1), the present tap (with row steps in WINDOW: block) is the last of its row.
        offset : Out(14), word offset from the row's first word.
        column : Out(signed(12)), column of the input, possibly outside.
        odd : Out(1), the subgroup lies in the upper half of its words.
        window_emit : Out(1), in WINDOW: an output is due with this column.
    """

    def __init__(self, config: CoreConfig) -> None:
        self._halves = config.window_lanes < WORD_BYTES
        self._steps = config.row_steps
        self._stride_bits = _STEPPING_STRIDE_BITS if config.row_steps else _STRIDE_BITS
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "begin": In(1),
                "issue": In(1),
                "line_end": In(1),
                "group_end": In(1),
                "group_last": In(1),
                "tap_end": In(1),
                "kx_last": In(1),
                "offset": Out(ADDRESS_BITS),
                "column": Out(signed(_COLUMN_BITS)),
                "odd": Out(1),
                "window_emit": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        tap = Signal()
        m.d.sync += tap.eq(self.descriptor.mode == FeedMode.TAP)
        self._odd(m)
        if self._steps:
            self._stepping_offset(m, tap)
        else:
            self._offset(m, tap)
        self._column(m, tap)
        self._emit(m)
        return m

    def _odd(self, m: Module) -> None:
        if not self._halves:
            return
        odd = Signal()
        with m.If(self.issue & self.group_end):
            m.d.sync += odd.eq(~odd & ~self.group_last)
        with m.If(self.begin):
            m.d.sync += odd.eq(0)
        m.d.comb += self.odd.eq(odd)

    def _constants(self, m: Module) -> tuple[Signal, Signal]:
        """Registers: the first beat's offset, and the step from a column to the next."""
        d = self.descriptor
        # The first beat's offset: first_word + in_x * pixel_words, in two cycles.
        low, high = Signal(signed(ADDRESS_BITS), reset_less=True), Signal(signed(ADDRESS_BITS), reset_less=True)
        constant, origin = Signal(signed(ADDRESS_BITS), reset_less=True), Signal(ADDRESS_BITS, reset_less=True)
        times = [Mux(d.in_x[i], d.pixel_words, 0) for i in range(len(d.in_x))]
        strides = [Mux(d.stride_x[i], d.pixel_words, 0) for i in range(self._stride_bits)]
        words = strides[0] + (strides[1] << 1)
        if self._steps:
            words = words + (strides[2] << 2)
        step_x = Signal(len(d.pixel_words) + self._stride_bits, reset_less=True)
        m.d.sync += [
            low.eq(times[0] + (times[1] << 1)),
            high.eq(times[2] + (times[3] << 1)),
            constant.eq(d.first_word - (times[4] << 4)),
            origin.eq(low + (high << 2) + constant),
            step_x.eq(Mux(d.mode == FeedMode.TAP, words, d.pixel_words)),
        ]
        return origin, step_x

    def _stepping_offset(self, m: Module, tap: Signal) -> None:
        """Offsets of the present beat, of the first beat of its line, and of the first beat of its tap (TAP) or subgroup.

        TAP: for kx: for word: line; WINDOW: for subgroup: for ky: for kx: line; SUM: for subgroup: line.
        """
        d = self.descriptor
        origin, step_x = self._constants(m)
        offset, of_line, of_outer = (
            Signal(ADDRESS_BITS, name=name, reset_less=True) for name in ("offset_x", "offset_line", "offset_outer")
        )
        outer_end, again, restarts = Signal(), Signal(), Signal()
        base, step, following = Signal(ADDRESS_BITS), Signal(ADDRESS_BITS), Signal(ADDRESS_BITS)
        next_word = self.odd if self._halves else Const(1)
        m.d.comb += [
            outer_end.eq(Mux(tap, self.tap_end, self.group_end)),
            again.eq(self.line_end & ~tap & self.kx_last),  # the subgroup's first columns, in other rows
            restarts.eq(outer_end & Mux(tap, self.kx_last, self.group_last)),
            base.eq(Mux(outer_end | again, of_outer, Mux(self.line_end, of_line, offset))),
        ]
        with m.If(~self.line_end):
            m.d.comb += step.eq(step_x)
        with m.Elif(outer_end):
            m.d.comb += step.eq(Mux(tap, d.tap_words, next_word))
        with m.Else():
            m.d.comb += step.eq(Mux(tap, 1, Mux(self.kx_last, 0, d.tap_words)))
        m.d.comb += [following.eq(Mux(restarts, origin, base + step)), self.offset.eq(offset)]
        with m.If(self.issue):
            m.d.sync += offset.eq(following)
            with m.If(self.line_end):
                m.d.sync += of_line.eq(following)
            with m.If(outer_end):
                m.d.sync += of_outer.eq(following)
        with m.If(self.begin):
            m.d.sync += [signal.eq(origin) for signal in (offset, of_line, of_outer)]

    def _offset(self, m: Module, tap: Signal) -> None:
        """Offsets of the present beat, and of the first beats of its word or subgroup and of its tap."""
        d = self.descriptor
        origin, step_x = self._constants(m)
        offset, of_group, of_tap = (
            Signal(ADDRESS_BITS, name=name, reset_less=True) for name in ("offset_x", "offset_group", "offset_tap")
        )
        base, step, following = Signal(ADDRESS_BITS), Signal(len(step_x)), Signal(ADDRESS_BITS)
        next_word = self.group_end & ((tap | self.odd) if self._halves else Const(1))
        m.d.comb += [
            base.eq(Mux(self.tap_end, of_tap, Mux(self.line_end, of_group, offset))),
            step.eq(Mux(self.tap_end, d.pixel_words, Mux(self.line_end, next_word, step_x))),
            following.eq(Mux(self.tap_end & self.kx_last, origin, base + step)),
            self.offset.eq(offset),
        ]
        with m.If(self.issue):
            m.d.sync += offset.eq(following)
            with m.If(self.line_end):
                m.d.sync += of_group.eq(following)
            with m.If(self.tap_end):
                m.d.sync += of_tap.eq(following)
        with m.If(self.begin):
            m.d.sync += [signal.eq(origin) for signal in (offset, of_group, of_tap)]

    def _column(self, m: Module, tap: Signal) -> None:
        d = self.descriptor
        column, of_tap = Signal(signed(_COLUMN_BITS), reset_less=True), Signal(signed(_COLUMN_BITS), reset_less=True)
        following = Signal(signed(_COLUMN_BITS))
        if self._steps:
            line = Mux(self.group_last | ~tap, Mux(self.kx_last, d.in_x, of_tap + d.tap_columns), of_tap)
        else:
            line = Mux(self.group_last, Mux(self.kx_last, d.in_x, of_tap + 1), of_tap)
        m.d.comb += [
            following.eq(Mux(self.line_end, line, column + Mux(tap, d.stride_x[: self._stride_bits], 1))),
            self.column.eq(column),
        ]
        with m.If(self.issue):
            m.d.sync += column.eq(following)
            with m.If(self.line_end):
                m.d.sync += of_tap.eq(following)
        with m.If(self.begin):
            m.d.sync += [column.eq(d.in_x), of_tap.eq(d.in_x)]

    def _emit(self, m: Module) -> None:
        d = self.descriptor
        wait = Signal(_KERNEL_BITS, reset_less=True)  # columns before the next output
        window, due = Signal(), Signal()
        m.d.sync += window.eq(d.mode == FeedMode.WINDOW)
        m.d.comb += [due.eq(wait == 0), self.window_emit.eq(window & due)]
        with m.If(self.issue):
            m.d.sync += wait.eq(Mux(due, d.stride_x[: self._stride_bits], wait) - 1)
        with m.If(self.begin | (self.issue & self.line_end)):
            m.d.sync += wait.eq(d.kernel_w[:_KERNEL_BITS] - 1)
