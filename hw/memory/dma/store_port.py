"""Store port: commands for the row store, for which the command stream waits."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.memory.dma.units import Place
from hwgen.hw.memory.row_store import StoreCommand
from hwgen.hw.memory.sdram_config import ADDRESS_BITS


class StorePort(wiring.Component):
    """Makes a command of the unit of a STORE packet: target in the stream (24 bits in two halfwords), words, 0.

    Members:
        start : In(1), strobe: nothing is waited for.
        entered : In(1), strobe: the last halfword of a command is used; the command follows WRITE_DELAY cycles later.
        valid : In(1), place : In(Place), unit : In(64): the command.
        command : Out(StoreCommand), done : In(1), strobe, to and from `RowStore`.
        hold : Out(1), the stream has to wait.

    Timing: `command` shows in the cycle of `valid`; `hold` from the cycle after `entered` to that of `done`.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "start": In(1),
                "entered": In(1),
                "valid": In(1),
                "place": In(Place),
                "unit": In(64),
                "command": Out(StoreCommand),
                "done": In(1),
                "hold": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        hold = Signal()
        m.d.comb += [
            self.command.valid.eq(self.valid),
            self.command.bank.eq(self.place.bank),
            self.command.addr.eq(self.place.addr),
            self.command.target.eq(self.unit[:ADDRESS_BITS]),
            self.command.words.eq(self.unit[32:]),
            self.hold.eq(hold),
        ]
        with m.If(self.done | self.start):
            m.d.sync += hold.eq(0)
        with m.Elif(self.entered):
            m.d.sync += hold.eq(1)
        return m
