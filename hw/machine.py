"""The machine: core, DMA, SDRAM controller and host link, ready to be put between the pads of a board or into a simulation."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, ValueLike
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.core import Core, Trace
from hwgen.hw.host.link import HostLink
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.host_protocol import BAUD, TIMEOUT_S, MachineError
from hwgen.hw.memory.activation_memory import port_b_latency
from hwgen.hw.memory.dma.dma import Dma
from hwgen.hw.memory.related.related_sdram import RelatedSdram
from hwgen.hw.memory.row_store import RowStore
from hwgen.hw.memory.sdram import SdramController, sdram_pins
from hwgen.hw.memory.sdram_config import SdramConfig
from hwgen.hw.memory.shared_port import SharedPort

HEARTBEAT_BITS = 26


def connect_reads(m: Module, host: HostLink, core: Core, port: Any) -> None:
    """The host's reads of results, through the activation memory's `port`, and of counters."""
    peek = port.request
    m.d.comb += [
        peek.valid.eq(host.peek.valid),
        peek.bank.eq(host.peek.payload.bank),
        peek.addr.eq(host.peek.payload.addr),
        host.peek.ready.eq(port.ready),
        host.peek_data.eq(port.read_data),
        host.peek_valid.eq(port.read_valid),
        core.counter_addr.eq(host.counter_addr),
        host.counter_data.eq(core.counter_data),
    ]


def show_state(m: Module, machine: Any, core: Core, *, ready: ValueLike, busy: Value, failed: ValueLike) -> None:
    """What a machine shows outside: `leds`, `initialised`, `passes_done`, `trace`."""
    heartbeat = Signal(HEARTBEAT_BITS)
    m.d.sync += [
        heartbeat.eq(heartbeat + 1),
        # A register on the way to the pads, which are far.
        machine.leds.eq(Cat(heartbeat[-1], ready, busy, failed, core.passes_done[:4])),
    ]
    m.d.comb += [
        machine.initialised.eq(ready),
        machine.passes_done.eq(core.passes_done),
        machine.trace.eq(core.trace),
    ]


def check_clocks(config: CoreConfig, sdram_config: SdramConfig) -> None:
    """Raises ValueError when a core cannot have a memory of these clocks."""
    if config.spill and not sdram_config.ratio.same:
        raise ValueError(
            f"a core that stores rows in the SDRAM has its clock: the ratio must be 1:1, not {sdram_config.ratio}"
        )


class Machine(wiring.Component):
    """Everything that is the same on a board and in simulation.

    A frame begins with the host's START: the SDRAM controller refreshes and closes all pages, so that every later cycle depends on the
    frame alone; then sequencer and DMA start in the same cycle.

    Parameters:
        config: shape of the core.
        sdram_config: memory and clock. If the memory has a clock of its own, the machine needs the domains `memory` and `common` too, see
            `RelatedSdram`; `sdram` is of the domain `memory` then.
        build: 32 bits that the host reads to tell builds apart; see `HostLink`.
        baud: of the serial line.
        timeout_s: quiet time that ends a request of the host, seconds.

    Members:
        rx : In(1), tx : Out(1), serial line, `baud` baud.
        leds : Out(8): heartbeat, memory ready, frame under way, stream error, low bits of the passes done.
        sdram : Out(sdram_pins(sdram_config.part)).
        initialised : Out(1), passes_done : Out(16).
        trace : Out(Trace), for simulation.

    Timing: core and DMA start in the cycle after the SDRAM controller's `frame_ready`, and from there on a frame takes the cycles
        that `hwgen.sim.timing.frame.predict` says, but for the wait for the image's rows, which it estimates. `leds` and `tx` are a cycle
        behind what they show. The host gets the memories outside of frames only; `sdram` is never held up.
    """

    def __init__(
        self,
        config: CoreConfig,
        sdram_config: SdramConfig,
        *,
        build: int | Value = 0,
        baud: int = BAUD,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        check_clocks(config, sdram_config)
        self.config = config
        self.sdram_config = sdram_config
        self.build = build
        self.baud = baud
        self.timeout_s = timeout_s
        super().__init__(
            {
                "rx": In(1),
                "tx": Out(1, init=1),
                "leds": Out(8),
                "sdram": Out(sdram_pins(sdram_config.part)),
                "initialised": Out(1),
                "passes_done": Out(16),
                "trace": Out(Trace),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        clock_hz, same = self.sdram_config.core_hz, self.sdram_config.ratio.same
        m.submodules.core = core = Core(self.config)
        m.submodules.dma = dma = Dma(self.config, word=1 if same else self.sdram_config.word)
        memory: SdramController | RelatedSdram
        m.submodules.memory = memory = SdramController(self.sdram_config) if same else RelatedSdram(self.sdram_config)
        m.submodules.host = host = HostLink(
            clock_hz,
            baud=self.baud,
            build=self.build,
            timeout=int(self.timeout_s * clock_hz),
            halfwords=self.sdram_config.part.bytes // 2,
            depth=self.config.activation_depth,
        )
        for name, member in sdram_pins(self.sdram_config.part).members.items():
            outside, inside = getattr(self.sdram, name), getattr(memory.pins, name)
            m.d.comb += outside.eq(inside) if member.flow is Out else inside.eq(outside)
        m.d.comb += host.rx.eq(self.rx)
        m.d.sync += self.tx.eq(host.tx)  # a register on the way to the pad, which is far

        # A frame: from the host's request to the last pass.
        busy, go, failed = Signal(), Signal(), Signal()
        m.d.comb += [memory.start_frame.eq(host.start), host.busy.eq(busy)]
        m.d.sync += go.eq(busy & memory.frame_ready)
        with m.If(host.start):
            m.d.sync += busy.eq(1)
        with m.Elif(core.frame_done | (dma.error & ~failed)):  # a stream that makes no sense never ends
            m.d.sync += busy.eq(0)
        m.d.sync += failed.eq(dma.error)
        m.d.comb += [
            core.frame_start.eq(go),
            dma.start.eq(go),
            (dma.base if isinstance(memory, SdramController) else memory.base).eq(host.base),
            host.initialised.eq(memory.initialised),
            host.passes_done.eq(core.passes_done),
            host.frame_cycles.eq(core.frame_cycles),
            host.errors.eq(Mux(dma.error, MachineError.STREAM, 0)),
        ]

        if isinstance(memory, SdramController):
            self._share(m, dma, memory, host, busy)
        else:
            self._read_words(m, dma, memory, host)
        if self.config.spill:
            port = self._store(m, dma, core, memory, host, busy)
        else:
            port = core.host
            wiring.connect(m, host.write, memory.write)

        # What the DMA delivers.
        wiring.connect(m, dma.image, core.image)
        m.d.comb += [
            dma.passes_done.eq(core.passes_done),
            dma.room.eq(core.room),
            core.push.eq(dma.push),
            core.weights.eq(dma.weights),
            core.parameters.eq(dma.parameters),
            core.window.valid.eq(dma.window.valid),
            core.window.addr.eq(dma.window.addr),
            core.window.data.eq(dma.window.data),
            core.table.valid.eq(dma.table.valid & ~dma.table.addr[-1]),
            core.table.addr.eq(dma.table.addr),
            core.table.data.eq(dma.table.data),
            core.window_table.valid.eq(dma.table.valid & dma.table.addr[-1]),
            core.window_table.addr.eq(dma.table.addr),
            core.window_table.data.eq(dma.table.data),
        ]

        connect_reads(m, host, core, port)

        show_state(m, self, core, ready=memory.initialised, busy=busy, failed=dma.error)
        return m

    def _share(self, m: Module, dma: Dma, memory: SdramController, host: HostLink, busy: Signal) -> None:
        """SDRAM: the DMA's during a frame, the host's outside."""
        m.d.comb += [
            memory.read.valid.eq(Mux(busy, dma.read.valid, host.read.valid)),
            memory.read.payload.eq(Mux(busy, dma.read.payload, host.read.payload)),
            dma.read.ready.eq(memory.read.ready & busy),
            host.read.ready.eq(memory.read.ready & ~busy),
        ]
        for client in (dma, host):
            m.d.comb += client.data.eq(memory.data)
        m.d.comb += [
            dma.data_valid.eq(memory.data_valid & busy),
            host.data_valid.eq(memory.data_valid & ~busy),
        ]

    def _read_words(self, m: Module, dma: Dma, memory: RelatedSdram, host: HostLink) -> None:
        """SDRAM on a clock of its own: the DMA's words, and the host's bursts outside of a frame."""
        wiring.connect(m, memory.words, dma.words)
        wiring.connect(m, host.read, memory.read)
        m.d.comb += [
            memory.running.eq(dma.busy),
            host.data.eq(memory.data),
            host.data_valid.eq(memory.data_valid),
        ]

    def _store(
        self, m: Module, dma: Dma, core: Core, memory: SdramController | RelatedSdram, host: HostLink, busy: Signal
    ) -> wiring.PureInterface:
        """The row store, which writes to the SDRAM during a frame as the host does outside; returns the host's port of the core."""
        m.submodules.store = store = RowStore()
        m.submodules.port = port = SharedPort(port_b_latency(self.config.activation_depth))
        m.d.comb += [
            store.command.eq(dma.store),
            store.base.eq(host.base),
            dma.stored.eq(store.done),
            memory.write.valid.eq(Mux(busy, store.write.valid, host.write.valid)),
            memory.write.payload.eq(Mux(busy, store.write.payload, host.write.payload)),
            store.write.ready.eq(memory.write.ready & busy),
            host.write.ready.eq(memory.write.ready & ~busy),
        ]
        wiring.connect(m, store.memory, port.store)
        wiring.connect(m, port.memory, core.host)
        return port.host
