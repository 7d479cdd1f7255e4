"""Packet header: collects and checks it, waits for its pass, and counts its units."""

from __future__ import annotations

import enum
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.packets import PACKET_HEADER_HALFWORDS
from hwgen.hw.memory.dma.units import Place, kind_flags, packet_kinds, packet_layout

CHECK_CYCLES = 2
"""Cycles from a header's last halfword until the first of its payload can be used: `wait` is compared."""


def check_cycles(word: int) -> int:
    """CHECK_CYCLES, and one more where a header is used in one cycle: `room` has to follow the descriptor before it, which takes from the
    use of its last halfword to the fifth cycle behind."""
    return CHECK_CYCLES + (header_take(word) == PACKET_HEADER_HALFWORDS)


def header_take(word: int) -> int:
    """Halfwords of a header that are used in a cycle in which `word` are offered."""
    return min(word, PACKET_HEADER_HALFWORDS)


class _State(enum.Enum):
    IDLE = 0
    HEADER = 1
    COMPARE = 2
    CHECK = 3
    PAYLOAD = 4


class PacketHeader(wiring.Component):
    """Takes the halfwords of headers, `header_take(word)` in a cycle, and says when those behind them may be used as payload.

    Halfword 0 of a header is kind | bank << 4 | unpack << 6, then come the address of the first unit, the count of units, and the number
    of passes that must be done before anything of the packet is written.

    Parameters:
        config: `spill`.
        word: halfwords that `i` offers at once.

    Members:
        start : In(1), strobe: the halfword taken next is the first of a stream.
        i : In(stream of `word` halfwords); it is ready exactly for those of headers.
        hold : In(1), the next header has to wait.
        passes_done : In(16).
        image_waits : In(1), IMAGE words of the packets before are still on their way.
        packet : Out(packet_layout(config)), kind of the latest header's packet and place of its next unit.
        compare : Out(1), strobe: `packet` is new.
        payload : Out(1), the halfwords to come are the packet's payload.
        next_addr : In(1), strobe: the address goes up by one. It may come one cycle after the last `next_unit` of a packet, not later.
        next_unit : In(1), strobe, with `payload`: the last halfword of a unit is used; with a `word` of 1 not in the first cycle of
            `payload` nor in two cycles running.
        busy : Out(1), from the cycle after `start` until the END packet is checked.
        error : Out(1), a packet was of unknown kind, and the stream was abandoned; cleared by `start`.

    Timing (the last halfword of a header in cycle u): `compare` in u + 1; `payload` from c + 1 on, where c is the first cycle from
    u + check_cycles(word) on in which `passes_done >= wait` held the cycle before and, for all kinds but IMAGE, `image_waits` is 0.
    The cycle after the last `next_unit`, and for a packet without units the cycle after c (whatever `passes_done`), `i` is ready again.
    """

    def __init__(self, config: CoreConfig, word: int = 1) -> None:
        self._config = config
        self._word = word
        super().__init__(
            {
                "start": In(1),
                "i": In(stream.Signature(16 * word)),
                "hold": In(1),
                "passes_done": In(16),
                "image_waits": In(1),
                "packet": Out(packet_layout(config)),
                "compare": Out(1),
                "payload": Out(1),
                "next_addr": In(1),
                "next_unit": In(1),
                "busy": Out(1),
                "error": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        state = Signal(_State)
        field = Signal(range(PACKET_HEADER_HALFWORDS))
        kind, place = Signal(kind_flags(self._config), reset_less=True), Signal(Place, reset_less=True)
        units, pass_needed = Signal(16, reset_less=True), Signal(16, reset_less=True)
        reached, last_unit, no_units = Signal(reset_less=True), Signal(reset_less=True), Signal(reset_less=True)
        m.d.comb += [
            self.i.ready.eq((state == _State.HEADER) & ~self.hold),
            self.packet.kind.eq(kind),
            self.packet.place.eq(place),
            self.compare.eq(state == _State.COMPARE),
            self.payload.eq(state == _State.PAYLOAD),
            self.busy.eq(state != _State.IDLE),
        ]
        # All lag by a cycle, which is not too late: a unit has two halfwords at least. Of words a unit may be used in one cycle.
        left: Value = units == 1
        counted: Value = self.next_addr
        if self._word > 1:
            left = Mux(self.next_unit, units == 2, left)
            counted = self.next_addr & self.payload  # the next header's address may come in the same cycle
        m.d.sync += [last_unit.eq(left), no_units.eq(units == 0), reached.eq(self.passes_done >= pass_needed)]
        held: Value = self.image_waits & ~kind.image
        if check_cycles(self._word) > CHECK_CYCLES:
            settling = Signal()
            m.d.sync += settling.eq(state == _State.COMPARE)
            held = settling | held
        with m.Switch(state):
            with m.Case(_State.HEADER), m.If(self.i.valid & self.i.ready):
                self._collect(m, field, kind, place, units, pass_needed)
                with m.If(field == PACKET_HEADER_HALFWORDS - header_take(self._word)):
                    m.d.sync += state.eq(_State.COMPARE)
            with m.Case(_State.COMPARE):
                m.d.sync += state.eq(_State.CHECK)
            with m.Case(_State.CHECK):
                with m.If(held):
                    pass
                with m.Elif(kind.end):
                    m.d.sync += state.eq(_State.IDLE)
                with m.Elif(~kind.as_value().any()):
                    m.d.sync += [self.error.eq(1), state.eq(_State.IDLE)]
                with m.Elif(no_units):
                    m.d.sync += state.eq(_State.HEADER)
                with m.Elif(reached):
                    m.d.sync += state.eq(_State.PAYLOAD)
            with m.Case(_State.PAYLOAD), m.If(self.next_unit):
                m.d.sync += units.eq(units - 1)
                with m.If(last_unit):
                    m.d.sync += state.eq(_State.HEADER)
        with m.If(counted):
            m.d.sync += place.addr.eq(place.addr + 1)
        with m.If(self.start):
            m.d.sync += [state.eq(_State.HEADER), field.eq(0), self.error.eq(0)]
        return m

    def _collect(
        self, m: Module, field: Signal, kind: Signal, place: Signal, units: Signal, pass_needed: Signal
    ) -> None:
        """The header's halfwords from number `field` on."""
        take = header_take(self._word)
        m.d.sync += field.eq(field + take)
        with m.Switch(field):
            for first in range(0, PACKET_HEADER_HALFWORDS, take):
                with m.Case(first):
                    for i in range(take):
                        word = self.i.payload[16 * i : 16 * (i + 1)]
                        m.d.sync += self._fields(first + i, word, kind, place, units, pass_needed)

    def _fields(
        self, number: int, word: Value, kind: Signal, place: Signal, units: Signal, pass_needed: Signal
    ) -> list[Any]:
        """What the header's halfword of this number holds."""
        match number:
            case 0:
                return [
                    kind.eq(Cat(word[:4] == kind.value for kind in packet_kinds(self._config))),
                    place.bank.eq(word[4:6]),
                    place.unpack.eq(word[6]),
                ]
            case 1:
                return [place.addr.eq(word)]
            case 2:
                return [units.eq(word)]
            case _:
                return [pass_needed.eq(word)]
