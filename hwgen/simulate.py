"""`hwgen sim`: the RTL on a picture, against the golden model and the timing model."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from compiler.errors import ToolError
from hwgen.build import build_number, make_plan, store_simulation
from hwgen.console import Console
from hwgen.request import Request
from hwgen.steps import BuildFolder


@dataclass(frozen=True)
class PassCycles:
    """Cycles of one pass."""

    name: str
    predicted: int
    simulated: int


@dataclass(frozen=True)
class Simulation:
    """Result of simulating one frame.

    Attributes:
        name: of the network with its options.
        weights: where they are from.
        cycles, predicted: of the frame, simulated and as planned.
        tensors: how many were compared.
        mismatches: elements that differ from the golden model's.
        wrong: names of the tensors they are in.
        seconds: that the simulation took.
        passes: in order.
    """

    name: str
    weights: str
    cycles: int
    predicted: int
    tensors: int
    mismatches: int
    wrong: tuple[str, ...]
    seconds: float
    passes: tuple[PassCycles, ...]

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON types."""
        return asdict(self)

    def text(self) -> str:
        """For people: what was compared, and the passes whose cycles are not the predicted ones."""
        error = 100 * (self.cycles - self.predicted) / self.predicted
        other = [entry for entry in self.passes if entry.predicted != entry.simulated]
        lines = [
            f"{self.name}: {self.mismatches} mismatches over {self.tensors} tensors"
            + (f" (in {', '.join(self.wrong[:8])})" if self.wrong else ""),
            f"weights: {self.weights}",
            f"{self.cycles:,} cycles simulated, {self.predicted:,} predicted ({error:+.2f} %), {self.seconds:.0f} s",
            f"{len(self.passes) - len(other)} of {len(self.passes)} passes took exactly the predicted cycles",
        ]
        lines += [f"  {entry.name}: {entry.simulated:,} simulated, {entry.predicted:,} predicted" for entry in other]
        return "\n".join(lines)


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


def simulate(request: Request, image: Path, folder: Path, console: Console, waves: Path | None = None) -> Simulation:
    """Simulate one frame; the result is also kept in `folder` for the report of the same build.

    Raises:
        HwgenError: see `make_plan`; the image cannot be read, a tool is missing or failed.
    """
    from boards.bitstream import sdram_config
    from compiler.preprocess import quantise_pixels, read_image
    from sim.golden import run
    from sim.machine import simulate_frame

    request.resolve()
    folder = folder.resolve()  # the simulator runs in a folder of its own
    if waves is not None:
        waves = writable(waves)
    pixels = read_image(image, request.resolution)
    with BuildFolder(folder) as place:
        graph, plan, board, pll = make_plan(request, console)
        frame = quantise_pixels(pixels, graph.tensors[graph.input])
        with console.step("golden model"):
            golden = run(graph, frame)
        with console.step("simulation"):
            memory = sdram_config(board, int(pll.output_hz))
            number = build_number(plan, pll)
            result = simulate_frame(
                plan.program, memory, frame, golden, place.path / "simulator", build=number, waves=waves
            )
        simulation = Simulation(
            name=request.name,
            weights=graph.provenance,
            cycles=result.cycles,
            predicted=plan.cycles,
            tensors=len(result.tensors),
            mismatches=result.mismatches,
            wrong=tuple(name for name, count in result.tensors.items() if count),
            seconds=result.seconds,
            passes=tuple(
                PassCycles(planned.name, planned.cycles, simulated.cycles)
                for planned, simulated in zip(plan.passes, result.passes, strict=True)
            ),
        )
        counts = {"cycles": simulation.cycles, "frames": 1, "mismatches": simulation.mismatches}
        store_simulation(folder, plan, counts)
        return simulation
