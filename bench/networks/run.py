"""Plans, simulates and builds the networks of the table: `python -m bench.networks.run [OPTIONS] FOLDER [NAMES]...`."""

from __future__ import annotations

import datetime
import signal
from dataclasses import asdict
from pathlib import Path

import click

from bench.networks.cases import CASES, Case
from bench.networks.digests import Digests
from bench.networks.frame import frame
from bench.networks.rows import KINDS, Row, breakdown_table, table
from bench.recorded import record
from hwgen.cli.console import Console
from hwgen.compiler.weight_schedule.schedule import streamed_bytes
from hwgen.errors import HwgenError
from hwgen.flow.build import build
from hwgen.flow.network import load
from hwgen.flow.plan import plan_for
from hwgen.flow.simulate import simulate
from hwgen.flow.source import NetworkSource
from hwgen.flow.target import Target


def measure(case: Case, source: NetworkSource, target: Target, folder: Path, *, simulated: bool, built: bool) -> Row:
    """One row; finished steps of an earlier run in `folder` are reused, the simulation is not."""
    console = Console()
    found = plan_for(load(source.text, source.options, progress=console), target, console)
    graph, plan = found.network.graph, found.machine
    result = report = None
    if simulated:
        result = simulate(found, frame(graph), folder, progress=console)
        if result.mismatches:
            raise click.ClickException(f"{case.name}: {result.mismatches} mismatches, in {', '.join(result.wrong)}")
    if built:
        report = build(found, folder, progress=console).report
    made = Digests.of(found)
    planned = {kind: getattr(plan.resources, kind) for kind in KINDS}
    return Row(
        name=case.name,
        date=datetime.date.today().isoformat(),
        weights=graph.provenance,
        array=plan.config.array,
        clock_mhz=found.clock_mhz,
        fmax_mhz=None if report is None else report["fmax_mhz"],
        predicted=plan.cycles,
        cycles=None if result is None else result.cycles,
        mismatches=None if result is None else result.mismatches,
        exact=None if result is None else sum(entry.predicted == entry.simulated for entry in result.passes),
        passes=len(plan.passes),
        array_macs=plan.array_macs,
        streamed_bytes=0 if plan.on_chip else streamed_bytes(plan.loads, plan.config),
        resources=None
        if report is None
        else {
            kind: (report["resources"][kind]["used"], report["resources"][kind]["available"], planned[kind])
            for kind in KINDS
        },
        khz=None if result is None else result.cycles / result.seconds / 1000,
        cycle_breakdown=None if result is None else result.cycle_breakdown.to_json(),
        plan=made.plan,
        verilog=made.verilog,
    )


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1)
@click.option("--board", default="ulx3s", show_default=True)
@click.option("--clock", "clock_mhz", type=float, help="Clock, MHz; default: each network's own.")
@click.option("--models", type=click.Path(path_type=Path, exists=True), help="Folder of trained .tflite models.")
@click.option("--simulate/--no-simulate", "simulated", default=True, show_default=True)
@click.option("--build/--no-build", "built", default=True, show_default=True)
def main(
    folder: Path,
    names: tuple[str, ...],
    board: str,
    clock_mhz: float | None,
    models: Path | None,
    simulated: bool,
    built: bool,
) -> None:
    """Measure the networks (or those with NAMES in their name), keep results.json in FOLDER and print the tables.

    Builds are made in FOLDER too; rows that are not measured stay as they were.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a job that is ended must end its tools too
    cases = [case for case in CASES if not names or any(name.lower() in case.name.lower() for name in names)]
    if not cases:
        raise click.UsageError(f"no network of the table has {' or '.join(names)} in its name")
    folder.mkdir(parents=True, exist_ok=True)
    for case in cases:
        source, target = case.on(board, clock_mhz, models)
        try:
            row = measure(case, source, target, folder / source.name, simulated=simulated, built=built)
        except HwgenError as error:
            raise click.ClickException(f"{case.name}: {error}") from error
        rows = record(folder / "results.json", asdict(row), [one.name for one in CASES])
    click.echo(table(rows))
    click.echo(breakdown_table(rows), nl=False)


if __name__ == "__main__":
    main()
