"""Changes the sources in small ways and says which changes no test notices: python -m tests.mutants [SET ...]

Every set is run if none is named.  What is found is kept in a file and not found again until a source or its tests change, so that a run
may be stopped and goes on later.  Ends with 0 if of every set at least 95 % are killed and every other one is in the list of those that
are argued to be equal, tests/mutants/argued.toml; with 1 if not; with 2 if tests fail without any change.
"""

from __future__ import annotations

import argparse
import difflib
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.changes import Mutant, mutants
from tests.mutants.hits import BaselineError, Reached
from tests.mutants.results import KILLED, SURVIVED, TIMED_OUT, Argued, Outcome, Results, argued, digest
from tests.mutants.running import Tree
from tests.mutants.sets import SETS, compiles, tests_of
from tests.support.paths import ROOT

LEAST_PERCENT = 95
_COMPILE_S = 90.0
"""What a test that compiles a simulator may take longer with a changed design, which is never found among the compiled ones."""


class Session:
    """Tries mutants one after the other.

    Args:
        folder: for results, the copy of the tree and compiled simulators.
        sources: all that mutants are made of.

    Attributes:
        root: of the copy.
    """

    def __init__(self, folder: Path, sources: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.results = Results(folder / "results.jsonl")
        self._tree = Tree(ROOT, folder)
        self.root = self._tree.copy  # what changes in the tree meanwhile changes nothing here
        self._reached = Reached(self._tree, folder / "hits.json", sources)
        self._files = {source: tests_of(self.root, source) for source in sources}

    def known(self, mutant: Mutant) -> Outcome | None:
        """What is known of a mutant already."""
        return self.results.valid(mutant, self.root, self._files[mutant.path])

    def outcome(self, mutant: Mutant) -> Outcome:
        """What becomes of a mutant; kept in the file of results."""
        files = self._files[mutant.path]
        tests = self._reached.tests(mutant, files, compiles(mutant.path))
        begun = time.monotonic()
        if tests:
            killer = self.results.killer(mutant)
            names = sorted((name for name, _, _ in tests), key=lambda name: name != killer)
            limit = 30 + sum(5 * seconds + _COMPILE_S * compiling for _, seconds, compiling in tests)
            with self._tree.changed(mutant):
                ended = self._tree.first_failure(names, limit)
            result, by = SURVIVED, f"{len(tests)} tests pass"
            if ended.late:
                result, by = TIMED_OUT, f"after {limit:.0f} s"
            elif ended.value is None:
                result, by = KILLED, "the process ended early"
            elif ended.value:
                result, by = KILLED, ended.value
        else:
            result, by = SURVIVED, "no test runs this line"
        file = by.split("::")[0]
        stamp = digest(self.root, [file] if result == KILLED and file in files else files)
        seconds = round(time.monotonic() - begun, 1)
        found = Outcome(mutant.key, result, by, digest(self.root, [mutant.path]), stamp, seconds)
        self.results.add(found)
        return found


def difference(mutant: Mutant, root: Path = ROOT) -> str:
    """The mutant as a unified diff of two lines around."""
    source = (root / mutant.path).read_text()
    old, new = (text.splitlines(keepends=True) for text in (source, mutant.of(source)))
    return "".join(difflib.unified_diff(old, new, f"a/{mutant.path}", f"b/{mutant.path}", n=2))


def report(
    name: str, of_set: Sequence[Mutant], outcomes: dict[str, Outcome], equal: dict[str, Argued], root: Path = ROOT
) -> bool:
    """Print a set's survivors and counts; whether it is good enough."""
    survivors = [mutant for mutant in of_set if not outcomes[mutant.key].killed]
    open_ones = [mutant for mutant in survivors if mutant.key not in equal]
    for mutant in open_ones:
        print(f"\n{mutant.key} survived: {outcomes[mutant.key].by}\n{difference(mutant, root)}", end="")
    late = sum(outcomes[mutant.key].result == TIMED_OUT for mutant in of_set)
    killed = len(of_set) - len(survivors)
    percent = 100 * killed / max(1, len(of_set))
    print(
        f"{name}: {killed} of {len(of_set)} mutants killed ({percent:.1f} %; {late} by time), {len(survivors)} survived, "
        f"{len(survivors) - len(open_ones)} of them argued"
    )
    return percent >= LEAST_PERCENT and not open_ones


def stale(equal: dict[str, Argued], root: Path = ROOT) -> list[str]:
    """Entries of the list whose mutant is no more: a line of it changed."""
    there = {
        one.key for path in {entry.path for entry in equal.values()} for one in mutants(path, (root / path).read_text())
    }
    return [f"{one.path}: {one.change}" for one in equal.values() if one.key not in there]


def asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}")
    parser.add_argument(
        "--sample", type=int, default=100, metavar="N", help="mutants of each set that is sampled (100)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the samples (0)")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="those whose source or function has this in its name"
    )
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "build" / "mutants", help="for results and the copy (build/mutants)"
    )
    parser.add_argument("--list", action="store_true", help="show the mutants, run nothing")
    found = parser.parse_args(arguments)
    if unknown := [name for name in found.sets if name not in SETS]:
        parser.error(f"no set {unknown[0]}; there are {', '.join(SETS)}")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    options = asked(arguments)
    names = options.sets or list(SETS)
    sets = {name: SETS[name].mutants(ROOT, options.sample, options.seed) for name in names}
    for name, of_set in sets.items():
        sets[name] = [one for one in of_set if options.only in f"{one.path}:{one.where}"]
    every = [mutant for of_set in sets.values() for mutant in of_set]
    if options.list:
        for one in every:
            print(f"{one.key} {one.path}:{one.lines[0]} {one.where}: {one.before}  ->  {one.after}")
        return 0
    session = Session(options.folder.resolve(), sorted({mutant.path for mutant in every}))
    outcomes = {mutant.key: known for mutant in every if (known := session.known(mutant)) is not None}
    todo = [mutant for mutant in every if mutant.key not in outcomes]
    print(f"{len(every)} mutants, {len(outcomes)} known already", flush=True)
    begun = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the forked process ends with this one
    try:
        for done, mutant in enumerate(todo):
            outcomes[mutant.key] = found = session.outcome(mutant)
            left = (time.monotonic() - begun) / (done + 1) * (len(todo) - done - 1)
            print(
                f"[{done + 1}/{len(todo)}, {left / 60:.0f} min left] {found.result} in {found.seconds} s: "
                f"{mutant.path}:{mutant.lines[0]} {mutant.before}  ->  {mutant.after}  ({found.by})",
                flush=True,
            )
    except BaselineError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; what was found is kept, the same command goes on", file=sys.stderr)
        return 130
    equal = argued()
    good = [report(name, of_set, outcomes, equal, session.root) for name, of_set in sets.items()]
    gone = stale(equal)
    for line in gone:
        print(f"in the list of equal mutants, but not there any more: {line}")
    return int(not all(good) or bool(gone))


if __name__ == "__main__":
    sys.exit(main())
