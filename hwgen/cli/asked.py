"""What a command was asked for, from its options."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.errors import ToolError, printable
from hwgen.files import is_writable, naming
from hwgen.flow.source import NetworkSource
from hwgen.flow.target import Target

if TYPE_CHECKING:
    from hwgen.flow.network import Network
    from hwgen.flow.progress import Listener

STDOUT = Path("standard output")
"""How errors name it."""


def network_source(options: dict[str, Any]) -> NetworkSource:
    """The network that is meant."""
    chosen = {field.name: options[field.name] for field in fields(NetworkOptions)}
    return NetworkSource(options["network"], NetworkOptions(**chosen))


def target(options: dict[str, Any]) -> Target:
    """What it is planned for."""
    return Target(**{field.name: options[field.name] for field in fields(Target) if field.name in options})


def check(source: NetworkSource, *more: Callable[[], object]) -> None:
    """Refuse what can be told to be wrong before any work is done, all of it at once."""
    from hwgen.flow.checks import check_all, network_checks

    check_all([*network_checks(source), *more])


def loaded(source: NetworkSource, progress: Listener | None = None) -> Network:
    """The network."""
    from hwgen.flow.network import load

    return load(source.text, source.options, progress=progress)


def folder_of(source: NetworkSource, target: Target, out: Path | None) -> Path:
    """Where results go: `build/<name>` unless `out` is given."""
    return out or Path("build") / (source.name + target.suffix)


def writing(*files: Path | None) -> list[Callable[[], object]]:
    """Checks of the files that are to be written."""
    return [partial(writable, file) for file in files if file is not None]


def writable(file: Path) -> Path:
    """The path of a file that is to be written, once it is known that it can be.

    Raises:
        ToolError: its folder does not exist or cannot be written, it is a folder itself, or may not be changed.
    """
    if not is_writable(file):
        raise ToolError(
            f"cannot write {file}: its folder must exist and be writable, and it must be no folder and not read-only"
        )
    return file


class Result(Protocol):
    """What a command finds."""

    def to_json(self) -> object: ...
    def text(self) -> str: ...


def width() -> int | None:
    """Of the terminal that standard output is, characters; None: it is none."""
    return shutil.get_terminal_size().columns if is_terminal() else None


def is_terminal() -> bool:
    """Whether standard output is one."""
    return sys.stdout.isatty()


def say(text: str, *, wrap: bool = True) -> None:
    """Print a text and the end of its line on standard output, which errors name; its lines as wide as the terminal, unless `wrap` is off
    for what is to be copied or read by programs.
    """
    text = printable(text)
    if wrap and (columns := width()) is not None:
        from hwgen.reports.tables import wrapped

        text = wrapped(text, columns)
    with naming(STDOUT):
        click.echo(text)


def print_result(result: Result, *, as_json: bool) -> None:
    """A result on standard output, as JSON or as text."""
    if as_json:
        print_json(result.to_json())
    else:
        say(result.text())


def print_json(value: object) -> None:
    """A result as JSON on standard output."""
    say(json.dumps(value, indent=2), wrap=False)
