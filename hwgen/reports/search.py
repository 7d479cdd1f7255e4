"""The cores that a network could have on a board, and which of them a build takes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hwgen.reports.tables import fitted, rendered

if TYPE_CHECKING:
    from hwgen.compiler.plan.result import Plan


@dataclass(frozen=True)
class Candidate:
    """A core that no other one beats in everything.

    Attributes:
        core: figures of its elements (see `hwgen.reports.elements`).
        passes: of a frame.
        cycles, fps: predicted of a frame, at the clock asked for.
        utilisation: multiply-accumulates of the array over what it could do in these cycles.
        lut, ff, dsp, ebr: needs; block RAM and multipliers exact, the others estimated.
        built: `hwgen build` takes it.
    """

    core: dict[str, int]
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
        from hwgen.reports.elements import figures

        config, needs = plan.config, plan.resources
        return cls(
            core=figures(config),
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

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON types, the core's figures among the others."""
        entries = asdict(self)
        return entries.pop("core") | entries


@dataclass(frozen=True)
class AtClock:
    """The core that a build takes, at another clock: of a faster one the memory's delays are more cycles, and refreshes are rarer.

    Attributes:
        clock_mhz: of the machine.
        cycles, fps: predicted of a frame.
    """

    clock_mhz: float
    cycles: int
    fps: float


@dataclass(frozen=True)
class SearchResult:
    """What a search shows.

    Attributes:
        cores: the Pareto front of cycles against logic, multipliers and block RAM; fewest cycles first.
        clocks: the built core at several clocks, slowest first; whether one is met only place and route can tell.
    """

    cores: list[Candidate]
    clocks: list[AtClock]

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON types."""
        return {"cores": [one.to_json() for one in self.cores], "clocks": [asdict(one) for one in self.clocks]}


def table(found: SearchResult, width: int | None = None) -> str:
    """For people, in lines of at most `width` characters; None: as long as they come. * marks what a build takes."""
    from rich import box
    from rich.table import Table

    from hwgen.reports.elements import columns

    style: dict[str, Any] = {"box": box.SIMPLE_HEAD, "title_justify": "left", "pad_edge": False}
    made = Table(title="Cores that no other one beats in everything (* what a build takes)", **style)
    titles = [column.title for column in columns()]
    for name in ("", *titles, "cycles", "frame/s", "array used", "LUT", "DSP", "EBR"):
        made.add_column(name, justify="right")
    for one in found.cores:
        made.add_row(
            "*" if one.built else "",
            *(column.cell(one.core) for column in columns()),
            f"{one.cycles:,}",
            f"{one.fps:.1f}",
            f"{100 * one.utilisation:.0f} %",
            f"~{one.lut:,}",
            str(one.dsp),
            str(one.ebr),
        )
    clocks = Table(title="* at other clocks", **style)
    for name in ("MHz", "cycles", "frame/s"):
        clocks.add_column(name, justify="right")
    for at in found.clocks:
        clocks.add_row(f"{at.clock_mhz:g}", f"{at.cycles:,}", f"{at.fps:.1f}")
    made = fitted(made, width, ["array used", "combine", "window", "DSP", "EBR"])
    return rendered(made, width or 130) + rendered(clocks, width or 130)
