"""`hwgen verify`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hwgen.cli.options import FILE, JSON
from hwgen.cli.status import MISMATCH


@click.command()
@click.argument("model", type=FILE)
@click.option("--input", "source", type=FILE, help="Array (.npy) or photograph; default: random.")
@JSON
def verify(model: Path, source: Path | None, as_json: bool) -> None:
    """Compare the golden model of a .tflite file with an installed interpreter's reference kernels."""
    from hwgen.cli import asked
    from hwgen.cli.console import Console
    from hwgen.flow.progress import step
    from hwgen.flow.verify import verify as run

    with step(Console(lasting=False), "comparison"):
        result = run(model, source)
    asked.print_result(result, as_json=as_json)
    if result.mismatches:
        sys.exit(MISMATCH)
