"""Starts a frame in a fixed cycle between two common edges, with the SDRAM's refreshes counted from there."""

from __future__ import annotations

import enum

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.memory.sdram_config import SdramConfig


class _State(enum.Enum):
    IDLE = 0
    SETTLE = 1
    ALIGN = 2
    START = 3
    REFRESH = 4


class FrameStarter(wiring.Component):
    """Has the controller start a frame twice.

    The first time nobody knows what it is at. After that it is idle with all pages closed, so that the second time, in the first cycle
    behind a common edge, takes the same cycles always.

    Members:
        start : In(1), strobe.
        last : In(1), the last cycle before a common edge.
        start_frame : Out(1), frame_ready : In(1), of the controller.
        started : Out(1), strobe: the frame begins now; with the controller's second `frame_ready`.

    Timing: `started` comes `started_cycle` cycles after a common edge.
    """

    def __init__(self) -> None:
        super().__init__(
            {"start": In(1), "last": In(1), "start_frame": Out(1), "frame_ready": In(1), "started": Out(1)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        state = Signal(_State)
        m.d.comb += self.started.eq((state == _State.REFRESH) & self.frame_ready)
        with m.Switch(state):
            with m.Case(_State.IDLE), m.If(self.start):
                m.d.comb += self.start_frame.eq(1)
                m.d.sync += state.eq(_State.SETTLE)
            with m.Case(_State.SETTLE), m.If(self.frame_ready):
                m.d.sync += state.eq(_State.ALIGN)
            with m.Case(_State.ALIGN), m.If(self.last):
                m.d.sync += state.eq(_State.START)
            with m.Case(_State.START):
                m.d.comb += self.start_frame.eq(1)
                m.d.sync += state.eq(_State.REFRESH)
            with m.Case(_State.REFRESH), m.If(self.frame_ready):
                m.d.sync += state.eq(_State.IDLE)
        return m


def started_cycle(config: SdramConfig) -> int:
    """The cycle of `started`, of the memory, from a common edge: the controller's PRECHARGE and REFRESH begin in it (see `Refresher`)."""
    return 1 + config.rp + config.rfc
