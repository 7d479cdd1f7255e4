"""Damaged files of every kind: read, or refused in one line, within 5 CPU seconds and 1 GB; and what the server tells of faults.

`python -m tests.fuzz` reads tens of thousands.
"""

from __future__ import annotations

import functools
import io
import os
import signal
import sys
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hwgen.errors import ModelError
from tests.fuzz.__main__ import tried
from tests.fuzz.damage import KINDS, Damaged, damaged
from tests.fuzz.originals import originals
from tests.fuzz.server import (
    CONTROL_CODES,
    DIED,
    MEMORY,
    PRINTED,
    READ,
    REFUSED,
    SEVERAL_LINES,
    SLOW,
    TRACEBACK,
    Server,
)
from tests.support.bounds import TooSlow, bounded

FILES = 150

# Python 3.12 and newer tells those who fork with threads, which here wait.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def test_damaged_files(tmp_path: Path) -> None:
    server = Server()
    counts: Counter[str] = Counter()
    for number in range(FILES):
        file = damaged(number)
        verdict = tried(server, file, tmp_path)
        assert not verdict.fault, f"python -m tests.fuzz --number {number}: {verdict.kind}: {verdict.text}"
        counts[verdict.kind] += 1
        counts[file.kind] += 1
    assert set(KINDS) <= set(counts) and counts[READ] > FILES // 20 and counts[REFUSED] > FILES // 2


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_damaged_is_sound(kind: str, tmp_path: Path) -> None:
    """Some of each kind; real cases, and files of an operator that is the host's, may be refused."""
    server, makers = Server(), originals(kind)
    verdicts = [tried(server, Damaged(kind, make(), True), tmp_path) for make in makers[:: max(1, len(makers) // 8)]]
    assert not [verdict for verdict in verdicts if verdict.fault]
    assert sum(verdict.kind == READ for verdict in verdicts) > len(verdicts) // 3


UNCLOSED = b"\x93NUMPY\x01\x00" + (70).to_bytes(2, "little") + b"{'descr': '<f4', 'shape': (1,".ljust(69) + b"\n"
"""Of an array: its header begins a list that never ends."""


def zipped(content: bytes) -> bytes:
    """An archive of one array."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("conv.weight.npy", content)
    return archive.getvalue()


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [(".npy", UNCLOSED, "not a .npy array that can be read"), (".npz", zipped(UNCLOSED), "not a readable .npz file")],
    ids=["npy", "npz"],
)
def test_what_was_found(kind: str, content: bytes, message: str, tmp_path: Path) -> None:
    """Files that gave a traceback once."""
    verdict = tried(Server(), Damaged(kind, content, True), tmp_path)
    assert verdict.kind == REFUSED and message in verdict.text


def refuse(text: str) -> str:
    raise ModelError(text)


def take(size: int) -> str:
    return str(np.ones(size, np.uint8).sum())


def compute(seconds: float) -> str:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return "done"


def compute_without_heeding(seconds: float) -> str:
    """As a library that never comes back to Python."""
    signal.signal(signal.SIGPROF, signal.SIG_IGN)
    return compute(seconds)


def warn() -> str:
    warnings.warn("odd", stacklevel=1)
    return "done"


WORK: dict[str, tuple[str, Callable[[], object]]] = {
    "reads": (READ, lambda: "3 passes"),
    "refuses": (REFUSED, lambda: refuse("m.onnx: no")),
    "two lines": (SEVERAL_LINES, lambda: refuse("m.onnx: no\nnever")),
    "a tab": (CONTROL_CODES, lambda: refuse("m.onnx:\tno")),
    "another error": (TRACEBACK, lambda: WORK["none"]),
    "ends": (TRACEBACK, lambda: sys.exit(3)),
    "a warning": (TRACEBACK, warn),
    "prints": (PRINTED, lambda: print("a line") or "done"),
    "a library prints": (PRINTED, lambda: os.write(2, b"a line") and "done"),
    "takes long": (SLOW, lambda: compute(5)),
    "does not heed": (SLOW, lambda: compute_without_heeding(9)),
    "asks for much": (MEMORY, lambda: take(1 << 29)),
    "is killed": (DIED, lambda: os.kill(os.getpid(), signal.SIGTERM)),
    "ends at once": (DIED, lambda: os._exit(0)),
}


@pytest.mark.parametrize("name", WORK)
def test_verdict(name: str) -> None:
    expected, work = WORK[name]
    verdict = Server(seconds=0.2, growth=1 << 28, spare=0).run(lambda: str(work()))
    assert verdict.kind == expected, verdict


def test_pieces_that_share_a_process() -> None:
    """A fault is tried again alone, and those behind it have a new process."""
    names = ["reads", "refuses", "is killed", "reads", "prints", "refuses", "asks for much", "ends at once", "reads"]
    works = [functools.partial(lambda work: str(work()), WORK[name][1]) for name in names]
    verdicts = Server(growth=1 << 28).run_all(works)
    assert [verdict.kind for verdict in verdicts] == [WORK[name][0] for name in names]


def test_a_handler_of_the_process_is_not_the_pieces() -> None:
    """One that is killed has died, whatever a command that ran before does with the signal."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _, kill = WORK["is killed"]
        assert Server().run(lambda: str(kill())).kind == DIED
    finally:
        signal.signal(signal.SIGTERM, before)


def test_what_one_piece_left_is_no_fault_of_the_next() -> None:
    """A fault that is none in a process of its own."""
    left: list[int] = []

    def leave() -> str:
        left.append(1)
        return str(1 // (len(left) % 2))

    assert [verdict.kind for verdict in Server().run_all([leave, leave, leave])] == [READ] * 3


def test_bounds() -> None:
    """In this process."""
    with bounded(0.05), pytest.raises(TooSlow):
        compute(5)
    with bounded(5, 1 << 28), pytest.raises(MemoryError):
        take(1 << 29)
    assert take(1 << 20) == str(1 << 20) and compute(0.1) == "done"
