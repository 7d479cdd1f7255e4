"""Thousands of random networks against reference kernels; see CONTRIBUTING.md."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

from hwgen.digests import source_digest
from hwgen.flow.verify import INTERPRETERS, Reference
from hwgen.reports.verification import REMEDY
from tests.random_networks import recorded
from tests.random_networks.check import DIFFERENT, EQUAL, REFUSED, Outcome, check
from tests.random_networks.network import random_network
from tests.support.long_run import LongRun
from tests.support.paths import ROOT
from tests.support.tflite_examples import example

EVERY_PROGRAM = 4
"""One network of so many goes through plan and program too."""


def main() -> int:
    """1 if a network differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.random_networks", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="networks to compare (1000)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (0)")
    parser.add_argument("--seed", type=int, help="only this one; its file is left in the folder")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "build" / "random_networks", help="of state and failing files"
    )
    parser.add_argument("--record", action="store_true", help="record outputs for runs without an interpreter, and end")
    options = parser.parse_args()
    interpreter = has_interpreter()
    label = Reference.open(example("RELU", 0)).label if interpreter else "none"
    print(f"interpreter: {label if interpreter else f'none, recorded outputs instead: {REMEDY}'}")
    if options.record:
        if not interpreter:
            print("nothing can be recorded without an interpreter", file=sys.stderr)
            return 2
        recorded.record(label)
        return 0
    if options.seed is not None:
        outcome = _one(options.seed, interpreter, program=True)
        print(f"{outcome.result} {outcome.program} {outcome.text}".rstrip())
        _keep(options.folder, options.seed)
        return int(outcome.result == DIFFERENT)
    return _many(options, label, interpreter)


def has_interpreter() -> bool:
    """Whether an interpreter with reference kernels is installed."""
    for name in INTERPRETERS:
        try:
            if importlib.util.find_spec(name) is not None:
                return True
        except ModuleNotFoundError:  # nor is the package that it is in
            continue
    return False


def _one(seed: int, interpreter: bool, program: bool) -> Outcome:
    return recorded.compared(seed, check(seed, interpreter=interpreter, program=program))


def _many(options: argparse.Namespace, label: str, interpreter: bool) -> int:
    count, folder = options.count, options.folder
    key = f"{source_digest('compiler', 'sim', 'hw')} {label} {options.first}"
    run = LongRun(folder / "state.json", key, count)
    if run.next:
        print(f"goes on behind seed {options.first + run.next - 1}")
    for number in run.numbers():
        seed = options.first + number
        compared = "with the interpreter" if interpreter else EQUAL
        if run.counts[compared] + run.counts[DIFFERENT] >= count:
            break
        outcome = _one(seed, interpreter, program=seed % EVERY_PROGRAM == 0)
        run.counts[outcome.result] += 1
        run.counts["with the interpreter"] += outcome.interpreted and outcome.result == EQUAL
        if outcome.program:
            run.counts[outcome.program] += 1
        if outcome.result == DIFFERENT:
            file = _keep(folder, seed)
            print(
                f"seed {seed}: {outcome.text}\n  {file}; again: python -m tests.random_networks --seed {seed}",
                flush=True,
            )
        elif outcome.result == REFUSED:
            with (folder / "refused.txt").open("a") as log:
                print(f"{seed}: {outcome.text}", file=log)
    print(f"{run.next:,} networks: {run.summary()}; {run.seconds:.0f} CPU seconds")
    return int(run.counts[DIFFERENT] > 0)


def _keep(folder: Path, seed: int) -> Path:
    """The network's file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{seed}.tflite"
    file.write_bytes(random_network(seed))
    return file


if __name__ == "__main__":
    sys.exit(main())
