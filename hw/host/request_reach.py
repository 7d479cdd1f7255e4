"""Whether all that a request reads or writes lies in the memory that it is about."""

from __future__ import annotations

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.host.asked import Asked
from hwgen.hw.host.request_receiver import RequestHeader
from hwgen.hw.isa.host_protocol import BANK_SHIFT, COUNTER_WORDS, FRAME_SHIFT
from hwgen.hw.memory.sdram_config import BURST

_BANK_BITS = 2


class RequestReach(wiring.Component):
    """Compares the end of what a request is about with the memory's size.

    Parameters:
        halfwords: of the SDRAM; 0: there is none.
        depth: words of a bank of the activation memory.

    Members:
        header : In(RequestHeader); asked : In(Asked), its command.
        beyond : Out(1), the memory has not all of it, or READ or CHECKSUM do not begin at a burst; never for commands about no memory.

    Timing: `beyond` follows `asked` and the header by LATENCY - 1 cycles: what it counts, where that ends, whether it is too far.
    """

    LATENCY = 4
    """Cycles from the header, whose command is in `asked` a cycle later."""

    def __init__(self, *, halfwords: int, depth: int) -> None:
        self._halfwords = halfwords
        self._depth = depth
        super().__init__({"header": In(RequestHeader), "asked": In(Asked), "beyond": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        asked, length, address = self.asked, self.header.length, self.header.address
        in_bank = asked.peek | asked.poke
        in_sdram = asked.read | asked.write | asked.checksum
        count = Signal(range(BURST << 16), reset_less=True)  # halfwords or words
        place = Signal(FRAME_SHIFT, reset_less=True)
        end = Signal(FRAME_SHIFT + 1, reset_less=True)
        outside, outside_late, beyond = Signal(), Signal(), Signal()
        m.d.sync += [
            count.eq(length >> 1),
            place.eq(Mux(in_bank, address[:BANK_SHIFT], address)),
            end.eq(place + count),
            outside.eq(0),
            outside_late.eq(outside),
            beyond.eq(outside_late),
        ]
        with m.If(asked.checksum):
            m.d.sync += count.eq(length * BURST)
        with m.If(asked.counter):
            m.d.sync += count.eq(length >> 2)
        with m.If(in_bank):
            m.d.sync += [count.eq(length >> 3), outside.eq(address[BANK_SHIFT + _BANK_BITS :].any())]
        with m.If(in_sdram | asked.counter):
            m.d.sync += outside.eq(address[FRAME_SHIFT:].any())
        with m.If((asked.read | asked.checksum) & (address % BURST).any()):
            m.d.sync += outside.eq(1)
        for chosen, size in ((in_bank, self._depth), (asked.counter, COUNTER_WORDS), (in_sdram, self._halfwords)):
            with m.If(chosen & (end > size)):
                m.d.sync += beyond.eq(1)
        m.d.comb += self.beyond.eq(beyond)
        return m
