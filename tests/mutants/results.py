"""What became of mutants, kept in a file of JSON lines, and the list of those that are argued to be equal."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.mutants.changes import Mutant

ARGUED = Path(__file__).with_name("argued.toml")
KILLED, TIMED_OUT, SURVIVED = "killed", "timed out", "survived"


@dataclass(frozen=True)
class Outcome:
    """Of one mutant.

    Attributes:
        key: the mutant's.
        result: KILLED, TIMED_OUT (which counts as killed) or SURVIVED.
        by: the test that failed, or why there is none.
        source: digest of the source.
        tests: digest of the test file of `by`, or of all files of tests if none failed.
        seconds: on the clock.
    """

    key: str
    result: str
    by: str
    source: str
    tests: str
    seconds: float

    @property
    def killed(self) -> bool:
        return self.result != SURVIVED


def digest(root: Path, files: Iterable[str]) -> str:
    """Of the content of files."""
    found = hashlib.sha256()
    for file in files:
        found.update(hashlib.sha256((root / file).read_bytes()).digest())
    return found.hexdigest()[:16]


class Results:
    """Outcomes in a file, a line each; of several lines of a mutant the last one counts."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, Outcome] = {}
        if file.exists():
            for line in file.read_text().splitlines():
                if line.endswith("}"):  # the last line of a run that was killed may be half of one
                    outcome = Outcome(**json.loads(line))
                    self._known[outcome.key] = outcome

    def valid(self, mutant: Mutant, root: Path, tests: Sequence[str]) -> Outcome | None:
        """What became of a mutant, if its source is the same, and the test file that noticed it; without one, all its test files."""
        outcome = self._known.get(mutant.key)
        if outcome is None or outcome.source != digest(root, [mutant.path]):
            return None
        file = outcome.by.split("::")[0]
        looked_at = [file] if outcome.result == KILLED and file in tests else tests
        return outcome if outcome.tests == digest(root, looked_at) else None

    def killer(self, mutant: Mutant) -> str:
        """The test that noticed a mutant when it was last tried; empty if none did."""
        outcome = self._known.get(mutant.key)
        return outcome.by if outcome is not None and outcome.result == KILLED else ""

    def add(self, outcome: Outcome) -> None:
        self._known[outcome.key] = outcome
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a") as file:
            file.write(json.dumps(asdict(outcome)) + "\n")


@dataclass(frozen=True)
class Argued:
    """A mutant that no test can notice.

    Attributes:
        key: the mutant's; another one as soon as a line of it changes.
        path: of the source.
        change: what it does, for a reader.
        proof: why nothing differs.
    """

    key: str
    path: str
    change: str
    proof: str


def argued(file: Path = ARGUED) -> dict[str, Argued]:
    """The list of mutants that are argued to be equal, by key."""
    entries = tomllib.loads(file.read_text()).get("equal", [])
    return {entry["key"]: Argued(**entry) for entry in entries}
