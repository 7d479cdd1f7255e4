"""`hwgen models`."""

from __future__ import annotations

import click

from hwgen.cli.options import BOARD, JSON


@click.command()
@click.argument("networks", nargs=-1)
@BOARD[0]
@BOARD[1]
@click.option("--plan", is_flag=True, help="Plan what is not yet planned, instead of an estimate: minutes.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the table in Markdown.")
@JSON
def models(
    networks: tuple[str, ...], board: str, clock_mhz: float | None, plan: bool, as_markdown: bool, as_json: bool
) -> None:
    """List the networks of the zoo (or some of them): size, and frames per second on a board."""
    from hwgen.cli import asked
    from hwgen.cli.console import Console
    from hwgen.flow.models import list_models
    from hwgen.reports.models import markdown, table

    progress = Console() if plan else None
    found = list_models(networks, board=board, clock_mhz=clock_mhz, plan=plan, progress=progress)
    if as_json:
        asked.print_json([model.to_json() for model in found])
    else:
        asked.say(markdown(found) if as_markdown else table(found, asked.width()), wrap=not as_markdown)
