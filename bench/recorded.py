"""Files of recorded results: one row for each network, with the machine and the versions of the tools."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hwgen.flow.doctor import examine


def record(file: Path, row: dict[str, Any], order: Sequence[str]) -> list[dict[str, Any]]:
    """Keep a row in `file`, in place of the one of its "name"; rows are in the `order` of their names. Returns all rows.

    The file is read only now, because others may measure other networks at the same time.
    """
    known: list[dict[str, Any]] = json.loads(file.read_text())["rows"] if file.exists() else []
    rows = {entry["name"]: entry for entry in known} | {row["name"]: row}
    found = [rows[name] for name in order if name in rows]
    recorded = {
        "machine": platform.processor() or platform.machine(),
        "tools": {finding.name: finding.version for finding in examine()},
        "rows": found,
    }
    file.write_text(json.dumps(recorded, indent=2) + "\n")
    return found


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "".join(f"| {' | '.join(line)} |\n" for line in (headings, ["---"] * len(headings), *rows))
