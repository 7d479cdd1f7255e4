"""Which tests run which lines, kept in a file so that a run that goes on later need not find out again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.mutants.changes import Mutant
from tests.mutants.results import digest
from tests.mutants.running import Tree

_LIMIT_S = 1800.0
"""Of one file of tests in the unchanged tree."""


class BaselineError(Exception):
    """Tests that fail without any change."""


class Reached:
    """The tests that run a mutant's lines, the cheapest first.

    Args:
        tree: where tests are run that were not yet.
        file: what is known from earlier runs.
        sources: all that are watched.
    """

    def __init__(self, tree: Tree, file: Path, sources: Sequence[str]) -> None:
        self._root, self._tree, self._file, self._sources = tree.copy, tree, file, sources
        self._known: dict[str, dict[str, Any]] = json.loads(file.read_text()) if file.exists() else {}

    def tests(self, mutant: Mutant, files: Sequence[str], simulators: bool) -> list[tuple[str, float, bool]]:
        """(test, seconds, whether it compiles a simulator); `simulators`: with those that do."""
        found = []
        for file in files:
            entry = self._entry(file, mutant.path, simulators)
            for name, test in entry["tests"].items():
                lines = test["lines"].get(mutant.path, ())
                if any(mutant.lines[0] <= line <= mutant.lines[1] for line in lines) and (
                    simulators or not test["compiles"]
                ):
                    found.append((name, float(test["seconds"]), bool(test["compiles"])))
        cheapest: dict[tuple[str, bool], float] = {}
        for name, seconds, compiles in found:
            place = name.split("::")[0], compiles
            cheapest[place] = min(seconds, cheapest.get(place, seconds))
        # Whole files one after the other, because tests of a file share fixtures.
        return sorted(
            found, key=lambda one: (one[2], cheapest[one[0].split("::")[0], one[2]], one[0].split("::")[0], one[1])
        )

    def _entry(self, file: str, source: str, simulators: bool) -> dict[str, Any]:
        entry = self._known.get(file)
        stamp = digest(self._root, [source])
        same = (
            entry is not None and entry["file"] == digest(self._root, [file]) and entry["sources"].get(source) == stamp
        )
        if entry is not None and same and (entry["simulators"] or not simulators):
            return entry
        print(f"which lines {file} runs ...", flush=True)
        ended = self._tree.hits([file], self._sources, _LIMIT_S, simulators=simulators)
        if ended.value is None:
            raise BaselineError(f"{file}: the tests ended early without any change; see {self._tree.log}")
        failed, tests = ended.value
        if failed:
            raise BaselineError(f"{file}: {failed[0]} fails without any change; see {self._tree.log}")
        sources = {path: digest(self._root, [path]) for path in self._sources}
        self._known[file] = {
            "file": digest(self._root, [file]),
            "sources": sources,
            "simulators": simulators,
            "tests": tests,
        }
        self._file.write_text(json.dumps(self._known))
        return self._known[file]
