"""Burst requester: asks for the command stream ahead of its use, on the memory's side."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.memories import FIFO_DEPTH
from hwgen.hw.memory.sdram_config import ADDRESS_BITS, BURST

REQUEST_PERIOD = 2
"""Least cycles from a request that is taken to the next one."""

ROOM_DELAY = 1
"""Cycles from a change of `taken` to the request that it makes room for."""


class BurstRequester(wiring.Component):
    """Asks for consecutive bursts as long as there is room for what they bring.

    Parameters:
        word: halfwords of a word, a divisor of a burst's.

    Members:
        start : In(1), strobe: from `base` on; everything asked for before has been taken.
        base : In(24), halfword address, a multiple of 8.
        stop : In(1), strobe: no burst is asked for behind it, but a request that shows stays until it is taken.
        taken : In(range(2 * FIFO_DEPTH // word)), words that the core's side has taken, modulo that range.
        read : Out(stream of 24-bit halfword addresses), to the SDRAM controller.
        reading : Out(1), from the cycle after `start` until `stop` has its way.

    Timing: the first request comes in the cycle after `start`, each further one REQUEST_PERIOD cycles after the one before was taken at
    the earliest, and ROOM_DELAY cycles after the one in which `taken` shows that no more than FIFO_DEPTH halfwords less a burst are under
    way or waiting.
    """

    def __init__(self, word: int) -> None:
        self._word = word
        super().__init__(
            {
                "start": In(1),
                "base": In(ADDRESS_BITS),
                "stop": In(1),
                "taken": In(range(2 * FIFO_DEPTH // word)),
                "read": Out(stream.Signature(unsigned(ADDRESS_BITS))),
                "reading": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        words, depth = BURST // self._word, FIFO_DEPTH // self._word
        next_burst = Signal(ADDRESS_BITS - 3, reset_less=True)
        asked = Signal.like(self.taken)
        waiting = Signal.like(self.taken)
        room, accepted, stopping = Signal(), Signal(), Signal()
        m.d.comb += [
            self.read.payload.eq(Cat(Const(0, 3), next_burst)),
            self.read.valid.eq(self.reading & room),
            accepted.eq(self.read.valid & self.read.ready),
            waiting.eq(asked - self.taken),
        ]
        m.d.sync += room.eq((waiting <= depth - words) & ~accepted)
        with m.If(accepted):
            m.d.sync += [next_burst.eq(next_burst + 1), asked.eq(asked + words)]
        with m.If(self.stop):
            m.d.sync += stopping.eq(1)
        with m.If(stopping & (accepted | ~self.read.valid)):
            m.d.sync += self.reading.eq(0)
        with m.If(self.start):
            m.d.sync += [self.reading.eq(1), stopping.eq(0), next_burst.eq(self.base[3:])]
        return m
