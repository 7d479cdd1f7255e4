"""`hwgen sim`: the RTL on a picture or an array, against the golden model and the timing model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hwgen.cli.console import Console
from hwgen.errors import ToolError
from hwgen.extras import require
from hwgen.flow.build import build_number, make_plan, read_network, store_simulation
from hwgen.flow.predict import Prediction, prediction, read_input, read_labels, write_array
from hwgen.flow.request import Request
from hwgen.flow.steps import BuildFolder
from hwgen.reports.cycle_breakdown import CycleBreakdown

if TYPE_CHECKING:
    from hwgen.compiler.int8.graph import QGraph


_NOISE = 32
"""Most that a byte of a repeated frame differs from the given one."""


@dataclass(frozen=True)
class PassCycles:
    """Cycles of one pass."""

    name: str
    predicted: int
    simulated: int


@dataclass(frozen=True)
class Simulation:
    """Result of simulating one frame or one batch.

    Attributes:
        name: of the network with its options.
        weights: where they are from.
        array: rows and columns.
        array_macs: multiply-accumulates of the array's layers, of all frames.
        frames: of the batch; 1 without.
        cycles, predicted: of the frame or batch, simulated and as planned.
        tensors: how many were compared.
        mismatches: elements that differ from the golden model's.
        wrong: names of the tensors they are in.
        seconds: that the simulation took.
        passes: in order.
        causes: of all the frame's cycles, as the machine itself counted them.
        predictions: what the machine's output, finished by the host, says of every given input.
    """

    name: str
    weights: str
    array: tuple[int, int]
    array_macs: int
    frames: int
    cycles: int
    predicted: int
    tensors: int
    mismatches: int
    wrong: tuple[str, ...]
    seconds: float
    passes: tuple[PassCycles, ...]
    cycle_breakdown: CycleBreakdown
    predictions: tuple[Prediction, ...]

    @property
    def utilisation(self) -> float:
        """Multiply-accumulates of the array's layers over what the array could do inside the passes; 0 to 1."""
        rows, cols = self.array
        return self.array_macs / (rows * cols * sum(entry.simulated for entry in self.passes))

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON types."""
        return asdict(self)

    def text(self) -> str:
        """For people: what was compared, the passes whose cycles are not the predicted ones, the cycles by cause, the top 5 by name."""
        error = 100 * (self.cycles - self.predicted) / self.predicted
        other = [entry for entry in self.passes if entry.predicted != entry.simulated]
        lines = [
            f"{self.name}: {self.mismatches} mismatches over {self.tensors} tensors"
            + (f" (in {', '.join(self.wrong[:8])})" if self.wrong else ""),
            f"weights: {self.weights}",
            f"{self.cycles:,} cycles simulated, {self.predicted:,} predicted ({error:+.2f} %), {self.seconds:.0f} s",
            f"{len(self.passes) - len(other)} of {len(self.passes)} passes took exactly the predicted cycles",
            f"{self.array[0]} x {self.array[1]} array, {self.utilisation:.1%} of its multipliers at work inside the passes",
        ]
        if self.frames > 1:
            lines.insert(3, f"{self.cycles / self.frames:,.0f} cycles a frame in a batch of {self.frames}")
        lines += [f"  {entry.name}: {entry.simulated:,} simulated, {entry.predicted:,} predicted" for entry in other]
        lines += self.cycle_breakdown.lines(len(self.passes))
        for said in self.predictions:
            named = any(guess.label for guess in said.top)
            lines += said.top_lines() if named else []
            lines += said.agreement_lines()
        return "\n".join([*(f"note: {note}" for note in self.predictions[0].notes), *lines])


def writable(file: Path) -> Path:
    """The absolute path of a file that is to be written, once it is known that it can be.

    Raises:
        ToolError: its folder does not exist or cannot be written, or it is a folder itself.
    """
    file = file.resolve()
    if file.is_dir() or not os.access(file.parent, os.W_OK):
        raise ToolError(
            f"cannot write {file}: its folder must exist and be writable, and it must not be a folder itself"
        )
    return file


def simulate(
    request: Request,
    sources: Sequence[Path],
    folder: Path,
    console: Console,
    *,
    output: Path | None = None,
    labels: Path | None = None,
    waves: Path | None = None,
) -> Simulation:
    """Simulate one frame, a .npy array or a picture, or a batch of them; the result is also kept in `folder` for the report of the
    same build. The frames of a batch behind the given ones are the same again with noise.

    Writes the model's output to `output`, if given, of a batch all of them [frames, ...]; `labels` names its classes.

    Raises:
        HwgenError: see `make_plan`; the input or the labels are wrong, a tool is missing or failed.
    """
    require("sim", "simulating")
    from hwgen.sim.frame.simulate import simulate_frame
    from hwgen.sim.golden import encode, run
    from hwgen.sim.golden import predict as expected_output

    request.resolve()
    folder = folder.resolve()  # the simulator runs in a folder of its own
    if waves is not None:
        waves = writable(waves)
    if output is not None:
        output = writable(output)
    with BuildFolder(folder) as place:
        graph = read_network(request, console)
        values = [read_input(graph, source) for source in sources]
        names = None if labels is None else read_labels(labels, graph)
        _, plan, board, pll = make_plan(request, console, graph)
        frames = batch_of([encode(graph, value) for value in values], plan.frames)
        with console.step("golden model"):
            separate = [run(plan.graph, frame) for frame in frames]
            for value, tensors in zip(values, separate, strict=False):
                if not np.array_equal(_output(plan.graph, tensors[plan.graph.output]), expected_output(graph, value)):
                    raise AssertionError(f"{graph.name}: the plan's operations do not give the model's output")
            golden = {name: np.concatenate([tensors[name] for tensors in separate]) for name in separate[0]}
        with console.step("simulation"):
            memory = board.memory.config(int(pll.output_hz))
            number = build_number(plan, pll)
            result = simulate_frame(
                plan.program,
                memory,
                np.concatenate(frames),
                golden,
                place.path / "simulator",
                build=number,
                waves=waves,
            )
        found = [_output(plan.graph, one) for one in np.split(result.output, plan.frames)]
        simulation = Simulation(
            name=request.name,
            weights=graph.provenance,
            array=(plan.config.rows, plan.config.cols),
            array_macs=graph.array_macs * plan.frames,
            frames=plan.frames,
            cycles=result.cycles,
            predicted=plan.cycles,
            tensors=len(result.tensors),
            mismatches=result.mismatches,
            wrong=tuple(name for name, count in result.tensors.items() if count),
            seconds=result.seconds,
            passes=tuple(
                PassCycles(entry.name, entry.cycles, simulated.cycles)
                for entry, simulated in zip(plan.passes, result.passes, strict=True)
            ),
            cycle_breakdown=CycleBreakdown.of(result.counters),
            predictions=tuple(
                prediction(request, graph, value, one, names) for value, one in zip(values, found, strict=False)
            ),
        )
        if output is not None:
            write_array(output, found[0] if request.throughput is None else np.stack(found))
        counts = {
            "cycles": simulation.cycles,
            "frames": plan.frames,
            "mismatches": simulation.mismatches,
            "cycle_breakdown": simulation.cycle_breakdown.to_json(),
        }
        store_simulation(folder, plan, counts)
        return simulation


def batch_of(given: Sequence[np.ndarray], count: int) -> list[np.ndarray]:
    """So many int8 frames [height, width, channels]: the given ones, then the same again with noise.

    Raises:
        ToolError: more are given than the batch has frames.
    """
    if len(given) > count:
        where = f"a batch of {count} frames" if count > 1 else "one frame at a time; several need --throughput"
        raise ToolError(f"--image: {len(given)} inputs are given for {where}")
    frames = list(given)
    for i in range(len(given), count):
        noise = np.random.default_rng(i).integers(-_NOISE, _NOISE + 1, given[0].shape)
        frames.append(np.clip(given[i % len(given)] + noise, -128, 127).astype(np.int8))
    return frames


def _output(graph: QGraph, result: np.ndarray) -> np.ndarray:
    """The model's own output from the tensor that the machine makes."""
    from hwgen.sim.golden import decode, run_host

    return decode(graph, run_host(graph, result)[graph.result.name])
