"""Takes every mending out of a copy of the tree, one at a time, and runs the tests that must fail then.

    python -m tests.mendings               all of them, some ten minutes on one processor
    python -m tests.mendings --only PNG    those whose line or file has the word
    python -m tests.mendings --list        what there is

Exit code 0: each one was found; 1: one was not; 2: an entry does not suit the tree any more.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.mendings.plant import Copy, survived, unsound
from tests.mendings.table import TABLES, Mending, read_tables, stale

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mendings", description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="WORD", help="those whose line or file has this word")
    parser.add_argument("--list", action="store_true", help="print what there is, and run nothing")
    parser.add_argument("--tables", type=Path, default=TABLES, help="folder of the tables")
    parser.add_argument("--root", type=Path, default=ROOT, help="the tree")
    options = parser.parse_args(arguments)
    mendings = [mending for mending in read_tables(options.tables) if _meant(mending, options.only)]
    if not mendings:
        print(f"no mending has {options.only!r} in its line, files or tests", file=sys.stderr)
        return 2
    if lines := stale(mendings, options.root):
        print("\n".join(lines), file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(mending.what for mending in mendings))
        return 0
    with tempfile.TemporaryDirectory(prefix="hwgen-mendings-") as folder:
        return _run(mendings, Copy(options.root, Path(folder)))


def _meant(mending: Mending, word: str | None) -> bool:
    texts = [mending.what, *(edit.file for edit in mending.edits), *mending.tests]
    return word is None or any(word.lower() in text.lower() for text in texts)


def _run(mendings: list[Mending], copy: Copy) -> int:
    """Plants every fault; prints a line for each, and of those that survive why; returns the exit code."""
    tests = sorted({test for mending in mendings for test in mending.tests})
    if lines := unsound(copy.run(tests), tests):
        print("before anything is taken out:", *lines, sep="\n  ")
        return 1
    surviving = 0
    for mending in mendings:
        began = time.monotonic()
        with copy.without(mending):
            lines = survived(copy.run(mending.tests), mending.tests)
        state = "SURVIVED" if lines else "found"
        print(f"{state:8} {time.monotonic() - began:5.1f} s  {mending.what}", flush=True)
        for line in lines:
            print(f"                  {line}", flush=True)
        surviving += bool(lines)
    print(f"{len(mendings)} mendings taken out one by one: {len(mendings) - surviving} found, {surviving} survived")
    return 1 if surviving else 0


if __name__ == "__main__":
    sys.exit(main())
