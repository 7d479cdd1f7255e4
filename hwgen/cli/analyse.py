"""`hwgen analyse`."""

from __future__ import annotations

import click

from hwgen.cli.options import BOARD, JSON


@click.command()
@click.argument("networks", nargs=-1, required=True)
@BOARD[0]
@BOARD[1]
@click.option("--layers/--no-layers", default=None, help="A table of layers for each network; default: of one network.")
@JSON
def analyse(networks: tuple[str, ...], board: str, clock_mhz: float | None, layers: bool | None, as_json: bool) -> None:
    """Compare networks: size, memory access, fragments, cycles by cause; each a name, NAME:width=0.5,resolution=160, or a file."""
    from hwgen.cli import asked
    from hwgen.cli.console import Console
    from hwgen.flow.analyse import analyse as run
    from hwgen.flow.checks import check_all, network_checks
    from hwgen.flow.structure import parse_network
    from hwgen.flow.target import Target
    from hwgen.reports.analysis import text

    sources = [parse_network(name) for name in networks]
    check_all([Target(board, clock_mhz).resolve, *(check for source in sources for check in network_checks(source))])
    found = run(sources, board=board, clock_mhz=clock_mhz, progress=Console(lasting=False))
    if as_json:
        asked.print_json([one.to_json() for one in found])
    else:
        asked.say(text(found, asked.width(), layers=len(found) == 1 if layers is None else layers), wrap=False)
