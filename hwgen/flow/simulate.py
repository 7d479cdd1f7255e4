"""The RTL on a picture or an array, against the golden model and the timing model."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hwgen.extras import require
from hwgen.flow.build_report import store_simulation
from hwgen.flow.cache import cache_folder
from hwgen.flow.design import build_number
from hwgen.flow.inputs import Input, check_count, input_array
from hwgen.flow.plan import Plan
from hwgen.flow.predict import prediction
from hwgen.flow.progress import Listener, step
from hwgen.flow.steps import BuildFolder
from hwgen.reports.cycle_breakdown import CycleBreakdown
from hwgen.reports.simulation import PassCycles, Simulation

if TYPE_CHECKING:
    from hwgen.compiler.int8.graph import QGraph
    from hwgen.sim.frame.simulate import FrameResult

_NOISE = 32
"""Most that a byte of a repeated frame differs from the given one."""


def simulate(
    plan: Plan,
    sources: Input | Sequence[Input],
    folder: Path | BuildFolder | None = None,
    *,
    labels: Sequence[str] | None = None,
    waves: Path | None = None,
    progress: Listener | None = None,
) -> Simulation:
    """Simulate the RTL of a plan cycle by cycle, from power-on to the result, and compare every tensor and every pass with the models.

    The first simulation on a core compiles it, which takes a minute or two; the simulator is kept in the user's cache folder and serves
    every network, all weights and all inputs on an equal core.

    Args:
        plan: what to simulate.
        sources: the input as `hwgen.predict` takes it; of a batch several, the frames behind them are the same again with noise.
        folder: keeps the result for the report of a build of the same plan; None: `plan.folder`.
        labels: names of the classes.
        waves: file to record all signals in (VCD).
        progress: is told about the steps.

    Raises:
        ModelError: an input cannot be read, or does not suit the network.
        ToolError: a tool is missing or failed, or the folder cannot be written.
    """
    require("sim", "simulating")
    given = [sources] if isinstance(sources, np.ndarray | str | PathLike) else list(sources)
    graph = plan.network.graph
    values = [input_array(graph, source) for source in given]
    with BuildFolder.at(folder or plan.folder) as place:
        from hwgen.sim.golden import encode

        frames = batch_of([encode(graph, value) for value in values], plan.machine.frames)
        with step(progress, "golden model"):
            golden = _golden(plan, values, frames)
        with step(progress, "simulation"):
            result = _simulated(plan, frames, golden, waves)
        simulation = _result(plan, values, labels, result)
        counts = {
            "cycles": simulation.cycles,
            "frames": simulation.frames,
            "mismatches": simulation.mismatches,
            "cycle_breakdown": simulation.cycle_breakdown.to_json(),
        }
        store_simulation(place.path, plan.machine, counts)
        return simulation


def _golden(plan: Plan, values: Sequence[np.ndarray], frames: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Every tensor of all frames, one below the other; the plan's operations must give the model's output."""
    from hwgen.sim.golden import predict, run

    graph, planned = plan.network.graph, plan.machine.graph
    separate = [run(planned, frame) for frame in frames]
    for value, tensors in zip(values, separate, strict=False):
        if not np.array_equal(_output(planned, tensors[planned.output]), predict(graph, value)):
            raise AssertionError(f"{graph.name}: the plan's operations do not give the model's output")
    return {name: np.concatenate([tensors[name] for tensors in separate]) for name in separate[0]}


def _simulated(
    plan: Plan, frames: Sequence[np.ndarray], golden: dict[str, np.ndarray], waves: Path | None
) -> FrameResult:
    from hwgen.sim.frame.simulate import simulate_frame

    return simulate_frame(
        plan.machine.program,
        plan.board.memory.config(int(plan.clock.output_hz), plan.clock.ratio),
        np.concatenate(frames),
        golden,
        cache_folder("simulators"),
        build=build_number(plan.machine, plan.clock),
        baud=plan.board.baud,
        waves=None if waves is None else waves.absolute(),
    )


def _result(plan: Plan, values: Sequence[np.ndarray], labels: Sequence[str] | None, result: FrameResult) -> Simulation:
    machine, network = plan.machine, plan.network
    outputs = [_output(machine.graph, one) for one in np.split(result.output, machine.frames)]
    return Simulation(
        name=plan.name,
        weights=network.weights,
        array=machine.config.array,
        array_macs=network.graph.array_macs * machine.frames,
        frames=machine.frames,
        cycles=result.cycles,
        predicted=machine.cycles,
        tensors=len(result.tensors),
        mismatches=result.mismatches,
        wrong=tuple(name for name, count in result.tensors.items() if count),
        seconds=result.seconds,
        compile_seconds=result.compile_seconds,
        passes=tuple(
            PassCycles(entry.name, entry.cycles, simulated.cycles)
            for entry, simulated in zip(machine.passes, result.passes, strict=True)
        ),
        cycle_breakdown=CycleBreakdown.of(result.counters),
        predictions=tuple(prediction(network, value, one, labels) for value, one in zip(values, outputs, strict=False)),
        outputs=tuple(outputs),
    )


def batch_of(given: Sequence[np.ndarray], count: int) -> list[np.ndarray]:
    """So many int8 frames [height, width, channels]: the given ones, then the same again with noise.

    Raises:
        ToolError: more are given than the batch has frames.
    """
    check_count(len(given), count)
    frames = list(given)
    for i in range(len(given), count):
        noise = np.random.default_rng(i).integers(-_NOISE, _NOISE + 1, given[0].shape)
        frames.append(np.clip(given[i % len(given)] + noise, -128, 127).astype(np.int8))
    return frames


def _output(graph: QGraph, result: np.ndarray) -> np.ndarray:
    """The model's own output from the tensor that the machine makes."""
    from hwgen.sim.golden import decode, run_host

    return decode(graph, run_host(graph, result)[graph.result.name])
