"""Tens of thousands of damaged files, each read by a process of its own within 5 CPU seconds and 1 GB; see CONTRIBUTING.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

from hwgen.digests import source_digest
from tests.fuzz.damage import KINDS, Damaged, damaged
from tests.fuzz.reading import read, without_nets
from tests.fuzz.server import READ, REFUSED, Server, Verdict
from tests.support.long_run import LongRun
from tests.support.paths import CASES, MODELS, ROOT

BATCH = 40
"""Files that a process reads one after the other."""


def main() -> int:
    """1 if a file did what it must not do."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=5000, help="files (5000)")
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first of them: other ones are other files (0)"
    )
    parser.add_argument("--number", type=int, help="only this one; it is left in the folder")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS), help="of files (all)")
    parser.add_argument("--strict", action="store_true", help="without the importers' nets for what nobody thought of")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "fuzz", help="of state and files with faults")
    options = parser.parse_args()
    if not MODELS.is_dir() or not CASES.is_dir():
        print(f"no real files: {MODELS} or {CASES} is not there")
    if options.strict:
        without_nets()
    server, kinds = Server(), tuple(options.kinds)
    with tempfile.TemporaryDirectory() as scratch:
        if options.number is not None:
            file = damaged(options.number, kinds)
            verdict = tried(server, file, Path(scratch))
            print(f"{_keep(options.folder, options.number, file)}: {_told(verdict)}")
            return int(verdict.fault)
        return _many(options, server, kinds, Path(scratch))


def tried(server: Server, file: Damaged, scratch: Path) -> Verdict:
    """The verdict on a file."""
    return server.run(partial(written_and_read, file, scratch))


def written_and_read(file: Damaged, scratch: Path) -> str:
    """Write a file to a folder and read it."""
    path = scratch / f"m{file.kind}"
    path.write_bytes(file.content)
    return read(path)


def _many(options: argparse.Namespace, server: Server, kinds: tuple[str, ...], scratch: Path) -> int:
    command = f"python -m tests.fuzz{' --strict' if options.strict else ''}"
    command += "" if kinds == tuple(KINDS) else f" --kinds {' '.join(kinds)}"
    key = f"{source_digest('compiler', 'sim', 'hw')} {command} {options.first}"
    run = LongRun(options.folder / "state.json", key, options.count)
    if run.next:
        print(f"goes on behind file {options.first + run.next - 1}")
    for first in run.numbers(BATCH):
        if first >= options.count:
            break
        last = min(first + BATCH, options.count)
        files = {number: damaged(number, kinds) for number in range(options.first + first, options.first + last)}
        verdicts = server.run_all([partial(written_and_read, file, scratch) for file in files.values()])
        for (number, file), verdict in zip(files.items(), verdicts, strict=True):
            run.counts[verdict.kind] += 1
            run.most("CPU ms", round(1000 * verdict.seconds))
            run.most("MB", verdict.growth >> 20)
            if verdict.fault:
                kept = _keep(options.folder, number, file)
                print(f"{number}: {_told(verdict)}\n  {kept}; again: {command} --number {number}", flush=True)
    print(f"{min(run.next, options.count):,} files: {run.summary()}; {run.seconds:.0f} CPU seconds")
    return int(any(kind not in (READ, REFUSED) for kind in run.counts))


def _told(verdict: Verdict) -> str:
    return f"{verdict.kind}, {verdict.seconds:.2f} CPU s, {verdict.growth >> 20} MB: {verdict.text}"


def _keep(folder: Path, number: int, file: Damaged) -> Path:
    """The damaged file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number}{file.kind}"
    path.write_bytes(file.content)
    return path


if __name__ == "__main__":
    sys.exit(main())
