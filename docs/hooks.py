"""Fills in what the reference pages take from the program itself, so that it cannot fall behind: `<!-- generated: NAME -->`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

MARK = re.compile(r"<!-- generated: (\w+) -->")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for every page: the page with its marks replaced."""
    return MARK.sub(lambda mark: GENERATED[mark[1]](), markdown)


def commands() -> str:
    """Every command with its arguments and options, from the command line's own declarations."""
    from hwgen.cli import cli

    return "\n".join(_command(name, command) for name, command in cli.commands.items())


def _command(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"hwgen {name}")
    usage = " ".join(command.get_usage(context).split()).removeprefix("Usage: ")
    rows = [_option(option, context) for option in command.params if isinstance(option, click.Option)]
    head = [f"## hwgen {name}", "", command.help or "", "", f"    {usage}", ""]
    return "\n".join([*head, "| option | meaning |", "| --- | --- |", *rows, ""])


def _option(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    assert record is not None, f"{option.name} is hidden"
    names, meaning = record
    return f"| `{names}` | {meaning.replace('|', '&#124;').replace('<', '&lt;')} |"


def network_options() -> str:
    """The fields of `hwgen.NetworkOptions`, from their declarations."""
    from hwgen.compiler.frontend.options import NetworkOptions

    rows = ["| field | type | meaning |", "| --- | --- | --- |"]
    for entry in fields(NetworkOptions):
        kind = str(entry.type).replace("|", "&#124;")
        rows.append(f"| `{entry.name}` | {kind} | {entry.metadata['help'].replace('|', '&#124;')} |")
    return "\n".join(rows)


def host_commands() -> str:
    """The commands of the serial protocol, with the comments of `hw/isa/host_protocol.py`."""
    from hwgen.hw.isa import host_protocol as protocol

    rows = ["| command | number | length is a multiple of |", "| --- | --- | --- |"]
    for command in protocol.Command:
        rows.append(f"| {command.name} | {command.value} | {protocol.LENGTH_UNITS[command] or '(none)'} |")
    return "\n".join(rows)


def host_statuses() -> str:
    """How a request ends."""
    from hwgen.hw.isa import host_protocol as protocol

    rows = ["| status | number |", "| --- | --- |"]
    return "\n".join(rows + [f"| {status.name} | {status.value} |" for status in protocol.Status])


def first_network() -> str:
    """The script that the tests run in an installation of its own."""
    script = Path(__file__).parent / "examples" / "first_network.py"
    return f"```python\n{script.read_text()}```"


def _of_root(name: str) -> str:
    """A page of the project's root; links to pages of the documentation are as from beside them."""
    return (Path(__file__).parents[1] / name).read_text().replace("](docs/", "](")


def contributing() -> str:
    """How to take part."""
    return _of_root("CONTRIBUTING.md")


def changelog() -> str:
    """What changed in a contract."""
    return _of_root("CHANGELOG.md")


GENERATED: dict[str, Callable[[], str]] = {
    "changelog": changelog,
    "commands": commands,
    "contributing": contributing,
    "first_network": first_network,
    "host_commands": host_commands,
    "host_statuses": host_statuses,
    "network_options": network_options,
}
