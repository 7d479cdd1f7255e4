"""Performance counters: for every pass how long it took and what the array waited for."""

from __future__ import annotations

import enum

from amaranth import Array, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out


class Counter(enum.IntEnum):
    """Words of a pass's record, 32 bits each, in clock cycles."""

    CYCLES = 0
    """from `start` to `done`"""
    WAIT = 1
    """before `start`: no pass under way, its descriptor not there yet"""
    ISSUING = 2
    """the array accumulated"""
    PIXELS = 3
    """the feeder waited for pixels"""
    ROOM = 4
    """the feeder waited for room behind the array"""


RECORD_WORDS = len(Counter)
"""Words of a pass's record in the counter memory; records follow each other without a gap."""

_WORDS = 4096

RECORDED_PASSES = _WORDS // RECORD_WORDS
"""Passes of a frame that are recorded; later ones are not (the frame's total is always right)."""

_LEAST_WORDS = 512  # of a block RAM of this width


def counter_words(passes: int) -> int:
    """Words of the memory that records frames of so many passes, at most RECORDED_PASSES."""
    return min(_WORDS, max(_LEAST_WORDS, 1 << (passes * RECORD_WORDS).bit_length()))


class Counters(wiring.Component):
    """Counts per pass and writes a record when the pass is done.

    Parameters:
        passes: of a frame, if that is known; the memory is only as large as it must be.

    Members:
        frame_start, start, done : In(1), strobes of the sequencer's pass.
        waiting, issuing, pixels, room : In(1), conditions that are counted.
        frame_cycles : Out(32), cycles from `frame_start` to the last `done` so far.
        read_addr : In(12), word address: pass * RECORD_WORDS + Counter.
        read_data : Out(32), two cycles after the address.

    Timing: a record is complete `len(Counter) + 1` cycles after `done`; the next `done` is later than that.
    """

    def __init__(self, passes: int = RECORDED_PASSES) -> None:
        self._passes = min(passes, RECORDED_PASSES)
        super().__init__(
            {
                "frame_start": In(1),
                "start": In(1),
                "done": In(1),
                "waiting": In(1),
                "issuing": In(1),
                "pixels": In(1),
                "room": In(1),
                "frame_cycles": Out(32),
                "read_addr": In(12),
                "read_data": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        depth = counter_words(self._passes)
        m.submodules.memory = memory = Memory(shape=32, depth=depth, init=[])
        write = memory.write_port()
        read = memory.read_port()
        m.d.comb += [read.addr.eq(self.read_addr), read.en.eq(1)]
        m.d.sync += self.read_data.eq(read.data)  # half a cycle is gone when the memory has answered

        total = Signal(32)
        m.d.sync += total.eq(total + 1)
        with m.If(self.frame_start):
            m.d.sync += total.eq(1)  # the next cycle is cycle 1
        with m.If(self.done):
            m.d.sync += self.frame_cycles.eq(total)

        conditions = {
            Counter.CYCLES: Signal(name="under_way"),
            Counter.WAIT: self.waiting,
            Counter.ISSUING: self.issuing,
            Counter.PIXELS: self.pixels,
            Counter.ROOM: self.room,
        }
        under_way = conditions[Counter.CYCLES]
        active = Signal()
        m.d.comb += under_way.eq((active | self.start) & ~self.done)
        with m.If(self.start):
            m.d.sync += active.eq(1)
        with m.If(self.done):
            m.d.sync += active.eq(0)

        held = []
        for counter, condition in conditions.items():
            count = Signal(32, name=f"count_{counter.name.lower()}")
            hold = Signal(32, name=f"hold_{counter.name.lower()}")
            m.d.sync += count.eq(count + condition)
            with m.If(self.done):
                m.d.sync += [hold.eq(count), count.eq(condition)]
            with m.If(self.frame_start):
                m.d.sync += count.eq(0)
            held.append(hold)

        word = Signal(range(RECORD_WORDS))
        address = Signal(range(depth))
        writing, full = Signal(), Signal()
        m.d.comb += [
            write.en.eq(writing & ~full),
            write.addr.eq(address),
            write.data.eq(Array(held)[word]),
        ]
        m.d.sync += full.eq(address == self._passes * RECORD_WORDS)
        with m.If(writing):
            m.d.sync += word.eq(word + 1)
            with m.If(~full):
                m.d.sync += address.eq(address + 1)
            with m.If(word == len(held) - 1):
                m.d.sync += writing.eq(0)
        with m.If(self.done):
            m.d.sync += [writing.eq(1), word.eq(0)]
        with m.If(self.frame_start):
            m.d.sync += [writing.eq(0), address.eq(0)]
        return m
