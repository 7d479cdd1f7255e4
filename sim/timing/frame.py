"""Timing model of a frame: cycles of every pass, when its weights arrive, what bounds it."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

from hwgen.compiler.program.program import Program
from hwgen.hw.control.sequencer import LOAD_CYCLES, START_GAP, resident_load_cycles
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor_fields import FIELD_GROUPS, DescriptorFields
from hwgen.hw.isa.memories import QUEUE_DEPTH
from hwgen.hw.isa.packets import PacketKind
from hwgen.hw.memory.dma.units import HALFWORD_KINDS, WRITE_DELAY
from hwgen.hw.memory.sdram_config import SdramConfig
from hwgen.sim.elements.operand_reads import bank_distance
from hwgen.sim.timing.passes import CoreDelays, PassTiming, pass_timing
from hwgen.sim.timing.sdram import SdramTiming
from hwgen.sim.timing.stream import StreamTiming
from hwgen.sim.timing.word_stream import WordStreamTiming

_FRAME_START = 1  # of sequencer and DMA, after the SDRAM's `frame_ready`
_AHEAD = 1  # the next descriptor's loading begins before the present pass's `start`
_QUEUED = 2  # from a descriptor's last push to the beginning of its loading
_TAKEN = LOAD_CYCLES - 1  # from there until the DMA sees its place in the queue free
_REACHED = 3  # from a pass's `done` to the first payload of a packet that waits for it


@dataclass(frozen=True)
class PassCycles:
    """One pass of a frame.

    Attributes:
        name: of the pass.
        start: cycle of `start`, from the frame's start.
        cycles: from `start` to `done`.
        wait: cycles that it started later than the pass before allowed: its weights or its descriptor were not there.
        macs: multiply-accumulates of the array, padding not counted.
        timing: its elements.
    """

    name: str
    start: int
    cycles: int
    wait: int
    macs: int
    timing: PassTiming

    @property
    def done(self) -> int:
        return self.start + self.cycles

    @property
    def bound(self) -> str:
        """compute, window, output, fill (see `PassTiming.bound`), or weights if it waited longer than it ran."""
        return "weights" if self.wait > self.cycles else self.timing.bound


@dataclass(frozen=True)
class FrameTiming:
    """A frame.

    Attributes:
        passes: in order.
        cycles: from the frame's start to the end of the last pass.
        clock_hz: of the machine.
        memory_hz: of the SDRAM; `clock_hz` where both have one clock.
        stream_done: cycle in which the DMA used the stream's last halfword.
    """

    passes: list[PassCycles]
    cycles: int
    clock_hz: int
    stream_done: int
    memory_hz: int

    @property
    def fps(self) -> float:
        """Frames per second, one after the other."""
        return self.clock_hz / self.cycles


class PassTimings:
    """Remembers passes: many have the same shape and differ in addresses only."""

    def __init__(self, config: CoreConfig) -> None:
        self._delays = CoreDelays.of(config)
        self._known: dict[tuple[object, ...], PassTiming] = {}

    @property
    def port_b_latency(self) -> int:
        """Cycles from a read of the activation memory to its answer."""
        return self._delays.port_b_latency

    def __call__(self, fields: DescriptorFields) -> PassTiming:
        """Timing of a pass by its descriptor fields."""
        shape = (*_TIMED(fields), bank_distance(fields))
        if shape not in self._known:
            self._known[shape] = pass_timing(fields, self._delays)
        return self._known[shape]


_NO_TIMING = {
    "fetch": {"last", "input", "in_y", "first_word", "fill"},
    "window": {"window_base", "window_clamp", "window_table"},
    "array": {"first_byte", "weight_base", "parameter_base", "array_table", "array_clamp"},
    "writer": {"output"},
    "operand": {"operand"},
}
"""By group the fields that no cycle depends on; of the operand's and the output's places only `bank_distance` counts."""

_TIMED = attrgetter(
    *(
        f"{group}.{name}"
        for group, layout in FIELD_GROUPS.items()
        for name, _ in layout
        if name not in _NO_TIMING.get(group, ())
    )
)
"""All other fields of a descriptor, as a tuple."""


def stream_timing(sdram: SdramConfig, start: int) -> StreamTiming | WordStreamTiming:
    """The stream of a memory on the core's clock or on one of its own, with the DMA's start in cycle `start`."""
    timing = SdramTiming(sdram)
    return StreamTiming(timing, start) if sdram.ratio.same else WordStreamTiming(timing, start)


def predict(program: Program, sdram: SdramConfig) -> FrameTiming:
    """Predict a frame.

    Cycles of passes are exact, and without SDRAM those of the frame too.  With SDRAM the passes' starts follow the command stream through
    SDRAM and DMA; what is left out is that the DMA's image words and the rows that it stores give way to the writer in the activation
    memory.
    """
    timings = PassTimings(program.config)
    if program.resident is not None:
        return _resident(program, timings, sdram.core_hz)
    stream = stream_timing(sdram, _FRAME_START)
    passes: list[PassCycles] = []
    starts: list[int] = []
    dones: list[int] = []
    loading: list[int] = []  # cycle in which each descriptor's loading began
    for packet in program.packets:
        gate = dones[packet.wait - 1] + _REACHED if packet.wait else 0
        if packet.kind == PacketKind.DESCRIPTOR and packet.step >= QUEUE_DEPTH - 1:
            gate = max(gate, loading[packet.step - QUEUE_DEPTH + 1] + _TAKEN)
        if packet.kind == PacketKind.STORE:
            assert isinstance(stream, StreamTiming)
            stream.store(packet.target, packet.words, timings.port_b_latency, gate)
            continue
        unit = 1 if packet.kind in HALFWORD_KINDS else packet.halfwords
        used = stream.packet(packet.units * packet.halfwords, gate, unit=unit, image=packet.kind == PacketKind.IMAGE)
        if packet.kind != PacketKind.DESCRIPTOR:
            continue
        index = packet.step
        free = dones[-1] + START_GAP if dones else _FRAME_START + START_GAP
        loading.append(max(used + WRITE_DELAY + _QUEUED, starts[-1] - _AHEAD if starts else 0))
        start = max(free, loading[-1] + LOAD_CYCLES + _AHEAD)
        earliest = max(free, starts[-1] + LOAD_CYCLES) if starts else free
        timing = timings(program.descriptors[index])
        starts.append(start)
        dones.append(start + timing.cycles)
        passes.append(
            PassCycles(
                program.names[index], start - _FRAME_START, timing.cycles, start - earliest, program.macs[index], timing
            )
        )
    return FrameTiming(passes, dones[-1] - _FRAME_START, sdram.core_hz, stream.used - _FRAME_START, sdram.clock_hz)


def _resident(program: Program, timings: PassTimings, clock_hz: int) -> FrameTiming:
    """A frame whose descriptors are resident: a pass starts behind the one before, or when its descriptor is loaded."""
    load = resident_load_cycles(len(program.names))
    passes: list[PassCycles] = []
    free, loaded = START_GAP, 0
    for name, fields, macs in zip(program.names, program.descriptors, program.macs, strict=True):
        timing = timings(fields)
        start = max(free, loaded)
        passes.append(PassCycles(name, start, timing.cycles, start - free, macs, timing))
        free, loaded = passes[-1].done + START_GAP, start + load
    return FrameTiming(passes, passes[-1].done, clock_hz, 0, clock_hz)
