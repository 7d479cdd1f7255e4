"""The table of small models that users of other tools reported: what was seen of each file."""

from __future__ import annotations

from tests.support.paths import CASES

WHY = f"no README.md with a table in {CASES} (set HWGEN_MODELS to the folder beside it)"
"""Reason to skip where the folder is not there."""


def seen(suffix: str) -> dict[str, str]:
    """By file of this suffix, what the table says was seen of it; empty where the folder is not there.

    Raises:
        ValueError: the table is there, but has no row of such a file: a test would compare nothing.
    """
    table = CASES / "README.md"
    if not table.is_file():
        return {}
    lines = table.read_text(encoding="utf-8").splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| `")]
    found = {row[0].strip("`"): row[3] for row in rows if row[0].endswith(f"{suffix}`")}
    if not any(text.startswith("WRONG NUMBERS") for text in found.values()):
        raise ValueError(f"{table}: no {suffix} file in the table gave wrong numbers; is the table of another form?")
    return found
