"""Where the fetch's present beat is: word offset in its row, column, half of the word, whether an output is due."""

from __future__ import annotations

from abc import ABC, abstractmethod

from amaranth.hdl import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.fetch.beat_loops import BeatPlace
from hwgen.hw.isa.config import WORD_BYTES, CoreConfig
from hwgen.hw.isa.descriptor import Descriptor, FeedMode
from hwgen.hw.memory.activation_memory import ADDRESS_BITS

COLUMN_BITS = 12
"""Of a column: in_x + (out_w - 1) * stride_x + (kernel_w - 1) * tap_columns, signed."""

_KERNEL_BITS = 3  # of the columns of a window


class BeatAddresses(wiring.Component, ABC):
    """Running sums over the loops of the fetch (see `BeatLoops`): no multiplier. A subclass says how offset and column go on.

    Parameters:
        config: `window_lanes`, `shared_taps`.
        stride_bits: bits of the strides.

    Members:
        descriptor : In(Descriptor), stable from two cycles before `begin`.
        begin : In(1), strobe: the first beat is next.
        issue : In(1), the present beat has its turn: go on to the next one.
        place : In(BeatPlace), of the present beat.
        offset : Out(14), word offset from the row's first word.
        column : Out(signed(12)), column of the input, possibly outside.
        odd : Out(1), the subgroup lies in the upper half of its words.
        window_emit : Out(1), in WINDOW: an output is due with this column.

    Timing: outputs are the first beat's from the cycle after `begin` on, the next one's from the cycle after `issue` on, and come from
    registers (`window_emit` through a comparison).
    """

    def __init__(self, config: CoreConfig, stride_bits: int) -> None:
        self._halves = config.window_lanes < WORD_BYTES
        self._shared_taps = config.shared_taps
        self._stride_bits = stride_bits
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "begin": In(1),
                "issue": In(1),
                "place": In(BeatPlace),
                "offset": Out(ADDRESS_BITS),
                "column": Out(signed(COLUMN_BITS)),
                "odd": Out(1),
                "window_emit": Out(1),
            }
        )

    @abstractmethod
    def _following_offset(self, m: Module, tap: Value, offset: Value, origin: Value, step_x: Value) -> Value:
        """Offset of the next beat; `offset`: of the present one, `origin`: of the first one, `step_x`: from a column to the next."""

    @abstractmethod
    def _next_line(self, tap: Value, of_tap: Value) -> Value:
        """Column of the next line's first beat; `of_tap`: of the present line's first beat."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        d, place = self.descriptor, self.place
        tap, strides = Signal(), Signal()
        m.d.sync += [tap.eq(d.mode == FeedMode.TAP), strides.eq(self._strides())]
        self._odd(m)

        origin, step_x = self._constants(m)
        offset = Signal(ADDRESS_BITS, name="offset_x", reset_less=True)
        following_offset = self._following_offset(m, tap, offset, origin, step_x)
        with m.If(self.issue):
            m.d.sync += offset.eq(following_offset)
        with m.If(self.begin):
            m.d.sync += offset.eq(origin)

        column, of_tap = Signal(signed(COLUMN_BITS), reset_less=True), Signal(signed(COLUMN_BITS), reset_less=True)
        following = Signal(signed(COLUMN_BITS))
        next_column = column + Mux(strides, d.stride_x[: self._stride_bits], 1)
        m.d.comb += following.eq(Mux(place.x_last, self._next_line(tap, of_tap), next_column))
        with m.If(self.issue):
            m.d.sync += column.eq(following)
            with m.If(place.x_last):
                m.d.sync += of_tap.eq(following)
        with m.If(self.begin):
            m.d.sync += [column.eq(d.in_x), of_tap.eq(d.in_x)]

        self._emit(m)
        m.d.comb += [self.offset.eq(offset), self.column.eq(column)]
        return m

    def _odd(self, m: Module) -> None:
        if not self._halves:
            return
        odd = Signal()
        with m.If(self.issue & self.place.group_end):
            m.d.sync += odd.eq(~odd & ~self.place.group_last)
        with m.If(self.begin):
            m.d.sync += odd.eq(0)
        m.d.comb += self.odd.eq(odd)

    def _next_word(self) -> Value:
        """Words from a subgroup to the next."""
        return self.odd if self._halves else Const(1)

    def _strides(self) -> Value:
        """A beat's column is a stride from the one before it; else they are neighbours."""
        tap = self.descriptor.mode == FeedMode.TAP
        return tap & ~self.descriptor.shared if self._shared_taps else tap

    def _constants(self, m: Module) -> tuple[Signal, Signal]:
        """Registers: the first beat's offset, and the step from a column to the next."""
        d = self.descriptor
        # The first beat's offset: first_word + in_x * pixel_words, in two cycles.
        low, high = Signal(signed(ADDRESS_BITS), reset_less=True), Signal(signed(ADDRESS_BITS), reset_less=True)
        constant, origin = Signal(signed(ADDRESS_BITS), reset_less=True), Signal(ADDRESS_BITS, reset_less=True)
        times = [Mux(d.in_x[i], d.pixel_words, 0) for i in range(len(d.in_x))]
        words: Value = Const(0, 1)
        for i in range(self._stride_bits):
            words = words + (Mux(d.stride_x[i], d.pixel_words, 0) << i)
        step_x = Signal(len(d.pixel_words) + self._stride_bits, reset_less=True)
        m.d.sync += [
            low.eq(times[0] + (times[1] << 1)),
            high.eq(times[2] + (times[3] << 1)),
            constant.eq(d.first_word - (times[4] << 4)),
            origin.eq(low + (high << 2) + constant),
            step_x.eq(Mux(self._strides(), words, d.pixel_words)),
        ]
        return origin, step_x

    def _start_of(self, m: Module, name: str, origin: Value, following: Value, ends: Value) -> Signal:
        """Register: the present turn's first offset, of a loop whose turn ends with a beat for which `ends` is 1."""
        first = Signal(ADDRESS_BITS, name=name, reset_less=True)
        with m.If(self.issue & ends):
            m.d.sync += first.eq(following)
        with m.If(self.begin):
            m.d.sync += first.eq(origin)
        return first

    def _emit(self, m: Module) -> None:
        d = self.descriptor
        wait = Signal(_KERNEL_BITS, reset_less=True)  # columns before the next output
        window, due = Signal(), Signal()
        m.d.sync += window.eq(d.mode == FeedMode.WINDOW)
        m.d.comb += [due.eq(wait == 0), self.window_emit.eq(window & due)]
        with m.If(self.issue):
            m.d.sync += wait.eq(Mux(due, d.stride_x[: self._stride_bits], wait) - 1)
        with m.If(self.begin | (self.issue & self.place.x_last)):
            m.d.sync += wait.eq(d.kernel_w[:_KERNEL_BITS] - 1)


class PlainBeatAddresses(BeatAddresses):
    """Of the loops of `PlainLoops`; strides up to 3. Parameters, members and timing as of `BeatAddresses`."""

    def __init__(self, config: CoreConfig) -> None:
        super().__init__(config, stride_bits=2)

    def _following_offset(self, m: Module, tap: Value, offset: Value, origin: Value, step_x: Value) -> Value:
        d, place = self.descriptor, self.place
        base, step, following = Signal(ADDRESS_BITS), Signal(len(step_x)), Signal(ADDRESS_BITS)
        of_group = self._start_of(m, "offset_group", origin, following, place.x_last)  # of a word or subgroup
        of_tap = self._start_of(m, "offset_tap", origin, following, place.tap_end)
        next_word = place.group_end & (tap | self._next_word())
        m.d.comb += [
            base.eq(Mux(place.tap_end, of_tap, Mux(place.x_last, of_group, offset))),
            step.eq(Mux(place.tap_end, d.pixel_words, Mux(place.x_last, next_word, step_x))),
            following.eq(Mux(place.tap_end & place.kx_last, origin, base + step)),
        ]
        return following

    def _next_line(self, tap: Value, of_tap: Value) -> Value:
        place = self.place
        return Mux(place.group_last, Mux(place.kx_last, self.descriptor.in_x, of_tap + 1), of_tap)
