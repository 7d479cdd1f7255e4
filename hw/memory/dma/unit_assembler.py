"""Unit assembler: shifts halfwords together into a unit of the memory that their packet is for."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.packets import PacketKind
from hwgen.hw.lib.register_copies import register_copies
from hwgen.hw.memory.dma.units import (
    HALFWORD_KINDS,
    Place,
    all_takes,
    kind_flags,
    packet_kinds,
    packet_layout,
    widest_unit,
)

_SHIFT_BITS = 32  # of the unit that is put together, with an enable of their own


class UnitAssembler(wiring.Component):
    """Keeps the latest halfwords, the latest of all uppermost, and says when they are a unit.

    Of DESCRIPTOR and TABLE packets every halfword counts as one.

    Parameters:
        config: shape of the core.
        word: halfwords that are used at once at most.

    Members:
        start : In(1), strobe: what has not shown yet never does.
        packet : In(packet_layout(config)), as in `PacketHeader`.
        word : In(16 * word), used : In(1), unit_used : In(1), count : In, the halfwords that are used, as in `PayloadCounter`.
        next_addr : Out(1), strobe: the next unit goes one address further.
        unit : Out(widest_unit(config)), the latest halfwords.
        valid : Out(kind_flags(config)), strobes: the upper end of `unit` is a unit of a packet of this kind.
        place : Out(Place), where it goes.

    Timing: `valid` shows WRITE_DELAY cycles after `used` of the unit's last halfword, together with `unit` and with `place` as
    `packet.place` was a cycle before; `next_addr` comes one cycle after `used`. One transfer per cycle.
    """

    def __init__(self, config: CoreConfig, word: int = 1) -> None:
        self._config = config
        self._word = word
        super().__init__(
            {
                "start": In(1),
                "packet": In(packet_layout(config)),
                "word": In(16 * word),
                "used": In(1),
                "unit_used": In(1),
                "next_addr": Out(1),
                "unit": Out(widest_unit(config)),
                "valid": Out(kind_flags(config)),
                "place": Out(Place),
                **({"count": In(range(word + 1))} if word > 1 else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Shifted a cycle after the use, because the unit is wide and stands elsewhere. Where it goes is latched in that cycle, before
        # the next header can change it.
        unit, late_word = Signal(len(self.unit), reset_less=True), Signal(16 * self._word, reset_less=True)
        place = Signal(Place, reset_less=True)
        m.d.sync += [late_word.eq(self.word), place.eq(self.packet.place)]
        for count in all_takes(self._config, self._word) if self._word > 1 else [1]:
            shifted = Cat(unit, late_word[: 16 * count])[16 * count :]
            name, used = (
                ("shift", self.used) if self._word == 1 else (f"shift{count}", self.used & (self.count == count))
            )
            for i, shift in enumerate(register_copies(m, name, used, ceil_div(len(unit), _SHIFT_BITS))):
                part = slice(i * _SHIFT_BITS, (i + 1) * _SHIFT_BITS)
                with m.If(shift):
                    m.d.sync += unit[part].eq(shifted[part])

        ended, valid = Signal(kind_flags(self._config)), Signal(kind_flags(self._config))
        m.d.sync += valid.eq(ended)
        for kind in packet_kinds(self._config):
            complete = self.used if kind in HALFWORD_KINDS else self.unit_used
            m.d.sync += ended[kind.name.lower()].eq(complete & self.packet.kind[kind.name.lower()])
        with m.If(self.start):
            m.d.sync += [ended.eq(Const(0)), valid.eq(Const(0))]
        counted = [kind.name.lower() for kind in packet_kinds(self._config) if kind is not PacketKind.DESCRIPTOR]
        m.d.comb += [
            self.next_addr.eq(Cat(ended[name] for name in counted).any()),
            self.unit.eq(unit),
            self.valid.eq(valid),
            self.place.eq(place),
        ]
        return m
