"""Keeps the answers that have been asked for in order, and has them sent one after the other."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.host.asked import Asked
from hwgen.hw.isa.host_protocol import (
    CHECKSUM_BYTES,
    IDENTITY_BYTES,
    LATE_COMMANDS,
    STATUS_BYTES,
    UNDER_WAY,
    Command,
    Status,
)
from hwgen.hw.lib.fifo import StreamFifo
from hwgen.hw.memory.sdram_config import ADDRESS_BITS, BURST

AnswerJob = data.StructLayout(
    {
        "command": (max(Command)).bit_length(),
        "status": Status,
        "sequence": 8,
        "length": 16,
        "address": ADDRESS_BITS,
        "with_data": 1,
    }
)
"""An answer to send: the request's header, how it ended, and whether that is to be answered with data."""

_OWN_LENGTH = {
    Command.IDENTIFY: IDENTITY_BYTES,
    Command.STATUS: STATUS_BYTES,
    Command.CHECKSUM: CHECKSUM_BYTES,
    Command.START: 0,
}
"""Bytes of data in the answers that do not have as many as the request's length."""


class AnswerQueue(wiring.Component):
    """Answers in order, the first one taken apart for those who send it and fetch its data.

    Members:
        i : In(stream of AnswerJob); takes UNDER_WAY at least.
        reading : Out(1), one of LATE_COMMANDS has not been sent.
        start : Out(1), strobe: send the first one; sending : In(1), it is being sent, from the cycle after `start` on.
        status : Out(Status), sequence : Out(8), of the first answer; length : Out(16), bytes of its data.
        asked : Out(Asked), its command; units : Out(16), the length of its request.
        address : Out(24), of the unit of data that is to be fetched; advance : In(1), strobe: go on to the next unit, or burst.

    Timing: what is of the first answer is stable from the cycle before `start`, `length` from `start` on, until `sending` falls.
        `start` strobes SETTLED + 2 cycles after the transfer of an answer if none was waiting. `reading` follows a transfer, and the end
        of `sending`, by a cycle.
    """

    SETTLED = 2
    """Cycles from an answer's appearance to its being taken apart: the command, then the length."""

    def __init__(self) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(AnswerJob)),
                "reading": Out(1),
                "start": Out(1),
                "sending": In(1),
                "status": Out(Status),
                "sequence": Out(8),
                "length": Out(16),
                "asked": Out(Asked),
                "units": Out(16),
                "address": Out(ADDRESS_BITS),
                "advance": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.fifo = fifo = StreamFifo(AnswerJob, UNDER_WAY)
        wiring.connect(m, wiring.flipped(self.i), fifo.i)
        first, given = fifo.o.payload, fifo.o.ready
        started = Signal()
        settled = Signal(self.SETTLED)
        m.d.sync += settled.eq(Mux(given, 0, Cat(fifo.o.valid, settled[:-1])))
        m.d.comb += [self.start.eq(settled[-1] & ~started), given.eq(started & ~self.sending)]
        with m.If(self.start):
            m.d.sync += started.eq(1)
        with m.Elif(given):
            m.d.sync += started.eq(0)

        asked = Signal(Asked, reset_less=True)
        length = Signal(16, reset_less=True)
        address = Signal(ADDRESS_BITS, reset_less=True)
        for command in Command:
            m.d.sync += getattr(asked, command.name.lower()).eq(first.with_data & (first.command == command.value))
        m.d.sync += length.eq(Mux(first.with_data, first.length, 0))
        for command, octets in _OWN_LENGTH.items():
            with m.If(getattr(asked, command.name.lower())):
                m.d.sync += length.eq(octets)
        with m.If(~started):
            m.d.sync += address.eq(first.address)
        with m.Elif(self.advance):
            m.d.sync += address.eq(address + Mux(asked.read | asked.checksum, BURST, 1))
        m.d.comb += [
            self.status.eq(first.status),
            self.sequence.eq(first.sequence),
            self.length.eq(length),
            self.asked.eq(asked),
            self.units.eq(first.length),
            self.address.eq(address),
        ]
        self._count_readers(m, fifo)
        return m

    def _count_readers(self, m: Module, fifo: StreamFifo) -> None:
        """The answers here whose data are taken while they are sent."""

        def reads(job: data.View[data.StructLayout]) -> Signal:
            is_ = [job.command == command.value for command in LATE_COMMANDS]
            return job.with_data & Cat(is_).any()

        readers = Signal(range(2 * UNDER_WAY + 2))
        entered = self.i.valid & self.i.ready & reads(self.i.payload)
        left = fifo.o.valid & fifo.o.ready & reads(fifo.o.payload)
        m.d.sync += readers.eq(readers + entered - left)
        m.d.comb += self.reading.eq(readers != 0)
