"""Place and route: nextpnr-ecp5 with several seeds, one after the other or side by side."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from hwgen.boards.ecp5.nextpnr_news import NextpnrNews
from hwgen.boards.ecp5.part import own
from hwgen.boards.ecp5.router_watch import RouterStuckError, RouterWatch
from hwgen.boards.ecp5.tools import NEXTPNR
from hwgen.boards.family import ROUTE_REPORT, Recipe, Routed, Target, Usage
from hwgen.boards.tools import Progress, run_tool
from hwgen.errors import ToolError


def place_and_route(
    folder: Path,
    netlist: str,
    constraints: str,
    config: str,
    *,
    board: Target,
    recipe: Recipe,
    jobs: int = 1,
    progress: Progress,
    remark: Progress,
    logs: Path | None = None,
) -> Routed:
    """Run nextpnr-ecp5 in `folder`, with one seed after the other until one reaches the clock, or with every seed of the recipe if that
    says so: the fastest is kept. Its report is in ROUTE_REPORT.

    The log of seed N is `nextpnr_seed_N.log` in the folder `logs` (default `folder`).

    Args:
        netlist: from `hwgen.boards.ecp5.toolchain.synthesise`, with sites for the block RAMs.
        constraints: LPF file; the clock's frequency follows from the oscillator's and the PLL's settings.
        config: text configuration to write, for `hwgen.boards.ecp5.toolchain.pack`.
        jobs: seeds at work at a time, each a process of its own.
        remark: is told what each seed has reached that does not end the search; called in this thread, as `progress` is.

    Raises:
        ToolError: nextpnr is missing or failed, e.g. because the design does not fit, or no seed reaches the clock.
    """
    logs = logs or folder
    for old in logs.glob("nextpnr*.log"):  # of another build, which may have tried more seeds
        old.unlink()
    files = _Files(folder, netlist, constraints, config)
    best: Routed | None = None
    stuck: RouterStuckError | None = None
    try:
        with _Seeds(files, board, recipe, jobs, logs) as seeds:
            for seed, outcome in seeds.outcomes(progress):
                log = _log(logs, seed)
                if isinstance(outcome, RouterStuckError):
                    stuck = outcome
                    remark(f"seed {seed}: {stuck_at(outcome)}; log {log}")
                    continue
                reached, asked = outcome.fmax_mhz, outcome.constraint_mhz
                if best is None or reached > best.fmax_mhz:
                    best = outcome
                if not outcome.timing_met:
                    remark(
                        f"seed {seed}: {reached:.1f} MHz reached, {asked - reached:.1f} MHz less than the {asked:.1f} asked; log {log}"
                    )
                elif recipe.every_seed:
                    remark(f"seed {seed}: {reached:.1f} MHz reached")
                else:
                    break
        if best is not None and best.timing_met:
            files.keep(best.seed)
            return best
    finally:
        files.remove(recipe.seeds)
    tried = f"(seeds {', '.join(map(str, recipe.seeds))})"
    if best is not None:
        raise ToolError(
            f"timing not met: {best.fmax_mhz:.1f} MHz reached, {best.constraint_mhz:.1f} MHz asked for {tried}: "
            f"build with a clock of {int(best.fmax_mhz)} MHz or less; logs {logs}"
        )
    assert stuck is not None
    remedy = "take a smaller network" if stuck.overused else "build with a lower clock"
    raise ToolError(f"{stuck_at(stuck)} {tried}: {remedy}; logs {logs}")


def _log(logs: Path, seed: int) -> Path:
    return logs / f"nextpnr_seed_{seed}.log"


@dataclass(frozen=True)
class _Files:
    """What nextpnr reads and writes, names relative to the folder; what each seed writes has a name of its own."""

    folder: Path
    netlist: str
    constraints: str
    config: str

    def written(self, seed: int) -> dict[str, str]:
        """The seed's files, by the names that those of the best one get."""
        return {name: f"seed_{seed}_{name}" for name in (self.config, ROUTE_REPORT)}

    def keep(self, seed: int) -> None:
        """Give the seed's files their final names."""
        for name, written in self.written(seed).items():
            (self.folder / written).replace(self.folder / name)

    def remove(self, seeds: tuple[int, ...]) -> None:
        """Those of all seeds."""
        for seed in seeds:
            for written in self.written(seed).values():
                (self.folder / written).unlink(missing_ok=True)


Outcome = Routed | RouterStuckError
"""What a seed came to."""


class _Seeds(contextlib.AbstractContextManager["_Seeds"]):
    """The seeds of a recipe at work; those that are not done when the context ends are ended."""

    def __init__(self, files: _Files, board: Target, recipe: Recipe, jobs: int, logs: Path) -> None:
        self._files, self._board, self._recipe, self._logs = files, board, recipe, logs
        self._jobs, self._waiting = jobs, iter(recipe.seeds)
        self._threads = ThreadPoolExecutor(jobs)
        self._told: SimpleQueue[str | tuple[int, Outcome | BaseException]] = SimpleQueue()
        self._running = _Running()

    def outcomes(self, progress: Progress) -> Iterator[tuple[int, Outcome]]:
        """Every seed with what it came to, in their order, so that what is kept does not depend on which of them ends first; raises what
        a seed failed with. News are told in this thread."""
        for _ in range(self._jobs):
            self._begin()
        ended: dict[int, Outcome] = {}
        for seed in self._recipe.seeds:
            while seed not in ended:
                told = self._told.get()
                if isinstance(told, str):
                    progress(told)
                    continue
                done, outcome = told
                if not isinstance(outcome, Routed | RouterStuckError):
                    raise outcome
                ended[done] = outcome
                if self._recipe.every_seed or isinstance(outcome, RouterStuckError) or not outcome.timing_met:
                    self._begin()
            yield seed, ended[seed]

    def _begin(self) -> None:
        """The next seed, if there is one."""
        seed = next(self._waiting, None)
        if seed is not None:
            self._threads.submit(self._work, seed)

    def __exit__(self, *_: object) -> None:
        self._running.end()
        self._threads.shutdown(cancel_futures=True)

    def _work(self, seed: int) -> None:
        outcome: Outcome | BaseException
        try:
            outcome = self._route(seed)
        except BaseException as error:
            outcome = error
        self._told.put((seed, outcome))

    def _route(self, seed: int) -> Outcome:
        board, recipe, files = self._board, self._recipe, self._files
        seeds = recipe.seeds
        written = files.written(seed)
        arguments = [f"--{own(board.part).device}", "--package", board.package, "--speed", str(board.speed_grade)]
        arguments += ["--json", files.netlist, "--lpf", files.constraints]
        arguments += ["--textcfg", written[files.config], "--report", written[ROUTE_REPORT]]
        arguments += ["--placer", recipe.placer, "--router", recipe.router, "--seed", str(seed)]
        arguments += ["--timing-allow-fail", *recipe.router_options]
        try:
            run_tool(
                NEXTPNR,
                arguments,
                folder=files.folder,
                log=_log(self._logs, seed),
                progress=self._told.put,
                news=NextpnrNews(f"seed {seeds.index(seed) + 1} of {len(seeds)}: " if len(seeds) > 1 else ""),
                watch=RouterWatch(),
                started=self._running.add,
            )
        except RouterStuckError as error:
            return error
        return read_report(files.folder / written[ROUTE_REPORT], board, seed)


@dataclass
class _Running:
    """Processes at work."""

    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    ended: bool = False

    def add(self, process: subprocess.Popen[str]) -> None:
        """One more."""
        self.processes.append(process)
        if self.ended:
            process.kill()

    def end(self) -> None:
        """End all of them, and what begins later."""
        self.ended = True
        for process in list(self.processes):
            process.kill()


def stuck_at(error: RouterStuckError) -> str:
    """What a router that made no progress had not solved."""
    if error.overused:
        return f"no route: {error.overused} wires stay overused"
    estimate = "" if error.placed_mhz is None else f", {error.placed_mhz:.1f} MHz estimated after the placement"
    return f"timing not met: {error.slow} connections stay too slow{estimate}"


_GLOBAL = "$glbnet$"
"""Before the names of nets that nextpnr has promoted."""

_CORE_CLOCK = "clk"

_EDGE = "posedge "


def crossings(report: Mapping[str, Any]) -> dict[tuple[str, str], tuple[float, float]]:
    """Of the longest path from each clock to each other one: delay and what it may be, ns."""
    period_ns = {f"{_EDGE}{name}": 1000 / clock["constraint"] for name, clock in report.get("fmax", {}).items()}
    found = {}
    for path in report.get("critical_paths", ()):
        ends = path["from"], path["to"]
        if ends[0] != ends[1] and all(end in period_ns for end in ends):
            found[ends] = sum(part["delay"] for part in path["path"]), min(period_ns[end] for end in ends)
    return found


def read_report(path: Path, board: Target, seed: int) -> Routed:
    """Read nextpnr's JSON report.

    Of a design with several clocks every one has to be reached, and the longest path from one to another may take no longer than the
    shorter of their periods: both ends are registers that change, or are looked at, at common edges only.

    Raises:
        ToolError: it holds no clock: then nothing is known about timing.
    """
    report = json.loads(path.read_text())
    clocks = report.get("fmax", {})
    if not clocks:
        raise ToolError(
            f"nextpnr reports no clock in {path}: the design has no register, or its clock is not constrained"
        )
    shares = {name: clock["achieved"] / clock["constraint"] for name, clock in clocks.items()}
    # The top level's clock is the core's.
    core = next(
        (name for name in clocks if name.removeprefix(_GLOBAL) == _CORE_CLOCK), min(shares, key=shares.__getitem__)
    )
    constraint = clocks[core]["constraint"]
    achieved = min(clocks[core]["achieved"], constraint * min(shares.values()))
    for delay_ns, limit_ns in crossings(report).values():
        achieved = min(achieved, constraint * limit_ns / delay_ns)
    cells = report.get("utilization", {})
    kinds = {"lut": "TRELLIS_COMB", "ff": "TRELLIS_FF", "dsp": "MULT18X18D", "ebr": "DP16KD"}
    limits = {"lut": board.part.lut, "ff": board.part.ff, "dsp": board.part.dsp, "ebr": board.part.ebr}
    resources = {kind: Usage(int(cells.get(cell, {}).get("used", 0)), limits[kind]) for kind, cell in kinds.items()}
    return Routed(fmax_mhz=achieved, constraint_mhz=constraint, resources=resources, seed=seed)
