"""The tables of mended faults: what was wrong, what mends it, which tests fail without."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TABLES = Path(__file__).parent
"""Folder of the tables (.toml)."""


@dataclass(frozen=True)
class Edit:
    """One place of a mending.

    Attributes:
        file: relative to the tree's root.
        now: the text that stands there, exactly once.
        without: the text in its place when the mending is taken out.
    """

    file: str
    now: str
    without: str


@dataclass(frozen=True)
class Mending:
    """One mended fault.

    Attributes:
        what: was wrong, in a user's words.
        edits: take the mending out, all of them together.
        tests: node ids of pytest, or beginnings of them, that must fail then; of each at least one test by its own assertion.
    """

    what: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


def read_tables(folder: Path = TABLES) -> list[Mending]:
    """All mendings of the tables in a folder, in the order of the files' names.

    Raises:
        ValueError: a table is not of this form; names the file and the entry.
    """
    found: list[Mending] = []
    for file in sorted(folder.glob("*.toml")):
        for number, entry in enumerate(tomllib.loads(file.read_text(encoding="utf-8"))["mending"], 1):
            try:
                found.append(_mending(entry))
            except (KeyError, TypeError) as error:
                raise ValueError(f"{file.name}, entry {number}: {error}") from None
    return found


def _mending(entry: dict[str, Any]) -> Mending:
    edits = entry["edit"] if "edit" in entry else [{key: entry[key] for key in ("file", "now", "without")}]
    return Mending(entry["what"], tuple(Edit(**edit) for edit in edits), tuple(entry["tests"]))


def stale(mendings: list[Mending], root: Path) -> list[str]:
    """A line for every entry that does not suit the tree below `root`: a text that does not stand there once, or no such test."""
    lines: list[str] = []
    for mending in mendings:
        for edit in mending.edits:
            path = root / edit.file
            count = path.read_text(encoding="utf-8").count(edit.now) if path.is_file() else 0
            if count != 1:
                lines.append(f"{mending.what}: the text of the mending stands {count} times in {edit.file}, not once")
            if edit.now == edit.without:
                lines.append(f"{mending.what}: nothing is taken out of {edit.file}")
        for test in mending.tests:
            file, _, name = test.partition("::")
            function = name.partition("[")[0]
            path = root / file
            if not path.is_file() or f"def {function}(" not in path.read_text(encoding="utf-8"):
                lines.append(f"{mending.what}: there is no test {test}")
        if not mending.tests or not mending.edits:
            lines.append(f"{mending.what}: it has no test, or no edit")
    return lines
