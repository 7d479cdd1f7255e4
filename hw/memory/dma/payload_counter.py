"""Payload counter: where each halfword stands in its unit, and whether there is room for it."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.memories import TABLE_WORDS
from hwgen.hw.isa.packets import PacketKind
from hwgen.hw.memory.dma.units import packet_kinds, packet_layout, unit_halfwords


class PayloadCounter(wiring.Component):
    """Takes the halfwords of payload while what they are for has room.

    Parameters:
        config: shape of the core.

    Members:
        packet : In(packet_layout(config)), compare : In(1), payload : In(1), as in `PacketHeader`.
        i : In(stream of halfwords); it is ready exactly for those of payload.
        room : In(1), the sequencer has room for a descriptor.
        image_full : In(1), no further IMAGE word may be put together.
        used : Out(1), a halfword is taken in this cycle.
        unit_used : Out(1), and it is the last one of its unit.

    Timing: one halfword per cycle. The first of a descriptor is taken only in a cycle behind one with `room`, the last of an IMAGE word
    only in a cycle behind one without `image_full`.
    """

    def __init__(self, config: CoreConfig) -> None:
        self._config = config
        super().__init__(
            {
                "packet": In(packet_layout(config)),
                "compare": In(1),
                "payload": In(1),
                "i": In(stream.Signature(16)),
                "room": In(1),
                "image_full": In(1),
                "used": Out(1),
                "unit_used": Out(1),
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
        with m.If(kind.image & self.packet.place.unpack):
            m.d.comb += selected.eq(unit_halfwords(self._config, PacketKind.IMAGE, unpack=True) - 1)
        for item in packet_kinds(self._config):
            with m.Elif(kind[item.name.lower()] & Const(item is not PacketKind.END)):
                m.d.comb += selected.eq(max(unit_halfwords(self._config, item), 1) - 1)
        with m.If(self.compare):
            m.d.sync += [length.eq(selected), left.eq(selected), at_start.eq(1), at_end.eq(0)]
        with m.If(self.used):
            m.d.sync += [left.eq(left - 1), at_start.eq(0), at_end.eq(left == 1)]
        with m.If(self.unit_used):
            m.d.sync += [left.eq(length), at_start.eq(1), at_end.eq(0)]
        return m
