"""Knows what each command of `hw/isa/host_protocol.py` asks for: checks requests, starts frames, writes payload."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.host.asked import known_commands, write_command
from hwgen.hw.host.request_reach import RequestReach
from hwgen.hw.host.request_receiver import RequestHeader
from hwgen.hw.isa.host_protocol import (
    FRAME_SHIFT,
    LAST_FRAME,
    LENGTH_UNITS,
    Command,
    Status,
)
from hwgen.hw.memory.sdram import SdramWrite
from hwgen.hw.memory.sdram_config import ADDRESS_BITS

PokeWord = data.StructLayout({"bank": 2, "addr": 14, "data": 64})


class CommandUnit(wiring.Component):
    """Judges a header, and carries out what needs no data for the answer: START, WRITE, POKE.

    Parameters:
        halfwords: of the SDRAM, a power of two; 0: the machine has none, and knows POKE instead of WRITE, READ and CHECKSUM.
        depth: words of a bank of the activation memory.

    Members:
        header : In(RequestHeader), of the request (see `RequestReceiver`).
        refusal : Out(Status), why the request cannot be carried out, OK if it can; has_payload : Out(1), it is WRITE or POKE.
        accepted : In(1), strobe: carry it out; not for WRITE and POKE, whose `units` come instead.
        reading : In(1), the answer to one of LATE_COMMANDS is still to be sent.
        units : In(stream of a halfword, or of a word without SDRAM), payload.
        advance : Out(1), strobe: go on to next_address : Out(24), that of the next halfword or word.
        write : Out(stream of SdramWrite), never valid without SDRAM; poke : Out(stream of PokeWord), never valid with SDRAM.
        start : Out(1), strobe; base : Out(24), address of the last START that started a frame; frame : Out(8), its number, at first 0.
        busy : In(1), initialised : In(1), state of the machine.

    Timing: `refusal` follows the header by REFUSAL_LATENCY cycles and `busy`, `initialised` and `reading` by one; `has_payload` follows the
        header by a cycle. `next_address` follows the header by a cycle.
        `start` strobes in the cycle after `accepted`, and `base` and `frame` change with it.
        A unit is valid at `write` or `poke` in the same cycle and taken in the same cycle, in which `advance` strobes too.
    """

    REFUSAL_LATENCY = RequestReach.LATENCY + 1

    def __init__(self, *, halfwords: int, depth: int) -> None:
        self._halfwords = halfwords
        self._depth = depth
        super().__init__(
            {
                "header": In(RequestHeader),
                "refusal": Out(Status),
                "has_payload": Out(1),
                "accepted": In(1),
                "reading": In(1),
                "units": In(stream.Signature(8 * LENGTH_UNITS[write_command(halfwords)])),
                "advance": Out(1),
                "next_address": Out(ADDRESS_BITS),
                "write": Out(stream.Signature(SdramWrite)),
                "poke": Out(stream.Signature(PokeWord)),
                "start": Out(1),
                "base": Out(ADDRESS_BITS),
                "frame": Out(8),
                "busy": In(1),
                "initialised": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        asked: dict[Command, Value] = {command: Signal(name=f"is_{command.name.lower()}") for command in Command}
        for command in known_commands(self._halfwords):
            m.d.sync += asked[command].eq(self.header.command == command.value)
        number = self.header.address[FRAME_SHIFT:]
        repeated, following = Signal(), Signal()
        m.d.sync += [
            repeated.eq((number == self.frame) & number.any()),
            following.eq(number == Mux(self.frame == LAST_FRAME, 1, self.frame + 1)),
        ]
        self._judge(m, asked, repeated, following)

        address = self.header.address[:ADDRESS_BITS]
        m.d.sync += self.start.eq(0)
        with m.If(self.accepted & asked[Command.START] & ~repeated):
            m.d.sync += [self.start.eq(1), self.base.eq(address), self.frame.eq(number)]

        # It has many cycles until it is wanted.
        next_address = Signal(ADDRESS_BITS, reset_less=True)
        m.d.sync += next_address.eq(address + 1)
        target = self.write if self._halfwords else self.poke
        m.d.comb += [
            self.next_address.eq(next_address),
            self.advance.eq(self.units.valid & self.units.ready),
            self.write.payload.addr.eq(address),
            self.write.payload.enable.eq(3),
            self.poke.payload.addr.eq(address),
            self.poke.payload.bank.eq(address[16:]),
            target.payload.data.eq(self.units.payload),
            target.valid.eq(self.units.valid),
            self.units.ready.eq(target.ready),
        ]
        return m

    def _judge(self, m: Module, asked: dict[Command, Value], repeated: Value, following: Value) -> None:
        """Whether the command is known, its length right, all of it in the memory, and the machine free for it."""
        length = self.header.length
        m.submodules.reach = reach = RequestReach(halfwords=self._halfwords, depth=self._depth)
        m.d.comb += reach.header.eq(self.header)
        for command, is_ in asked.items():
            m.d.comb += getattr(reach.asked, command.name.lower()).eq(is_)
        known = Cat(asked.values()).any()
        bare = Cat(is_ for name, is_ in asked.items() if LENGTH_UNITS[name] == 0).any()
        part = Cat(is_ & (length & unit - 1).any() for name, is_ in asked.items() if (unit := LENGTH_UNITS[name]) > 1)
        fits = ~part.any() & ((length == 0) == bare)
        has_payload = asked[Command.WRITE] | asked[Command.POKE]
        starts = asked[Command.START] & ~repeated
        changes = has_payload | starts
        # A frame's memories are its own, and an answer is what it was when it was asked for.
        stopped = self.busy | ~self.initialised
        occupied = ((changes | asked[Command.READ] | asked[Command.CHECKSUM]) & stopped) | (changes & self.reading)
        refusal = Signal(Status, reset_less=True)
        m.d.sync += refusal.eq(Status.OK)
        with m.If(~known):
            m.d.sync += refusal.eq(Status.COMMAND)
        with m.Elif(~fits):
            m.d.sync += refusal.eq(Status.LENGTH)
        with m.Elif(reach.beyond):
            m.d.sync += refusal.eq(Status.ADDRESS)
        with m.Elif(starts & ~following):
            m.d.sync += refusal.eq(Status.FRAME)
        with m.Elif(occupied):
            m.d.sync += refusal.eq(Status.BUSY)
        m.d.comb += [self.refusal.eq(refusal), self.has_payload.eq(has_payload)]
