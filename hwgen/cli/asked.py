"""What a command was asked for, from its options."""

from __future__ import annotations

import json
import os
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.errors import ToolError
from hwgen.flow.source import NetworkSource
from hwgen.flow.target import Target

if TYPE_CHECKING:
    from hwgen.flow.network import Network
    from hwgen.flow.progress import Listener


def network_source(options: dict[str, Any]) -> NetworkSource:
    """The network that is meant."""
    chosen = {field.name: options[field.name] for field in fields(NetworkOptions)}
    return NetworkSource(options["network"], NetworkOptions(**chosen))


def target(options: dict[str, Any]) -> Target:
    """What it is planned for; a board or a clock that there is not is refused here, before anything is read."""
    found = Target(**{field.name: options[field.name] for field in fields(Target) if field.name in options})
    found.resolve()
    return found


def loaded(source: NetworkSource, progress: Listener | None = None) -> Network:
    """The network."""
    from hwgen.flow.network import load

    return load(source.text, source.options, progress=progress)


def folder_of(source: NetworkSource, target: Target, out: Path | None) -> Path:
    """Where results go: `build/<name>` unless `out` is given."""
    return out or Path("build") / (source.name + target.suffix)


def writable(file: Path) -> Path:
    """The absolute path of a file that is to be written, once it is known that it can be.

    Raises:
        ToolError: its folder does not exist or cannot be written, or it is a folder itself.
    """
    file = file.resolve()
    if file.is_dir() or not os.access(file.parent, os.W_OK):
        raise ToolError(
            f"cannot write {file}: its folder must exist and be writable, and it must not be a folder itself"
        )
    return file


class Result(Protocol):
    """What a command finds."""

    def to_json(self) -> object: ...
    def text(self) -> str: ...


def print_result(result: Result, *, as_json: bool) -> None:
    """A result on standard output, as JSON or as text."""
    if as_json:
        print_json(result.to_json())
    else:
        click.echo(result.text())


def print_json(value: object) -> None:
    """A result as JSON on standard output."""
    click.echo(json.dumps(value, indent=2))
