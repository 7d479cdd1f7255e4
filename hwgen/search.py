"""`hwgen plan --search`: the rings that a network could have on a board, and which of them a build takes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hwgen.build import read_network, timing_model
from hwgen.console import Console, rendered
from hwgen.request import Request

if TYPE_CHECKING:
    from compiler.plan.planner import Plan


@dataclass(frozen=True)
class Candidate:
    """A ring that no other one beats in everything.

    Attributes:
        rows, cols, window_lanes, combine_lanes: of the ring.
        weights_kib, activations_kib: its memories, KiB.
        passes: of a frame.
        cycles, fps: predicted of a frame, at the clock asked for.
        utilisation: multiply-accumulates of the array over what it could do in these cycles.
        lut, ff, dsp, ebr: needs; block RAM and multipliers exact, the others estimated.
        built: `hwgen build` takes it.
    """

    rows: int
    cols: int
    window_lanes: int
    combine_lanes: int
    weights_kib: int
    activations_kib: int
    passes: int
    cycles: int
    fps: float
    utilisation: float
    lut: int
    ff: int
    dsp: int
    ebr: int
    built: bool

    @classmethod
    def of(cls, plan: Plan, built: bool) -> Candidate:
        """What a plan comes to."""
        from hw.config import BANKS, WORD_BYTES

        config, needs = plan.config, plan.resources
        return cls(
            rows=config.rows,
            cols=config.cols,
            window_lanes=config.window_lanes,
            combine_lanes=config.combine_lanes,
            weights_kib=config.weight_depth * config.cols // 1024,
            activations_kib=config.activation_depth * BANKS * WORD_BYTES // 1024,
            passes=len(plan.passes),
            cycles=plan.cycles,
            fps=plan.fps,
            utilisation=plan.array_macs / (plan.cycles * config.macs_per_cycle),
            lut=needs.lut,
            ff=needs.ff,
            dsp=needs.dsp,
            ebr=needs.ebr,
            built=built,
        )


def search(request: Request, console: Console) -> list[Candidate]:
    """The Pareto front of cycles against logic, multipliers and block RAM; fewest cycles first.

    Raises:
        HwgenError: as `hwgen.build.make_plan` does.
    """
    from compiler.plan.search import search as explore

    board, pll = request.resolve()
    graph = read_network(request, console)
    with console.step("search"):
        found = explore(graph, board, timing_model(board, pll))
    return [Candidate.of(one.plan, one.built) for one in found]


def table(candidates: list[Candidate]) -> str:
    """For people; * marks what a build takes."""
    from rich import box
    from rich.table import Table

    made = Table(
        title="Rings that no other one beats in everything (* what a build takes)",
        box=box.SIMPLE_HEAD,
        title_justify="left",
        pad_edge=False,
    )
    names = (
        "",
        "array",
        "window",
        "combine",
        "weights",
        "activations",
        "cycles",
        "frame/s",
        "array used",
        "LUT",
        "DSP",
        "EBR",
    )
    for name in names:
        made.add_column(name, justify="right")
    for one in candidates:
        made.add_row(
            "*" if one.built else "",
            f"{one.rows} x {one.cols}",
            str(one.window_lanes),
            str(one.combine_lanes),
            f"{one.weights_kib} KiB",
            f"{one.activations_kib} KiB",
            f"{one.cycles:,}",
            f"{one.fps:.1f}",
            f"{100 * one.utilisation:.0f} %",
            f"~{one.lut:,}",
            str(one.dsp),
            str(one.ebr),
        )
    return rendered(made, width=130)


def to_json(candidates: list[Candidate]) -> list[dict[str, Any]]:
    """As JSON types."""
    return [asdict(one) for one in candidates]
