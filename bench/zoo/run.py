"""Simulates a whole frame of the networks of the zoo: `python -m bench.zoo.run [OPTIONS] FOLDER [NAMES]...`."""

from __future__ import annotations

import datetime
import signal
from dataclasses import asdict
from pathlib import Path

import click

from bench.networks.frame import frame
from bench.recorded import record
from bench.zoo.rows import Row, table
from hwgen.cli.console import Console
from hwgen.errors import HwgenError
from hwgen.flow.models import published
from hwgen.flow.network import load
from hwgen.flow.plan import plan
from hwgen.flow.simulate import simulate
from hwgen.flow.source import NetworkSource


def measure(source: NetworkSource, board: str, folder: Path) -> Row:
    """Simulate a frame; the result, mismatches included.

    Raises:
        HwgenError: the network does not fit, a tool is missing or failed.
    """
    console = Console()
    found = plan(load(source.text, source.options, progress=console), board=board, progress=console)
    result = simulate(found, frame(found.network.graph), folder, progress=console)
    return Row(
        name=source.name,
        date=datetime.date.today().isoformat(),
        array=result.array,
        predicted=result.predicted,
        cycles=result.cycles,
        tensors=result.tensors,
        mismatches=result.mismatches,
        exact=sum(entry.predicted == entry.simulated for entry in result.passes),
        passes=len(result.passes),
        utilisation=result.utilisation,
        fps=1e6 * found.clock_mhz / result.cycles,
    )


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1)
@click.option("--board", default="ulx3s", show_default=True)
def main(folder: Path, names: tuple[str, ...], board: str) -> None:
    """Simulate the networks of `hwgen models`, or those NAMES of its table, keep results.json in FOLDER and print the table.

    Rows that are not measured stay as they were. Ends with an error if any element differs from the golden model.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a job that is ended must end its tools too
    zoo = list(published())
    known = [source.name for source in zoo]
    if unknown := [name for name in names if name not in known]:
        raise click.UsageError(f"{', '.join(unknown)}: not in the table of `hwgen models`")
    folder.mkdir(parents=True, exist_ok=True)
    wrong = []
    for source in zoo:
        if names and source.name not in names:
            continue
        try:
            row = measure(source, board, folder / source.name)
        except HwgenError as error:
            raise click.ClickException(f"{source.name}: {error}") from error
        wrong += [row.name] if row.mismatches else []
        rows = record(folder / "results.json", asdict(row), known)
    click.echo(table(rows), nl=False)
    if wrong:
        raise click.ClickException(f"mismatches in {', '.join(wrong)}")


if __name__ == "__main__":
    main()
