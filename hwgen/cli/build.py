"""`hwgen build`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hwgen.cli.options import OUT, machine_options


@click.command()
@machine_options
@OUT
@click.option(
    "--seeds",
    type=click.IntRange(1, 99),
    help="Place and route with so many seeds, keep the fastest; default: up to three, until one reaches the clock.",
)
@click.option("--jobs", type=click.IntRange(1, 99), default=1, show_default=True, help="Seeds at work at a time.")
def build(out: Path | None, seeds: int | None, jobs: int, as_json: bool, **options: Any) -> None:
    """Build a bitstream, a weight image and a report."""
    from hwgen.cli import asked
    from hwgen.cli.console import Console
    from hwgen.extras import require
    from hwgen.flow.build import build as run
    from hwgen.flow.plan import plan_for
    from hwgen.flow.steps import BuildFolder

    require("build", "building")
    console, target, source = Console(), asked.target(options), asked.network_source(options)
    asked.check(source, target.resolve)
    with BuildFolder(asked.folder_of(source, target, out)) as folder:
        plan = plan_for(asked.loaded(source, console), target, console)
        result = run(plan, folder, seeds=seeds, jobs=jobs, progress=console)
    if as_json:
        asked.print_json(result.to_json())
    else:
        asked.say(result.summary(asked.width()).rstrip("\n"))
        asked.say(result.closing(), wrap=False)
