"""Controller for a 16-bit single-data-rate SDRAM: linear reads without gaps, refresh in fixed slots."""

from __future__ import annotations

import enum

from amaranth import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.memory.sdram_command import CommandTimer, SdramCommand
from hwgen.hw.memory.sdram_config import ADDRESS_BITS, BURST, SdramConfig, SdramPart
from hwgen.hw.memory.sdram_pages import OpenPages
from hwgen.hw.memory.sdram_read_path import ReadPath
from hwgen.hw.memory.sdram_refresher import Refresher


def sdram_pins(part: SdramPart) -> wiring.Signature:
    """Pins of the memory but for its clock, the inverse of the controller's. Every output comes from a register."""
    return wiring.Signature(
        {
            "a": Out(part.address_pins),
            "ba": Out(part.bank_bits),
            "ras_n": Out(1, init=1),
            "cas_n": Out(1, init=1),
            "we_n": Out(1, init=1),
            "cs_n": Out(1),
            "cke": Out(1, init=1),
            "dqm": Out(2, init=3),
            "dq_o": Out(16),
            "dq_oe": Out(1),
            "dq_i": In(16),
        }
    )


SdramWrite = data.StructLayout({"addr": ADDRESS_BITS, "data": 16, "enable": 2})
"""A halfword to write: halfword address, data, byte enables."""


def _access(part: SdramPart) -> data.StructLayout:
    """A command as taken from `read` or `write`."""
    addr = data.StructLayout({"column": part.column_bits, "bank": part.bank_bits, "row": part.row_bits})
    return data.StructLayout({"addr": addr, "is_write": 1, "data": 16, "enable": 2})


class _State(enum.Enum):
    REFRESH = 0  # or initialisation
    IDLE = 1
    LOOKUP = 2
    ACCESS = 3


class SdramController(wiring.Component):
    """Keeps one page open per bank and looks one command ahead.

    A command is taken in the cycle in which the one before it is issued, so a burst's 8 cycles on the bus hide the
    PRECHARGE and ACTIVATE of the next one when it lies in another bank. Halfword addresses walk through the columns of a page,
    then the banks, then the rows, so that linear reads change bank with every page. Address bits beyond the memory are ignored.

    Parameters:
        config: clock, timing and geometry.

    Members:
        read : In(stream of 24-bit halfword addresses), one burst of 8 each, lowest 3 bits ignored; wins over `write`.
        data : Out(16), halfwords of the bursts in order, without back-pressure: the requester keeps room for them.
        data_valid : Out(1).
        write : In(stream of SdramWrite), one halfword each.
        start_frame : In(1), strobe: refresh now, which closes all pages, and count refreshes from there.
        frame_ready : Out(1), strobe: that is done; nothing that was before has an influence on later cycles.
        initialised : Out(1).
        pins : Out(sdram_pins(config.part)).

    Timing (cycle = the cycle of a decision; the pins show it one later; names as in SdramConfig):
        A command taken in cycle t is issued in t + 2 if its page is open; in t + 2 + rcd if its bank is closed; in
        t + 2 + rp + rcd if another page is open; never before 8 cycles after the last READ, and a WRITE never before
        read_to_write. PRECHARGE waits for the end of a burst of its own bank and for write_to_precharge.
        The next command is taken in the cycle of issue. First halfword: read_latency cycles after issue.
        A refresh falls due every refresh_period cycles; no command is taken then; with the bus idle it takes
        rp + rfc + 2 cycles (see sim/timing/sdram.py, which predicts every cycle).
        Linear reads: 8 halfwords in 8 cycles while rp + rcd <= 6, but for rp + rfc + rcd + 1 cycles per refresh.
    """

    def __init__(self, config: SdramConfig) -> None:
        self.config = config
        super().__init__(
            {
                "read": In(stream.Signature(unsigned(ADDRESS_BITS))),
                "data": Out(16),
                "data_valid": Out(1),
                "write": In(stream.Signature(SdramWrite)),
                "start_frame": In(1),
                "frame_ready": Out(1),
                "initialised": Out(1),
                "pins": Out(sdram_pins(config.part)),
            }
        )

    @property
    def read_latency(self) -> int:
        """Cycles from the decision to read to the first halfword."""
        return self.config.read_latency

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        m.submodules.refresher = refresher = Refresher(config)
        m.submodules.pages = pages = OpenPages(config.part)
        m.submodules.read_path = read_path = ReadPath(config)

        state = Signal(_State)
        wait = CommandTimer(m, "wait", max(config.rcd, config.rp, 2))  # until the next command for the access
        read_wait = CommandTimer(m, "read_wait", BURST)  # until the bus takes another burst
        write_wait = CommandTimer(m, "write_wait", config.read_to_write)  # until it takes a written halfword
        precharge_wait = CommandTimer(m, "precharge_wait", BURST)  # until any bank may be closed
        access = Signal(_access(config.part), reset_less=True)  # the one in work
        command = Signal(SdramCommand)
        issue, take = Signal(), Signal()
        closing = Signal()  # the access waits to close a page
        m.d.comb += [
            command.eq(refresher.command),
            take.eq(((state == _State.IDLE) | issue) & ~refresher.wanted),
            self.read.ready.eq(take),
            self.write.ready.eq(take & ~self.read.valid),
            issue.eq(
                (state == _State.ACCESS) & pages.hit & wait.over & Mux(access.is_write, write_wait.over, read_wait.over)
            ),
            refresher.start_frame.eq(self.start_frame),
            refresher.grant.eq((state == _State.IDLE) & refresher.wanted),
            refresher.closable.eq(precharge_wait.over),
            self.initialised.eq(refresher.initialised),
            self.frame_ready.eq(refresher.frame_ready),
            pages.bank.eq(access.addr.bank),
            pages.row.eq(access.addr.row),
            pages.lookup.eq(state == _State.LOOKUP),
            pages.access.eq(issue),
            pages.is_write.eq(access.is_write),
            pages.close_all.eq(refresher.command == SdramCommand.PRECHARGE),
            read_path.issue.eq(issue & ~access.is_write),
            read_path.dq.eq(self.pins.dq_i),
            self.data.eq(read_path.data),
            self.data_valid.eq(read_path.data_valid),
        ]
        with m.Switch(state):
            with m.Case(_State.REFRESH), m.If(refresher.done):
                m.d.sync += state.eq(_State.IDLE)
            with m.Case(_State.IDLE), m.If(refresher.wanted):
                m.d.sync += state.eq(_State.REFRESH)
            with m.Case(_State.LOOKUP):
                m.d.sync += state.eq(_State.ACCESS)
            with m.Case(_State.ACCESS):
                with m.If(issue):
                    m.d.comb += command.eq(Mux(access.is_write, SdramCommand.WRITE, SdramCommand.READ))
                    m.d.sync += state.eq(_State.IDLE)
                    with m.If(access.is_write):
                        m.d.sync += precharge_wait.load(config.write_to_precharge - 1)
                    with m.Else():
                        m.d.sync += [
                            *read_wait.load(BURST - 1),
                            *write_wait.load(config.read_to_write - 1),
                            *precharge_wait.load(BURST - 1),
                        ]
                with m.Elif(~pages.hit & pages.conflict):
                    m.d.comb += closing.eq(1)
                    with m.If(precharge_wait.over | pages.elsewhere):
                        m.d.comb += [command.eq(SdramCommand.PRECHARGE), pages.precharge.eq(1)]
                        m.d.sync += wait.load(config.rp - 1)
                with m.Elif(~pages.hit & wait.over):
                    m.d.comb += [command.eq(SdramCommand.ACTIVATE), pages.activate.eq(1)]
                    m.d.sync += wait.load(config.rcd - 1)

        with m.If(take & (self.read.valid | self.write.valid)):
            m.d.sync += state.eq(_State.LOOKUP)
        with m.If(take):
            m.d.sync += [
                access.addr.eq(Mux(self.read.valid, self.read.payload, self.write.payload.addr)),
                access.is_write.eq(~self.read.valid),
                access.data.eq(self.write.payload.data),
                access.enable.eq(self.write.payload.enable),
            ]
        self._drive(m, command, access, issue, closing, refresher)
        return m

    def _drive(
        self, m: Module, command: Signal, access: data.View, issue: Signal, closing: Signal, refresher: Refresher
    ) -> None:
        """The pins, a cycle after the decisions."""
        pins, column = self.pins, access.addr.column
        m.d.sync += [
            Cat(pins.we_n, pins.cas_n, pins.ras_n).eq(command),
            pins.a.eq(access.addr.row),
            pins.ba.eq(access.addr.bank),
            pins.dqm.eq(0),
            pins.dq_oe.eq(0),
            pins.dq_o.eq(access.data),
        ]
        # Address bit 10 of a PRECHARGE: all banks, or the one addressed.
        with m.If(refresher.all_banks):
            m.d.sync += pins.a[10].eq(1)
        with m.If(closing):
            m.d.sync += pins.a[10].eq(0)
        with m.If(refresher.power_up):
            m.d.sync += pins.dqm.eq(3)
        with m.If(refresher.command == SdramCommand.MODE):
            m.d.sync += [pins.a.eq(self.config.mode_register), pins.ba.eq(0)]
        with m.If(issue):
            m.d.sync += pins.a.eq(Mux(access.is_write, column, Cat(Const(0, 3), column[3:])))
            with m.If(access.is_write):
                m.d.sync += [pins.dq_oe.eq(1), pins.dqm.eq(~access.enable)]
