"""The core: all elements between the activation memory's read port and its write port, and what steers them."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.array.collector import Collector
from hwgen.hw.array.feeder import Feeder
from hwgen.hw.array.lane_parameters import ParameterWrite
from hwgen.hw.array.pixel_ring import PixelRing
from hwgen.hw.array.systolic import SystolicArray
from hwgen.hw.array.weight_memory import WeightMemory, weight_latency, weight_write_layout
from hwgen.hw.control.counters import Counters
from hwgen.hw.control.descriptor_copy import DescriptorCopy
from hwgen.hw.control.sequencer import Sequencer
from hwgen.hw.fetch.fetch import Fetch
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.counters import RECORDED_PASSES
from hwgen.hw.isa.descriptor import FeedMode
from hwgen.hw.isa.resident import Resident
from hwgen.hw.kept_modules import COPY_PREFIX
from hwgen.hw.lib.delay import delayed
from hwgen.hw.lib.table import TableWrite
from hwgen.hw.memory.activation_memory import ActivationMemory, HostRequest, memory_port
from hwgen.hw.memory.write_request import ImageWord, WriteRequest
from hwgen.hw.output.combine import Combine
from hwgen.hw.output.operand import OperandFetch
from hwgen.hw.output.row_writer import RowWriter
from hwgen.hw.output.writer import Writer
from hwgen.hw.window.parameters import window_write_layout
from hwgen.hw.window.window import Window

FETCH_START_DELAY = 4
"""Cycles that the fetch starts after the window, so that the first subgroup's weights are there when its first column comes."""

Trace = data.StructLayout(
    {
        "write": 1,
        "bank": 2,
        "addr": 14,
        "enable": 8,
        "data": 64,
        "window": 1,
        "window_data": 64,
        "segment": 1,
        "segment_data": 128,
        "frame_start": 1,
        "pass_start": 1,
        "pass_done": 1,
        "frame_done": 1,
        "record": 1,
        "record_data": 32,
    }
)
"""What a simulation records: the core's writes to the activation memory, the window's results (those of a pass that goes on through
the array stay in the pixel ring), the array's segments on their way to the combine element, the passes, and the words of their counters."""


def check_content(config: CoreConfig, resident: Resident | None) -> None:
    """Raises ValueError if a core's initial content is not for this shape."""
    passes = 0 if resident is None else len(resident.descriptors)
    if passes != config.resident_passes:
        raise ValueError(f"resident must hold {config.resident_passes} descriptors, not {passes}")


class Core(wiring.Component):
    """The machine of docs/architecture.md without DMA, SDRAM and host.

    Parameters:
        config: shape of the core.
        resident: what its memories hold from power-on; None: the DMA loads everything.

    Members:
        frame_start : In(1), strobe; frame_done : Out(1), strobe; passes_done : Out(16); running : Out(1).
        push : In({valid, data(16)}), room : Out(1): descriptors, see `Sequencer`.
        weights : In(weight_write_layout), parameters : In(ParameterWrite), window : In(window_write_layout),
            table, window_table : In(TableWrite): writes from the DMA, into the array's and the window's table.
        image : In(stream of ImageWord), host : In(memory_port(HostRequest)): clients of the activation memory.
        counter_addr : In(12), counter_data : Out(32), frame_cycles : Out(32): see `Counters`.
        trace : Out(Trace).

    Timing: passes follow each other as `Sequencer` says. Within a pass the timing model of `hwgen.sim.timing.frame` gives every cycle.
    """

    def __init__(self, config: CoreConfig, resident: Resident | None = None) -> None:
        check_content(config, resident)
        self.config = config
        self.resident = resident
        super().__init__(
            {
                "frame_start": In(1),
                "frame_done": Out(1),
                "passes_done": Out(16),
                "running": Out(1),
                "push": In(data.StructLayout({"valid": 1, "data": 16})),
                "room": Out(1),
                "weights": In(weight_write_layout(config)),
                "parameters": In(ParameterWrite),
                "window": In(window_write_layout(config)),
                "table": In(TableWrite),
                "window_table": In(TableWrite),
                "image": In(stream.Signature(ImageWord)),
                "host": In(memory_port(HostRequest)),
                "counter_addr": In(12),
                "counter_data": Out(32),
                "frame_cycles": Out(32),
                "trace": Out(Trace),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        content = self.resident or Resident((), (), (), ())
        m.submodules.sequencer = sequencer = Sequencer(content.descriptors)
        m.submodules.counters = counters = Counters(config.resident_passes or RECORDED_PASSES)
        m.submodules.memory = memory = ActivationMemory(config)
        m.submodules.fetch = fetch = Fetch(config, memory.READ_LATENCY)
        window = Window(config, content.window, content.window_tables) if config.window else None
        if window:
            m.submodules.window = window
        m.submodules.pixel_ring = pixel_ring = PixelRing(config)
        m.submodules.weights = weights = WeightMemory(config, content.weights)
        m.submodules.feeder = feeder = Feeder(config, pixel_ring.LATENCY, weight_latency(config))
        m.submodules.array = array = SystolicArray(
            config.rows, config.cols, config.acc_bits, config.floorplan, steps=config.k_steps
        )
        m.submodules.collector = collector = Collector(config, content.parameters, content.array_tables)
        m.submodules.operand = operand = OperandFetch(config, memory.PORT_B_LATENCY)
        m.submodules.writer = writer = Writer(config, memory.WRITE_TO_READ)
        row_writer = RowWriter(config, memory.WRITE_TO_READ) if config.window else None
        if row_writer:
            m.submodules.row_writer = row_writer

        # Steering.
        descriptor = sequencer.descriptor
        elements: dict[str, Any] = {
            "fetch": fetch,
            "window": window,
            "pixel_ring": pixel_ring,
            "feeder": feeder,
            "collector": collector,
            "operand": operand,
            "writer": writer,
            "row_writer": row_writer,
        }
        if config.combine_lanes:
            m.submodules.combine = elements["combine"] = combine = Combine(config)
            m.d.comb += combine.parameters.eq(collector.combine)
            self._combine(m, combine, descriptor.combine.any(), collector, operand, writer)
        else:
            wiring.connect(m, collector.o, writer.segments)
            wiring.connect(m, operand.o, writer.operands)
        for name, element in elements.items():
            if element is None:
                continue
            # `start` comes in the second cycle of a new descriptor, when the copies have it.
            m.submodules[f"{COPY_PREFIX}{name}"] = copy = DescriptorCopy()
            m.d.comb += [
                copy.i.eq(descriptor),
                copy.starting.eq(sequencer.starting),
                element.descriptor.eq(copy.o),
            ]
            delay = FETCH_START_DELAY if element is fetch else 0
            m.d.comb += element.start.eq(delayed(m, copy.start, delay, "fetch_start", control=True))
        done = Signal()
        m.d.comb += [
            done.eq(writer.done | row_writer.done if row_writer else writer.done),
            sequencer.done.eq(done),
            sequencer.frame_start.eq(self.frame_start),
            sequencer.push.eq(self.push),
            self.room.eq(sequencer.room),
            self.passes_done.eq(sequencer.passes_done),
            self.frame_done.eq(sequencer.frame_done),
            self.running.eq(sequencer.running),
        ]

        # What the DMA loads.
        # Through registers: the memories are far from the DMA and from each other.
        loads: list[tuple[str, Any, Any]] = [
            ("parameters", collector.parameter_write, self.parameters),
            ("table", collector.table_write, self.table),
        ]
        if window:
            loads += [
                ("window", window.write, self.window),
                ("window_table", window.table_write, self.window_table),
            ]
        for name, target, source in loads:
            register = Signal.like(source, name=f"load_{name}")
            m.d.sync += register.eq(source)
            m.d.comb += target.eq(register)
        m.d.comb += weights.write.eq(self.weights)
        wiring.connect(m, wiring.flipped(self.image), memory.dma)
        wiring.connect(m, wiring.flipped(self.host), memory.host)

        # From the activation memory to the pixel ring and the row writer.
        m.d.comb += [memory.read_addr.eq(fetch.read_addr), fetch.read_data.eq(memory.read_data)]
        wiring.connect(m, fetch.o_word, pixel_ring.i_word)
        if window and row_writer:
            wiring.connect(m, fetch.o_column, window.i)
            self._behind_window(m, descriptor, window, pixel_ring, row_writer)

        # Through the array.
        m.d.comb += [
            feeder.row_done.eq(pixel_ring.row_done),
            feeder.segment_taken.eq(collector.segment_taken),
            fetch.tile_free.eq(feeder.tile_free),
            pixel_ring.read_addr.eq(feeder.read_addr),
            weights.addr.eq(feeder.weight_addr),
            array.a.eq(pixel_ring.a),
            array.ctl.eq(feeder.ctl),
            *(
                Value.cast(array.w[c]).eq(
                    Cat(weights.data.word_select(step * config.cols + c, 8) for step in range(config.k_steps))
                )
                for c in range(config.cols)
            ),
            collector.results.eq(array.o),
            collector.valid.eq(array.o_valid),
            collector.chunk_start.eq(feeder.chunk_start),
        ]

        # Back to the activation memory. Only one of the writers takes part in a pass.
        write = Signal(WriteRequest)
        m.d.comb += write.eq(
            Mux(writer.request.valid, writer.request, row_writer.request) if row_writer else writer.request
        )
        m.d.comb += memory.writer.eq(write)
        wiring.connect(m, operand.memory, memory.operand)

        m.d.comb += [
            counters.frame_start.eq(self.frame_start),
            counters.start.eq(sequencer.start),
            counters.done.eq(done),
            counters.issuing.eq(feeder.issuing),
            counters.pixels.eq(feeder.waiting_pixels),
            counters.room.eq(feeder.waiting_room),
            counters.chains.eq(feeder.waiting_chains),
            counters.working.eq(feeder.working),
            counters.read_addr.eq(self.counter_addr),
            self.counter_data.eq(counters.read_data),
            self.frame_cycles.eq(counters.frame_cycles),
            self.trace.write.eq(write.valid),
            self.trace.bank.eq(write.bank),
            self.trace.addr.eq(write.addr),
            self.trace.enable.eq(write.enable),
            self.trace.data.eq(write.data),
            self.trace.frame_start.eq(self.frame_start),
            self.trace.pass_start.eq(sequencer.start),
            self.trace.pass_done.eq(done),
            self.trace.frame_done.eq(sequencer.frame_done),
            self.trace.record.eq(counters.record.valid),
            self.trace.record_data.eq(counters.record.data),
        ]
        return m

    def _behind_window(
        self, m: Module, descriptor: data.View[Any], window: Window, pixel_ring: PixelRing, row_writer: RowWriter
    ) -> None:
        """The window's results go on through the array, or to the row writer."""
        to_rows = Signal()
        m.d.sync += to_rows.eq(descriptor.to_rows | (descriptor.mode == FeedMode.SUM))
        m.d.comb += [
            pixel_ring.i_half.valid.eq(window.o.valid & ~to_rows),
            pixel_ring.i_half.payload.eq(window.o.payload),
            row_writer.i.valid.eq(window.o.valid & to_rows),
            row_writer.i.payload.eq(window.o.payload),
            window.o.ready.eq(Mux(to_rows, row_writer.i.ready, pixel_ring.i_half.ready)),
            self.trace.window.eq(window.o.valid & window.o.ready),
            self.trace.window_data.eq(window.o.payload.data),
        ]

    def _combine(
        self, m: Module, combine: Combine, wanted: Value, collector: Collector, operand: OperandFetch, writer: Writer
    ) -> None:
        """Segments and operands go to the writer through the combine element in passes that want it, else directly."""
        active = Signal()
        m.d.sync += active.eq(wanted)
        m.d.comb += [
            combine.segments.valid.eq(collector.o.valid),
            combine.segments.payload.eq(collector.o.payload),
            combine.operands.valid.eq(operand.o.valid),
            combine.operands.payload.eq(operand.o.payload),
            writer.segments.valid.eq(Mux(active, combine.o.valid, collector.o.valid)),
            writer.segments.payload.eq(Mux(active, combine.o.payload, collector.o.payload)),
            writer.operands.valid.eq(operand.o.valid & ~active),
            writer.operands.payload.eq(operand.o.payload),
            self.trace.segment.eq(combine.segments.valid & combine.segments.ready),
            self.trace.segment_data.eq(combine.segments.payload.data),
            combine.o.ready.eq(writer.segments.ready),
            collector.o.ready.eq(combine.segments.ready | (writer.segments.ready & ~active)),
            operand.o.ready.eq(combine.operands.ready | (writer.operands.ready & ~active)),
        ]
