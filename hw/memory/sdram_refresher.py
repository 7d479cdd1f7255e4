"""Brings an SDRAM up after reset and refreshes it in fixed slots."""

from __future__ import annotations

import enum

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.memory.sdram_command import CommandTimer, SdramCommand
from hwgen.hw.memory.sdram_config import INIT_REFRESHES, SdramConfig


class _State(enum.Enum):
    POWER_UP = 0
    PRECHARGE = 1
    REFRESH = 2
    REFRESHED = 3
    MODE = 4
    REST = 5


class Refresher(wiring.Component):
    """Issues all commands that belong to no access: initialisation after reset, then a refresh whenever it is granted one.

    A refresh falls due every `refresh_period` cycles, and at the start of a frame, from which the period is then counted: so every cycle
    of a frame sees the same refreshes.

    Parameters:
        config: clock and timing.

    Members:
        start_frame : In(1), strobe: refresh as soon as possible, and count from there.
        wanted : Out(1), a refresh is due; grant : In(1), strobe: the bus is idle, begin. Only while `wanted`, and once until `done`.
        closable : In(1), no bank has a burst or a write recovery under way; from its next cycle on PRECHARGE may be issued.
        command : Out(SdramCommand), to be put on the pins in this cycle.
        power_up : Out(1), the pause before the first command; all_banks : Out(1), a PRECHARGE, if any in this cycle, is for all banks.
        done : Out(1), strobe: accesses may be issued from now on; the first one after initialisation.
        initialised : Out(1).
        frame_ready : Out(1), strobe: the refresh of `start_frame` is done.

    Timing: with `grant` in cycle t and `closable` from c on, PRECHARGE is issued in p = max(t + 1, c), REFRESH in p + rp, `done` in
        p + rp + rfc - 2, and `frame_ready`, if it is due, in p + rp + rfc - 1. `wanted` stays 1 up to the cycle of REFRESH; without
        `start_frame` it rises refresh_period cycles after it rose last, after a `start_frame` refresh_period + 1 cycles after its REFRESH.
        A `start_frame` in the cycle of REFRESH or later gets a refresh of its own.
        After reset: PRECHARGE in cycle init_cycles, then INIT_REFRESHES times REFRESH, the first rp later, each rfc + 1 after the one
        before, MODE rfc after the last one, `done` mrd_cycles after that.
    """

    def __init__(self, config: SdramConfig) -> None:
        self._config = config
        super().__init__(
            {
                "start_frame": In(1),
                "wanted": Out(1),
                "grant": In(1),
                "closable": In(1),
                "command": Out(SdramCommand),
                "power_up": Out(1),
                "all_banks": Out(1),
                "done": Out(1),
                "initialised": Out(1),
                "frame_ready": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        state = Signal(_State)
        wait = CommandTimer(m, "wait", max(config.rfc, 8))  # until the next command
        until_refresh = Signal(range(config.refresh_period), init=config.refresh_period - 1)
        due = Signal()
        realign = Signal()
        realigned = Signal()
        refreshes_left = Signal(
            range(INIT_REFRESHES), init=INIT_REFRESHES - 1
        )  # of the initialisation, behind the present one
        m.d.comb += [
            self.wanted.eq(due | realign),
            self.command.eq(SdramCommand.NOP),
            self.power_up.eq(state == _State.POWER_UP),
            self.all_banks.eq(state == _State.PRECHARGE),
        ]
        m.d.sync += self.frame_ready.eq(0)
        with m.If(until_refresh == 0):
            m.d.sync += [until_refresh.eq(config.refresh_period - 1), due.eq(1)]
        with m.Elif(self.initialised):
            m.d.sync += until_refresh.eq(until_refresh - 1)
        with m.If(self.start_frame):
            m.d.sync += realign.eq(1)

        with m.Switch(state):
            with m.Case(_State.POWER_UP):
                count = Signal(range(config.init_cycles))
                m.d.sync += count.eq(count + 1)
                with m.If(count == config.init_cycles - 1):
                    m.d.sync += state.eq(_State.PRECHARGE)
            with m.Case(_State.PRECHARGE), m.If(self.closable):
                m.d.comb += self.command.eq(SdramCommand.PRECHARGE)
                m.d.sync += [*wait.load(config.rp - 1), state.eq(_State.REFRESH)]
            with m.Case(_State.REFRESH), m.If(wait.over):
                m.d.comb += self.command.eq(SdramCommand.REFRESH)
                m.d.sync += [due.eq(0), state.eq(_State.REFRESHED)]
                with m.If(self.initialised):
                    # Two cycles pass by themselves before an access can be issued.
                    m.d.sync += [*wait.load(config.rfc - 3), realigned.eq(realign), realign.eq(self.start_frame)]
                    with m.If(realign):
                        m.d.sync += until_refresh.eq(config.refresh_period - 1)
                with m.Else():
                    m.d.sync += wait.load(config.rfc - 1)
            with m.Case(_State.REFRESHED), m.If(wait.over):
                with m.If(self.initialised):
                    m.d.comb += self.done.eq(1)
                    m.d.sync += [self.frame_ready.eq(realigned), state.eq(_State.REST)]
                with m.Elif(refreshes_left != 0):
                    m.d.sync += [refreshes_left.eq(refreshes_left - 1), state.eq(_State.REFRESH)]
                with m.Else():
                    m.d.comb += self.command.eq(SdramCommand.MODE)
                    m.d.sync += [*wait.load(config.part.mrd_cycles - 1), state.eq(_State.MODE)]
            with m.Case(_State.MODE), m.If(wait.over):
                m.d.comb += self.done.eq(1)
                m.d.sync += [self.initialised.eq(1), state.eq(_State.REST)]
            with m.Case(_State.REST), m.If(self.grant):
                m.d.sync += state.eq(_State.PRECHARGE)
        return m
