"""Lists the recorded rows that are of another machine or program than is generated now: `python -m bench.networks.stale [FILE]`.

Ends with 1 if there are any: whoever last changed what is generated measures them anew (`python -m bench.networks.run`).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from bench.networks.digests import Digests
from bench.networks.rows import Row
from hwgen.flow.network import load
from hwgen.flow.plan import plan_for

RESULTS = Path(__file__).with_name("results.json")


def reason(row: Row, models: Path | None) -> str | None:
    """Why a row has to be measured anew, in a few words; None: it has not.

    Raises:
        click.ClickException: the row is of a trained model and there is no folder of them.
    """
    if not row.plan:
        return "recorded without digests"
    if row.trained and models is None:
        raise click.ClickException(f"{row.name} has a trained model's weights: name the folder of models with --models")
    source, target = row.case.on("ulx3s", row.clock_mhz, models if row.trained else None)
    made = Digests.of(plan_for(load(source.text, source.options), target))
    differs = [
        what for what, old, new in (("plan", row.plan, made.plan), ("Verilog", row.verilog, made.verilog)) if old != new
    ]
    return f"another {' and another '.join(differs)}" if differs else None


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True), default=RESULTS)
@click.option("--models", type=click.Path(path_type=Path, exists=True), help="Folder of trained .tflite models.")
def main(file: Path, models: Path | None) -> None:
    """List the rows of FILE (the recorded ones) that are stale, and why."""
    rows = [Row(**entry) for entry in json.loads(file.read_text())["rows"]]
    if not rows:
        raise click.ClickException(f"{file} has no rows: nothing was compared")
    found = {row.name: why for row in rows if (why := reason(row, models)) is not None}
    for name, why in found.items():
        click.echo(f"{name}: {why}")
    click.echo(f"{len(found)} of {len(rows)} rows are stale")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
