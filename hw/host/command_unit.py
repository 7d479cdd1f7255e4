"""Knows what each command of `hw/isa/host_protocol.py` asks for: checks requests, starts frames, writes payload."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.host.request_receiver import RequestHeader
from hwgen.hw.isa.host_protocol import (
    LENGTH_UNITS,
    RESIDENT_COMMANDS,
    SDRAM_COMMANDS,
    STATUS_BYTES,
    Command,
    Status,
)
from hwgen.hw.memory.sdram import SdramWrite
from hwgen.hw.memory.sdram_config import ADDRESS_BITS, BURST

PokeWord = data.StructLayout({"bank": 2, "addr": 14, "data": 64})

Asked = data.StructLayout({command.name.lower(): 1 for command in Command})
"""One-hot: which command the header holds; none for an unknown one."""


def write_command(sdram: bool) -> Command:
    """The command with payload of a machine with or without SDRAM."""
    return Command.WRITE if sdram else Command.POKE


class CommandUnit(wiring.Component):
    """Judges a header, and carries out what needs no data for the answer: START, WRITE, POKE.

    Parameters:
        sdram: the machine has SDRAM: it knows WRITE and READ; else POKE.

    Members:
        header : In(RequestHeader), of the request (see `RequestReceiver`).
        asked : Out(Asked), by command; those that the machine does not know are constant 0.
        refusal : Out(Status), why the request cannot be carried out, OK if it can; has_payload : Out(1), it is WRITE or POKE.
        accepted : In(1), strobe: carry it out; not for WRITE and POKE, whose `units` come instead.
        length : Out(16), bytes of data in the answer to an accepted request.
        units : In(stream of a halfword, or of a word without SDRAM), payload.
        unit_sent : In(1), strobe: a unit of the answer's data has been sent.
        advance : Out(1), strobe: go on to next_address : Out(24), that of the next halfword, word or burst.
        write : Out(stream of SdramWrite), never valid without SDRAM; poke : Out(stream of PokeWord), never valid with SDRAM.
        start : Out(1), strobe; base : Out(24), address of the last START.
        busy : In(1), initialised : In(1), state of the machine.

    Timing: `asked` follows the header by a cycle, `refusal` and `length` (with `asked` or `busy` or `initialised`) by two;
        `next_address` by one, two after a change of command. `start` strobes in the cycle after `accepted`, and `base` changes with it.
        A unit is valid at `write` or `poke` in the same cycle and taken in the same cycle, in which `advance` strobes too.
    """

    def __init__(self, *, sdram: bool) -> None:
        self._sdram = sdram
        super().__init__(
            {
                "header": In(RequestHeader),
                "asked": Out(Asked),
                "refusal": Out(Status),
                "has_payload": Out(1),
                "accepted": In(1),
                "length": Out(16),
                "units": In(stream.Signature(8 * LENGTH_UNITS[write_command(sdram)])),
                "unit_sent": In(1),
                "advance": Out(1),
                "next_address": Out(ADDRESS_BITS),
                "write": Out(stream.Signature(SdramWrite)),
                "poke": Out(stream.Signature(PokeWord)),
                "start": Out(1),
                "base": Out(ADDRESS_BITS),
                "busy": In(1),
                "initialised": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._judge(m)
        address = self.header.address[:ADDRESS_BITS]
        m.d.sync += self.start.eq(0)
        with m.If(self.accepted & self.asked.start):
            m.d.sync += [self.start.eq(1), self.base.eq(address)]

        # It has many cycles until it is wanted.
        following = Signal(ADDRESS_BITS, reset_less=True)
        m.d.sync += following.eq(address + Mux(self.asked.read, BURST, 1))
        target = self.write if self._sdram else self.poke
        m.d.comb += [
            self.next_address.eq(following),
            self.advance.eq((self.units.valid & self.units.ready) | self.unit_sent),
            self.write.payload.addr.eq(address),
            self.write.payload.enable.eq(3),
            self.poke.payload.addr.eq(address),
            self.poke.payload.bank.eq(address[16:]),
            target.payload.data.eq(self.units.payload),
            target.valid.eq(self.units.valid),
            self.units.ready.eq(target.ready),
        ]
        return m

    def _judge(self, m: Module) -> None:
        """Which command it is, then whether it is known, its length right, and the machine free for it: two stages."""
        length = self.header.length
        absent = RESIDENT_COMMANDS if self._sdram else SDRAM_COMMANDS
        asked: dict[Command, Signal] = {}
        for command in (command for command in Command if command not in absent):
            asked[command] = Signal(name=f"is_{command.name.lower()}", reset_less=True)
            m.d.sync += asked[command].eq(self.header.command == command.value)
            m.d.comb += getattr(self.asked, command.name.lower()).eq(asked[command])
        known = Cat(asked.values()).any()
        bare = Cat(is_ for name, is_ in asked.items() if LENGTH_UNITS[name] == 0).any()
        part = Cat(is_ & (length & LENGTH_UNITS[name] - 1).any() for name, is_ in asked.items() if LENGTH_UNITS[name])
        fits = ~part.any() & ((length == 0) == bare)
        has_payload = self.asked.write | self.asked.poke
        guarded = self.asked.read | self.asked.start | has_payload
        free = ~guarded | (self.initialised & ~self.busy)
        refusal = Signal(Status, reset_less=True)
        m.d.sync += refusal.eq(Status.OK)
        with m.If(~known):
            m.d.sync += refusal.eq(Status.COMMAND)
        with m.Elif(~fits):
            m.d.sync += refusal.eq(Status.LENGTH)
        with m.Elif(~free):
            m.d.sync += refusal.eq(Status.BUSY)
        m.d.comb += [
            self.refusal.eq(refusal),
            self.has_payload.eq(has_payload),
            # IDENTIFY, too, is answered by as many bytes.
            self.length.eq(Mux(self.asked.identify | self.asked.status, STATUS_BYTES, length)),
        ]
