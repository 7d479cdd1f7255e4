"""Payload counter: where each halfword stands in its unit, and whether there is room for it."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.memories import TABLE_WORDS
from hwgen.hw.isa.packets import PacketKind
from hwgen.hw.memory.dma.units import packet_kinds, packet_layout, takes


class PayloadCounter(wiring.Component):
    """Takes the halfwords of payload while what they are for has room.

    Parameters:
        config: shape of the core.
        word: halfwords that `i` offers at once; of several, `takes` says how many of a unit are used in each cycle.

    Members:
        packet : In(packet_layout(config)), compare : In(1), payload : In(1), as in `PacketHeader`.
        i : In(stream of `word` halfwords); it is ready exactly for those of payload.
        room : In(1), the sequencer has room for a descriptor.
        image_full : In(1), no further IMAGE word may be put together.
        used : Out(1), a halfword is taken in this cycle, or with a `word` above 1 as many as count : Out says.
        unit_used : Out(1), and it is the last one of its unit.

    Timing: one transfer per cycle. The first of a descriptor is taken only in a cycle behind one with `room`, the last of an IMAGE word
    only in a cycle behind one without `image_full`.
    """

    def __init__(self, config: CoreConfig, word: int = 1) -> None:
        self._config = config
        self._word = word
        super().__init__(
            {
                "packet": In(packet_layout(config)),
                "compare": In(1),
                "payload": In(1),
                "i": In(stream.Signature(16 * word)),
                "room": In(1),
                "image_full": In(1),
                "used": Out(1),
                "unit_used": Out(1),
                **({"count": Out(range(word + 1))} if word > 1 else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        kind = self.packet.kind
        length, left = Signal(range(TABLE_WORDS), reset_less=True), Signal(range(TABLE_WORDS), reset_less=True)
        at_start, at_end = Signal(reset_less=True), Signal(reset_less=True)
        no_room, no_place = Signal(), Signal()
        # From registers, because `ready` decides so much; both conditions come and go long before they matter.
        m.d.sync += [no_room.eq(kind.descriptor & ~self.room), no_place.eq(kind.image & self.image_full)]
        m.d.comb += [
            self.i.ready.eq(self.payload & ~((at_start & no_room) | (at_end & no_place))),
            self.used.eq(self.i.valid & self.i.ready),
            self.unit_used.eq(self.used & at_end),
        ]

        selected = Signal.like(length)
        selected_tail = Signal(range(self._word + 1))
        with m.If(kind.image & self.packet.place.unpack):
            m.d.comb += self._select(selected, selected_tail, PacketKind.IMAGE, unpack=True)
        for item in packet_kinds(self._config):
            with m.Elif(kind[item.name.lower()] & Const(item is not PacketKind.END)):
                m.d.comb += self._select(selected, selected_tail, item)
        single: list[Value | int] = [0, 0]  # whether the first transfer of a unit is its last one: of halfwords none is
        if self._word > 1:
            single = [selected == 0, length == 0]
            tail = Signal.like(selected_tail, reset_less=True)
            m.d.comb += self.count.eq(Mux(at_end, tail, Mux(kind.descriptor | kind.table, 1, self._word)))
            with m.If(self.compare):
                m.d.sync += tail.eq(selected_tail)
        with m.If(self.compare):
            m.d.sync += [length.eq(selected), left.eq(selected), at_start.eq(1), at_end.eq(single[0])]
        with m.If(self.used):
            m.d.sync += [left.eq(left - 1), at_start.eq(0), at_end.eq(left == 1)]
        with m.If(self.unit_used):
            m.d.sync += [left.eq(length), at_start.eq(1), at_end.eq(single[1])]
        return m

    def _select(self, selected: Signal, tail: Signal, kind: PacketKind, *, unpack: bool = False) -> list[Any]:
        """Of a unit of this kind: its transfers but the last one, and, of words, the halfwords of that."""
        counts = takes(self._config, kind, self._word, unpack=unpack) or (1,)
        return [selected.eq(len(counts) - 1), *([tail.eq(counts[-1])] if self._word > 1 else [])]
