"""Controller for a 16-bit single-data-rate SDRAM: linear reads without gaps, refresh in fixed slots."""

from __future__ import annotations

import enum
from typing import Any

from amaranth import Array, Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.memory.sdram_config import ADDRESS_BITS, BURST, INIT_REFRESHES, SdramConfig, SdramPart


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


class _State(enum.Enum):
    POWER_UP = 0
    PRECHARGE = 1
    REFRESH = 2
    REFRESHED = 3
    MODE = 4
    IDLE = 5
    LOOKUP = 6
    ACCESS = 7


_NOP, _ACTIVATE, _READ, _WRITE = 0b111, 0b011, 0b101, 0b100
_PRECHARGE, _REFRESH, _MODE = 0b010, 0b001, 0b000


class _Timer:
    """Counts down; that it is over is a register, so that it costs no logic where it is used."""

    def __init__(self, m: Module, name: str, cycles: int) -> None:
        self._left = Signal(range(cycles), name=name)
        self.over = Signal(init=1, name=f"{name}_over")
        with m.If(~self.over):
            m.d.sync += [self._left.eq(self._left - 1), self.over.eq(self._left == 1)]

    def load(self, cycles: int) -> list[Any]:
        """Statements that make it over in `cycles` + 1 cycles."""
        return [self._left.eq(cycles), self.over.eq(cycles == 0)]


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
        config, part = self.config, self.config.part
        pins = self.pins

        state = Signal(_State)
        wait = _Timer(m, "wait", max(config.rfc, 8))  # until the next command of a sequence
        read_wait = _Timer(m, "read_wait", BURST)  # until the bus takes another burst
        write_wait = _Timer(m, "write_wait", config.read_to_write)  # until it takes a written halfword
        precharge_wait = _Timer(m, "precharge_wait", BURST)  # until any bank may be closed

        # Refresh slots, and what falls due besides.
        until_refresh = Signal(range(config.refresh_period), init=config.refresh_period - 1)
        due = Signal()
        realign = Signal()
        realigned = Signal()
        refreshes_left = Signal(range(INIT_REFRESHES + 1), init=INIT_REFRESHES)
        m.d.sync += self.frame_ready.eq(0)
        with m.If(until_refresh == 0):
            m.d.sync += [until_refresh.eq(config.refresh_period - 1), due.eq(1)]
        with m.Elif(self.initialised):
            m.d.sync += until_refresh.eq(until_refresh - 1)
        with m.If(self.start_frame):
            m.d.sync += realign.eq(1)

        # The command being worked on.
        addr = Signal(part.address_bits, reset_less=True)
        is_write = Signal(reset_less=True)
        write_data = Signal(16, reset_less=True)
        write_enable = Signal(2, reset_less=True)
        column, row = addr[: part.column_bits], addr[-part.row_bits :]
        bank = addr[part.column_bits : -part.row_bits]

        # Open pages.
        rows = Array(Signal(part.row_bits, name=f"row_{i}", reset_less=True) for i in range(1 << part.bank_bits))
        opened = Signal(1 << part.bank_bits)
        hit = Signal(reset_less=True)
        conflict = Signal(reset_less=True)
        last_bank = Signal(part.bank_bits, reset_less=True)
        last_write = Signal(reset_less=True)
        last_elsewhere = Signal(reset_less=True)
        # A cycle after the command, as these registers are many; the next look-up is later, and the address changes no sooner.
        activated = Signal()
        m.d.sync += activated.eq(0)
        with m.If(activated):
            m.d.sync += [opened.bit_select(bank, 1).eq(1), rows[bank].eq(row)]

        command = Signal(3)
        m.d.comb += command.eq(_NOP)
        issue = Signal()
        take = Signal()
        m.d.comb += [
            take.eq(((state == _State.IDLE) | issue) & ~due & ~realign),
            self.read.ready.eq(take),
            self.write.ready.eq(take & ~self.read.valid),
            issue.eq((state == _State.ACCESS) & hit & wait.over & Mux(is_write, write_wait.over, read_wait.over)),
        ]
        m.d.sync += [
            pins.a.eq(row),
            pins.ba.eq(bank),
            pins.dqm.eq(0),
            pins.dq_oe.eq(0),
            pins.dq_o.eq(write_data),
        ]

        with m.Switch(state):
            with m.Case(_State.POWER_UP):
                m.d.sync += pins.dqm.eq(3)
                count = Signal(range(config.init_cycles))
                m.d.sync += count.eq(count + 1)
                with m.If(count == config.init_cycles - 1):
                    m.d.sync += state.eq(_State.PRECHARGE)
            with m.Case(_State.PRECHARGE):
                m.d.sync += pins.a[10].eq(1)  # all banks
                with m.If(precharge_wait.over):
                    m.d.comb += command.eq(_PRECHARGE)
                    m.d.sync += [opened.eq(0), *wait.load(config.rp - 1), state.eq(_State.REFRESH)]
            with m.Case(_State.REFRESH), m.If(wait.over):
                m.d.comb += command.eq(_REFRESH)
                m.d.sync += [due.eq(0), state.eq(_State.REFRESHED)]
                with m.If(self.initialised):
                    m.d.sync += [realigned.eq(realign), realign.eq(self.start_frame)]
                    with m.If(realign):
                        m.d.sync += until_refresh.eq(config.refresh_period - 1)
                # After initialisation two cycles pass by themselves before anything can be issued.
                with m.If(self.initialised):
                    m.d.sync += wait.load(config.rfc - 3)
                with m.Else():
                    m.d.sync += wait.load(config.rfc - 1)
                with m.If(refreshes_left != 0):
                    m.d.sync += refreshes_left.eq(refreshes_left - 1)
            with m.Case(_State.REFRESHED), m.If(wait.over):
                with m.If(refreshes_left != 0):
                    m.d.sync += state.eq(_State.REFRESH)
                with m.Elif(~self.initialised):
                    m.d.comb += command.eq(_MODE)
                    m.d.sync += [
                        pins.a.eq(config.mode_register),
                        pins.ba.eq(0),
                        *wait.load(part.mrd_cycles - 1),
                        state.eq(_State.MODE),
                    ]
                with m.Else():
                    m.d.sync += [self.frame_ready.eq(realigned), state.eq(_State.IDLE)]
            with m.Case(_State.MODE), m.If(wait.over):
                m.d.sync += [self.initialised.eq(1), state.eq(_State.IDLE)]
            with m.Case(_State.IDLE), m.If(due | realign):
                m.d.sync += state.eq(_State.PRECHARGE)
            with m.Case(_State.LOOKUP):
                m.d.sync += [
                    hit.eq(opened.bit_select(bank, 1) & (rows[bank] == row)),
                    conflict.eq(opened.bit_select(bank, 1)),
                    last_elsewhere.eq((last_bank != bank) & ~last_write),
                    state.eq(_State.ACCESS),
                ]
            with m.Case(_State.ACCESS):
                with m.If(issue):
                    m.d.comb += command.eq(Mux(is_write, _WRITE, _READ))
                    m.d.sync += [
                        pins.a.eq(Mux(is_write, column, Cat(Const(0, 3), column[3:]))),
                        last_bank.eq(bank),
                        last_write.eq(is_write),
                        state.eq(_State.IDLE),
                    ]
                    with m.If(is_write):
                        m.d.sync += [
                            pins.dq_oe.eq(1),
                            pins.dqm.eq(~write_enable),
                            *precharge_wait.load(config.write_to_precharge - 1),
                        ]
                    with m.Else():
                        m.d.sync += [
                            *read_wait.load(BURST - 1),
                            *write_wait.load(config.read_to_write - 1),
                            *precharge_wait.load(BURST - 1),
                        ]
                with m.Elif(~hit & conflict):
                    m.d.sync += pins.a[10].eq(0)
                    with m.If(precharge_wait.over | last_elsewhere):
                        m.d.comb += command.eq(_PRECHARGE)
                        m.d.sync += [conflict.eq(0), *wait.load(config.rp - 1)]
                with m.Elif(~hit & wait.over):
                    m.d.comb += command.eq(_ACTIVATE)
                    m.d.sync += [hit.eq(1), activated.eq(1), *wait.load(config.rcd - 1)]

        m.d.sync += Cat(pins.we_n, pins.cas_n, pins.ras_n).eq(command)
        with m.If(take & (self.read.valid | self.write.valid)):
            m.d.sync += state.eq(_State.LOOKUP)
        with m.If(take):
            m.d.sync += [
                addr.eq(Mux(self.read.valid, self.read.payload, self.write.payload.addr)),
                is_write.eq(~self.read.valid),
                write_data.eq(self.write.payload.data),
                write_enable.eq(self.write.payload.enable),
            ]

        # Read data: one register in the pad, one in the fabric.
        captured = Signal(16, reset_less=True)
        delivered = Signal(16, reset_less=True)
        m.d.sync += [captured.eq(pins.dq_i), delivered.eq(captured)]
        m.d.comb += self.data.eq(delivered)
        started = Signal(config.read_latency - 1)
        left = Signal(range(BURST))
        m.d.sync += started.eq(Cat(issue & ~is_write, started))
        with m.If(started[-1]):
            m.d.sync += [self.data_valid.eq(1), left.eq(BURST - 1)]
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        with m.Else():
            m.d.sync += self.data_valid.eq(0)
        return m
