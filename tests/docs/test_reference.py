"""The reference pages and what they describe: keys of the report, commands, the host protocol, commands in the README."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shlex
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest

import hwgen
from hwgen.cli import cli
from hwgen.hw.isa import host_protocol
from hwgen.reports.build import SCHEMA, SCHEMA_VERSION, USAGE, Map, Maybe
from tests.support.paths import ROOT


def _hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_hooks", ROOT / "docs" / "hooks.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _keys(kind: Any, where: str = "") -> list[str]:
    match kind:
        case Maybe():
            return _keys(kind.type, where)
        case Map():
            return []
        case dict() if kind is not USAGE:
            return [key for name, member in kind.items() for key in (where + name, *_keys(member, f"{where}{name}."))]
        case [item]:
            return _keys(item, where)
        case _:
            return []


def test_every_key_of_the_report_is_described() -> None:
    page = (ROOT / "docs" / "report.md").read_text()
    assert re.findall(r"^\| `([\w.]+)` \|", page, re.MULTILINE) == _keys(SCHEMA)
    assert f"schema {SCHEMA_VERSION}" in page


def test_commands_are_generated() -> None:
    page = _hooks().commands()
    for name, command in cli.commands.items():
        section = page.split(f"## hwgen {name}\n")[1].split("\n## ")[0]
        for option in command.params:
            assert not isinstance(option, click.Option) or option.opts[-1] in section, f"{name}: {option.name}"


def test_python_interface_is_described() -> None:
    """Every name of it but the version, by the module that defines it; and its options, which the page takes from their fields."""
    page = (ROOT / "docs" / "api.md").read_text()
    described = {}
    for module, name in re.findall(r"^::: ([\w.]+)\.(\w+)$", page, re.MULTILINE):
        described[name] = getattr(importlib.import_module(module), name)
    assert sorted(described) == sorted(set(hwgen.__all__) - {"__version__"})
    assert all(value is getattr(hwgen, name) for name, value in described.items())
    options = _hooks().network_options()
    assert all(f"| `{entry.name}` |" in options for entry in fields(hwgen.NetworkOptions))


def test_host_protocol() -> None:
    page = (ROOT / "docs" / "host_protocol.md").read_text()
    listed = _hooks().host_commands() + _hooks().host_statuses()
    for entry in (*host_protocol.Command, *host_protocol.Status):
        assert f"| {entry.name} | {entry.value} |" in listed
    for command in host_protocol.Command:
        assert re.search(rf"\b{command.name}\b", page), f"{command.name} is not explained"
    for number in (host_protocol.REQUEST_SYNC, host_protocol.RESPONSE_SYNC, host_protocol.CRC_POLYNOMIAL):
        assert f"0x{number:X}" in page
    assert f"{1000 * host_protocol.TIMEOUT_S:g} ms" in page


def _command_lines(text: str) -> list[list[str]]:
    """Arguments of every `hwgen` in indented code and in console blocks, its continued lines joined, comments dropped."""
    joined = text.replace("\\\n", " ")
    lines = re.findall(r"^(?:    (?:\$ )?|\$ )(?:\S*/)?hwgen (\w.*)$", joined, re.MULTILINE)
    return [shlex.split(line.replace("$digits", "digits.graph"), comments=True) for line in lines]


PAGES = [
    "README.md",
    "examples/digits/README.md",
    *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md"))),
]


@pytest.mark.parametrize("name", PAGES)
def test_commands_shown_have_these_options(name: str) -> None:
    for command, *arguments in _command_lines((ROOT / name).read_text()):
        known = cli.commands[command]
        known.make_context(command, arguments)


def test_commands_are_seen() -> None:
    assert ["sim", "shufflenet_v2", "--image", "photo.jpg"] in _command_lines((ROOT / "README.md").read_text())
    with pytest.raises(click.NoSuchOption):
        cli.commands["plan"].make_context("plan", ["shufflenet_v2", "--no-such-option"])


def test_site_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    """No script, style, font or picture of another host in any page."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path), strict=True))
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 12
    loads = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=[\"']?(?:https?:)?//")
    for page in pages:
        assert not loads.search(page.read_text()), page
    for sheet in tmp_path.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", sheet.read_text()), sheet
