"""`hwgen plan`."""

from __future__ import annotations

from typing import Any

import click

from hwgen.cli.options import machine_options


@click.command()
@machine_options
@click.option("--search", is_flag=True, help="Show what other cores and clocks would cost and bring instead.")
def plan(search: bool, as_json: bool, **options: Any) -> None:
    """Show passes, cycles, memory and what bounds each pass."""
    from hwgen.cli import asked
    from hwgen.cli.console import Console
    from hwgen.flow.plan import plan_for

    if search:
        _search(as_json, options)
        return
    console, target, source = Console(lasting=False), asked.target(options), asked.network_source(options)
    asked.check(source, target.resolve)
    result = plan_for(asked.loaded(source, console), target, console)
    if as_json:
        asked.print_json(result.to_json())
    else:
        asked.say(result.table(asked.width()))


def _search(as_json: bool, options: dict[str, Any]) -> None:
    from hwgen.cli import asked
    from hwgen.cli.console import Console
    from hwgen.flow.search import search
    from hwgen.flow.target import CORE_CLOCK
    from hwgen.reports.search import table

    if options["throughput"] is not None:
        raise click.UsageError("--search shows cores for one frame at a time: leave out --throughput")
    if options["sdram_clock"] != CORE_CLOCK:
        raise click.UsageError("--search shows cores whose SDRAM has their clock: leave out --sdram-clock")
    if options["fastest"]:
        raise click.UsageError("--search shows all cores, --fastest takes one: leave out one of them")
    console, target, source = Console(), asked.target(options), asked.network_source(options)
    asked.check(source, target.resolve)
    network = asked.loaded(source, console)
    found = search(network, board=target.board, clock_mhz=target.clock_mhz, k_steps=target.k_steps, progress=console)
    if as_json:
        asked.print_json(found.to_json())
    else:
        asked.say(table(found, asked.width()).rstrip("\n"))
