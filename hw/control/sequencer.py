"""Sequencer: starts the passes one after the other, by the descriptors that the DMA brings or that are there from the beginning."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwgen.hw.ecp5.bram import SimpleDualPort, simple_latency
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.descriptor import DESCRIPTOR_HALFWORDS, Descriptor, halfwords
from hwgen.hw.isa.memories import DESCRIPTOR_SLOT_BITS, QUEUE_DEPTH, descriptor_words
from hwgen.hw.lib.delay import delay_line
from hwgen.hw.lib.register_copies import register_copies

_ENABLED_BITS = 64  # registers that one enable steers at most

START_GAP = 4
"""Cycles from a pass's `done` to the `start` of the next one when its descriptor is loaded."""

LOAD_CYCLES = DESCRIPTOR_HALFWORDS + 3
"""Least cycles from one `start` to the next: the descriptor behind a pass is loaded while the pass runs."""


def resident_load_cycles(passes: int) -> int:
    """LOAD_CYCLES where the descriptors are resident: their memory is a block RAM with output registers."""
    return DESCRIPTOR_HALFWORDS + 1 + simple_latency(descriptor_words(passes))


class Sequencer(wiring.Component):
    """Two descriptor registers (present and next) behind a queue in memory, or behind a memory that holds all descriptors.

    The next descriptor is read from the memory in the background, a halfword per cycle. When the present pass is
    done and the next descriptor is complete, it becomes the present one and `start` strobes. Resident descriptors are read in a
    circle: the first one is loaded again as soon as the last one has become the present pass.

    Parameters:
        resident: packed descriptors of all passes of a frame; empty: the DMA pushes them.

    Members:
        push : In({valid: 1, data: 16}), halfwords of descriptors, least significant first, from the DMA.
        room : Out(1), the queue has room for a whole descriptor; look at it before its first halfword.
        frame_start : In(1), strobe: forget everything and begin a frame. With resident descriptors not during a frame, and
            resident_load_cycles after the frame before it or later.
        done : In(1), strobe: the present pass has written its last word.
        descriptor : Out(Descriptor), present pass; stable from `start` to `done`.
        starting : Out(1), strobe in the first cycle of the new descriptor; start : Out(1), strobe in its second one.
        running : Out(1), a pass is under way (from the new descriptor to `done`).
        passes_done : Out(16), passes finished in this frame.
        frame_done : Out(1), strobe with the end of the pass marked `last`.

    Timing: next `start` = max(`done` + START_GAP, `start` + LOAD_CYCLES) if its descriptor is in the queue; resident
    descriptors: resident_load_cycles instead, and the first `start` START_GAP cycles after `frame_start`.
    """

    def __init__(self, resident: Sequence[int] = ()) -> None:
        self._resident = resident
        super().__init__(
            {
                "push": In(data.StructLayout({"valid": 1, "data": 16})),
                "room": Out(1),
                "frame_start": In(1),
                "done": In(1),
                "descriptor": Out(Descriptor),
                "starting": Out(1),
                "start": Out(1),
                "running": Out(1),
                "passes_done": Out(16),
                "frame_done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        following = Signal(16 * DESCRIPTOR_HALFWORDS, reset_less=True)
        loaded = Signal()  # `following` is complete
        load = Signal()  # it becomes the present pass
        if self._resident:
            self._read_resident(m, following, loaded, load)
        else:
            self._read_queue(m, following, loaded, load)

        # The pass under way.
        in_frame = Signal()
        last = Signal()
        present = Signal(16 * DESCRIPTOR_HALFWORDS, reset_less=True)
        m.d.comb += [
            load.eq(in_frame & ~self.running & loaded),
            self.descriptor.as_value().eq(present),
        ]
        taking = Signal()
        # A cycle between the new descriptor and `start`: its fields reach far.
        m.d.sync += [
            taking.eq(load),
            self.starting.eq(taking),
            self.start.eq(self.starting),
            self.frame_done.eq(0),
        ]
        with m.If(load):
            m.d.sync += self.running.eq(1)
        _follow(m, "taking", load, present, following)
        m.d.comb += last.eq(self.descriptor.last)
        with m.If(self.done & self.running):
            m.d.sync += [self.running.eq(0), self.passes_done.eq(self.passes_done + 1)]
            with m.If(last):
                m.d.sync += [in_frame.eq(0), self.frame_done.eq(1)]
        with m.If(self.frame_start):
            m.d.sync += [in_frame.eq(1), self.running.eq(0), self.passes_done.eq(0)]
        return m

    def _read_queue(self, m: Module, following: Signal, loaded: Signal, load: Value) -> None:
        """A queue that the DMA fills, and the loader of the oldest descriptor."""
        slots = QUEUE_DEPTH
        slot_bits = (slots - 1).bit_length()
        m.submodules.queue = queue = Memory(shape=16, depth=slots << DESCRIPTOR_SLOT_BITS, init=[])
        write = queue.write_port()
        read = queue.read_port()

        # The DMA's side: halfwords go to {tail, index}; a whole descriptor moves the tail.
        tail = Signal(slot_bits)
        index = Signal(DESCRIPTOR_SLOT_BITS)
        queued = Signal(range(slots + 1))
        taken = Signal()
        pushed = Signal()
        m.d.comb += [
            write.en.eq(self.push.valid),
            write.addr.eq((tail << DESCRIPTOR_SLOT_BITS) | index),
            write.data.eq(self.push.data),
            pushed.eq(self.push.valid & (index == DESCRIPTOR_HALFWORDS - 1)),
        ]
        with m.If(self.push.valid):
            m.d.sync += index.eq(index + 1)
        with m.If(pushed):
            m.d.sync += [index.eq(0), tail.eq(tail + 1)]
        m.d.sync += [
            queued.eq(queued + pushed - taken),
            # `queued` lags by a cycle, and a push needs many: comparing with one less is never too late.
            self.room.eq(queued < slots - 1),
        ]

        # The loader: shifts the oldest descriptor into `following`.
        head = Signal(slot_bits)
        loading = Signal()
        fetched = Signal()
        count = Signal(DESCRIPTOR_SLOT_BITS)
        m.d.comb += [
            read.en.eq(1),
            read.addr.eq((head << DESCRIPTOR_SLOT_BITS) | count),
        ]
        # After `frame_start` a halfword may still come that belongs nowhere: the next descriptor moves it out.
        _follow(m, "shift", loading, following, _shifted_in(following, read.data))
        m.d.sync += fetched.eq(loading)
        with m.If(loading):
            m.d.sync += count.eq(count + 1)
            with m.If(count == DESCRIPTOR_HALFWORDS - 1):
                m.d.comb += taken.eq(1)
                m.d.sync += [loading.eq(0), head.eq(head + 1)]
        with m.Elif(fetched):
            m.d.sync += loaded.eq(1)
        with m.Elif(~loaded & (queued != 0)):
            m.d.sync += [loading.eq(1), count.eq(0)]
        with m.If(load):
            m.d.sync += loaded.eq(0)
        with m.If(self.frame_start):
            cleared = (loaded, loading, fetched, queued, head, tail, index)
            m.d.sync += [signal.eq(0) for signal in cleared]

    def _read_resident(self, m: Module, following: Signal, loaded: Signal, load: Value) -> None:
        """All descriptors in a memory that nobody writes, and a loader that reads them in a circle."""
        passes = len(self._resident)
        words = [0] * descriptor_words(passes)
        for number, descriptor in enumerate(self._resident):
            first = descriptor_words(number)
            words[first : first + DESCRIPTOR_HALFWORDS] = halfwords(descriptor, DESCRIPTOR_HALFWORDS)
        m.submodules.descriptors = memory = SimpleDualPort(16, len(words), words)
        head = Signal(range(passes))
        count = Signal(DESCRIPTOR_SLOT_BITS)
        loading = Signal(init=1)
        m.d.comb += [memory.r_en.eq(1), memory.r_addr.eq(Cat(count, head))]

        arriving = delay_line(m, loading, memory.latency, "arriving", control=True)
        _follow(m, "shift", arriving[-2], following, _shifted_in(following, memory.r_data))
        with m.If(arriving[-1] & ~arriving[-2]):
            m.d.sync += loaded.eq(1)
        m.d.sync += count.eq(count + 1)
        with m.If(count == DESCRIPTOR_HALFWORDS - 1):
            m.d.sync += loading.eq(0)
        with m.If(load):
            m.d.sync += [loaded.eq(0), loading.eq(1), count.eq(0), head.eq(Mux(head == passes - 1, 0, head + 1))]


def _follow(m: Module, name: str, enable: Value, register: Signal, value: Value) -> None:
    """`register` takes `value` in the cycle after `enable`, which is as many registers as so wide a one needs."""
    for i, enabled in enumerate(register_copies(m, name, enable, ceil_div(len(register), _ENABLED_BITS))):
        part = slice(i * _ENABLED_BITS, (i + 1) * _ENABLED_BITS)
        with m.If(enabled):
            m.d.sync += register[part].eq(value[part])


def _shifted_in(following: Value, halfword: Value) -> Value:
    """A descriptor register with one more halfword, the first one of all in the least significant bits in the end."""
    return (halfword << (16 * (DESCRIPTOR_HALFWORDS - 1))) | (following >> 16)
