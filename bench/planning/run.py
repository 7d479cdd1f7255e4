"""Times `hwgen plan` of the networks of the zoo: `python -m bench.planning.run [OPTIONS] FOLDER [NAMES]...`.

Each in a process of its own with one thread and an empty cache, everything from Python's start to the printed plan in it.
"""

from __future__ import annotations

import datetime
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from bench.recorded import markdown, record
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.flow.models import published
from hwgen.flow.source import NetworkSource

MOST_S, LARGE = 15.0, {"nasnet_mobile_1_224": 40.0}
"""Processor seconds that a network may take, and those that may take longer."""

OTHERS = (
    NetworkSource("mobilenet_v2", NetworkOptions(width=0.35, resolution=160)),
    NetworkSource("resnet18", NetworkOptions(resolution=96)),
)

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def measure(source: NetworkSource, board: str) -> dict[str, object]:
    """The row of one network; ClickException if it is refused."""
    given = {name: value for name, value in source.options.given().items() if value is not None}
    options = [part for name, value in given.items() for part in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "hwgen", "plan", source.text, *options, "--board", board, "--json"]
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | dict.fromkeys(_THREADS, "1") | {"XDG_CACHE_HOME": cache}
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise click.ClickException(f"{' '.join(command)}\n{done.stderr}")
    plan = json.loads(done.stdout)
    return {
        "name": source.name,
        "date": datetime.date.today().isoformat(),
        "cpu_s": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "wall_s": round(wall, 1),
        "cycles": plan["cycles"],
        "passes": len(plan["passes"]),
    }


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1)
@click.option("--board", default="ulx3s", show_default=True)
def main(folder: Path, names: tuple[str, ...], board: str) -> None:
    """Plan the networks of `hwgen models` and two smaller sizes, or those NAMES, keep results.json in FOLDER and print the table.

    Ends with an error if one takes longer than it may.
    """
    sources = [*published(), *OTHERS]
    known = [source.name for source in sources]
    if unknown := [name for name in names if name not in known]:
        raise click.UsageError(f"{', '.join(unknown)}: none of {', '.join(known)}")
    folder.mkdir(parents=True, exist_ok=True)
    slow = []
    for source in sources:
        if names and source.name not in names:
            continue
        row = measure(source, board)
        rows = record(folder / "results.json", row, known)
        slow += [source.name] if float(str(row["cpu_s"])) > LARGE.get(source.name, MOST_S) else []
    cells = [
        [f"{row[key]:,}" if key != "name" else row[key] for key in ("name", "cpu_s", "cycles", "passes")]
        for row in rows
    ]
    click.echo(markdown(["network", "CPU s", "cycles", "passes"], cells), nl=False)
    if slow:
        raise click.ClickException(f"longer than allowed: {', '.join(slow)}")


if __name__ == "__main__":
    main()
