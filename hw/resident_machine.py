"""The machine of a network that stays in block RAM whole: core and host link, without SDRAM and DMA."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.core import Core, Trace
from hwgen.hw.host.link import HostLink
from hwgen.hw.isa.config import WORD_BYTES, CoreConfig
from hwgen.hw.isa.host_protocol import BAUD, TIMEOUT_S
from hwgen.hw.isa.resident import Resident
from hwgen.hw.machine import connect_reads, show_state
from hwgen.hw.memory.write_request import ImageWord


class ResidentMachine(wiring.Component):
    """Everything that is the same on a board and in simulation.

    The host writes the image into the activation memory (POKE) and starts a frame (START); its address is not looked at.

    Parameters:
        config: shape of the core.
        resident: what its memories hold.
        clock_hz: clock, Hz.
        build: 32 bits that the host reads to tell builds apart; see `HostLink`.
        baud: of the serial line.
        timeout_s: quiet time that ends a request of the host, seconds.

    Members:
        rx : In(1), tx : Out(1), serial line, `baud` baud.
        leds : Out(8): heartbeat, 1, frame under way, 0, low bits of the passes done.
        image : In(stream of ImageWord), words of the image from inside the FPGA instead of from the host; not during a frame.
        initialised : Out(1), 1; passes_done : Out(16).
        trace : Out(Trace), for simulation.

    Timing: the frame starts in the cycle after the host's START.
    """

    def __init__(
        self,
        config: CoreConfig,
        resident: Resident,
        clock_hz: int,
        *,
        build: int | Value = 0,
        baud: int = BAUD,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.config = config
        self.resident = resident
        self.clock_hz = clock_hz
        self.build = build
        self.baud = baud
        self.timeout_s = timeout_s
        super().__init__(
            {
                "rx": In(1),
                "tx": Out(1, init=1),
                "leds": Out(8),
                "image": In(stream.Signature(ImageWord)),
                "initialised": Out(1),
                "passes_done": Out(16),
                "trace": Out(Trace),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core = core = Core(self.config, self.resident)
        m.submodules.host = host = HostLink(
            self.clock_hz,
            baud=self.baud,
            build=self.build,
            timeout=int(self.timeout_s * self.clock_hz),
            halfwords=0,
            depth=self.config.activation_depth,
        )
        m.d.comb += host.rx.eq(self.rx)
        m.d.sync += self.tx.eq(host.tx)  # a register on the way to the pad, which is far
        wiring.connect(m, wiring.flipped(self.image), core.image)

        busy, go = Signal(), Signal()
        m.d.sync += go.eq(host.start)
        with m.If(host.start):
            m.d.sync += busy.eq(1)
        with m.Elif(core.frame_done):
            m.d.sync += busy.eq(0)
        m.d.comb += [
            core.frame_start.eq(go),
            host.busy.eq(busy),
            host.initialised.eq(1),
            host.passes_done.eq(core.passes_done),
            host.frame_cycles.eq(core.frame_cycles),
        ]

        connect_reads(m, host, core, core.host)
        write = core.host.request
        m.d.comb += host.poke.ready.eq(core.host.ready)
        with m.If(host.poke.valid):  # the host does not peek at the same time
            m.d.comb += [
                write.valid.eq(1),
                write.write.eq(1),
                write.bank.eq(host.poke.payload.bank),
                write.addr.eq(host.poke.payload.addr),
                write.enable.eq((1 << WORD_BYTES) - 1),
                write.data.eq(host.poke.payload.data),
            ]

        show_state(m, self, core, ready=1, busy=busy, failed=0)
        return m
