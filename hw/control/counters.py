"""Performance counters: every cycle of a frame by what the array did or waited for, pass by pass."""

from __future__ import annotations

from itertools import pairwise

from amaranth import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.counters import RECORD_WORDS, RECORDED_PASSES, Counter, counter_words


class Counters(wiring.Component):
    """Counts per pass and writes a record when the pass is done.

    Parameters:
        passes: of a frame, if that is known; the memory is only as large as it must be.

    Members:
        frame_start, start, done : In(1), strobes of the sequencer's pass.
        issuing, pixels, room, chains : In(1), conditions that are counted; at most one at a time.
        working : In(1), one of them holds; only in the cycles after `start` up to `done`.
        frame_cycles : Out(32), cycles from `frame_start` to the last `done` so far.
        read_addr : In(12), word address: pass * RECORD_WORDS + Counter.
        read_data : Out(32), two cycles after the address.
        record : Out({valid, data(32)}), the words of the records one by one, also of those that the memory has no room for.

    Timing: a pass's cycles are counted from the one after `start` to `done`, because the feeder says what it did in the cycle before. A
    record is complete `RECORD_WORDS` + 2 cycles after `done`; the next `done` is RECORD_WORDS after it at the earliest.
    """

    def __init__(self, passes: int = RECORDED_PASSES) -> None:
        self._passes = min(passes, RECORDED_PASSES)
        super().__init__(
            {
                "frame_start": In(1),
                "start": In(1),
                "done": In(1),
                "issuing": In(1),
                "pixels": In(1),
                "room": In(1),
                "chains": In(1),
                "working": In(1),
                "frame_cycles": Out(32),
                "read_addr": In(12),
                "read_data": Out(32),
                "record": Out(data.StructLayout({"valid": 1, "data": 32})),
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

        under_way, finished = Signal(), Signal()
        m.d.sync += finished.eq(self.done)
        with m.If(self.done | self.frame_start):
            m.d.sync += under_way.eq(0)
        with m.Elif(self.start):
            m.d.sync += under_way.eq(1)
        conditions = {
            Counter.CYCLES: under_way,
            Counter.WAIT: ~under_way,  # between frames too, but `frame_start` forgets that
            Counter.ISSUING: self.issuing,
            Counter.PIXELS: self.pixels,
            Counter.ROOM: self.room,
            Counter.CHAINS: self.chains,
            Counter.OUTSIDE: under_way & ~self.working,
        }

        writing = Signal()
        held = [Signal(32, name=f"hold_{counter.name.lower()}", reset_less=True) for counter in Counter]
        # Shifted out: the way to the memory is short.
        with m.If(writing):
            m.d.sync += [hold.eq(following) for hold, following in pairwise(held)]
        for hold, counter in zip(held, Counter, strict=True):
            condition = conditions[counter]
            count = Signal(32, name=f"count_{counter.name.lower()}")
            m.d.sync += count.eq(count + condition)
            with m.If(finished):
                m.d.sync += [hold.eq(count), count.eq(condition)]
            with m.If(self.frame_start):
                m.d.sync += count.eq(0)

        word = Signal(range(RECORD_WORDS))
        address = Signal(range(depth))
        full = Signal()
        m.d.comb += [
            self.record.valid.eq(writing),
            self.record.data.eq(held[0]),
            write.en.eq(writing & ~full),
            write.addr.eq(address),
            write.data.eq(held[0]),
        ]
        m.d.sync += full.eq(address == self._passes * RECORD_WORDS)
        with m.If(writing):
            m.d.sync += word.eq(word + 1)
            with m.If(~full):
                m.d.sync += address.eq(address + 1)
            with m.If(word == RECORD_WORDS - 1):
                m.d.sync += writing.eq(0)
        with m.If(finished):
            m.d.sync += [writing.eq(1), word.eq(0)]
        with m.If(self.frame_start):
            m.d.sync += [writing.eq(0), address.eq(0)]
        return m
