"""Runs pieces of work in processes forked from one that has everything loaded, and tells what each did wrong."""

from __future__ import annotations

import gc
import io
import json
import math
import os
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TextIO

from hwgen.errors import HwgenError
from tests.support.bounds import BYTES, SECONDS, TooSlow, bounded, is_line, memory

READ, REFUSED = "read", "refused"
SLOW, MEMORY, DIED, TRACEBACK = "over time", "over memory", "died", "traceback"
PRINTED, SEVERAL_LINES, CONTROL_CODES = "printed", "several lines", "control codes"

_SHOWN = 2000
"""Bytes of what a piece of work prints."""

_CLOCK_SECONDS = 120.0
"""A process that takes this long on the clock waits for something."""


@dataclass(frozen=True)
class Verdict:
    """On one piece of work.

    Attributes:
        kind: READ, REFUSED, or what went wrong.
        text: what it gave, the refusal, or more about the fault.
        seconds: processor time.
        growth: bytes of memory at most up to its end, beyond those of the process that it was forked from.
    """

    kind: str
    text: str
    seconds: float
    growth: int

    @property
    def fault(self) -> bool:
        """Whether it is one that must not be."""
        return self.kind not in (READ, REFUSED)


class Server:
    """Forks a process for a piece of work, or for several that follow each other.

    Everything that the work imports must be loaded before; the process must have one thread.

    Parameters:
        seconds, growth: bounds of each piece: processor time, and bytes of memory beyond those of this process.
        spare: seconds after which a process is killed that does not come back to Python when its time is over.
    """

    def __init__(self, seconds: float = SECONDS, growth: int = BYTES, spare: int = 2) -> None:
        self._seconds, self._growth, self._spare = seconds, growth, spare
        self._printed, name = tempfile.mkstemp()
        os.unlink(name)
        gc.collect()
        gc.freeze()  # no collection in a forked process touches, and so copies, what is loaded

    def run(self, work: Callable[[], str]) -> Verdict:
        """The verdict on one piece; its result is its text."""
        found, status = self._forked([work])
        return found[0] if found else self._dead(status)

    def run_all(self, works: Sequence[Callable[[], str]]) -> list[Verdict]:
        """The verdicts on several pieces that share a process; what goes wrong there is tried again in one of its own."""
        verdicts: list[Verdict] = []
        while len(verdicts) < len(works):
            found, _ = self._forked(works[len(verdicts) :])
            verdicts += [verdict for verdict in found if not verdict.fault]
            if len(verdicts) < len(works):
                verdicts.append(self.run(works[len(verdicts)]))
        return verdicts

    def _forked(self, works: Sequence[Callable[[], str]]) -> tuple[list[Verdict], int]:
        """Verdicts up to the first fault, or the process's end, and its status."""
        os.ftruncate(self._printed, 0)
        os.lseek(self._printed, 0, os.SEEK_SET)
        sys.stdout.flush()
        sys.stderr.flush()
        end, begin = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.close(end)
                with os.fdopen(begin, "w") as answer:
                    self._work(works, answer)
            finally:
                os._exit(0)
        os.close(begin)
        content = self._answer(end, child)
        _, status = os.waitpid(child, 0)
        return [Verdict(*json.loads(line)) for line in content.decode().splitlines() if line.endswith("]")], status

    def _answer(self, end: int, child: int) -> bytes:
        """What the process says before it ends, or is ended because it waits for something."""
        parts: list[bytes] = []
        try:
            while select.select([end], [], [], _CLOCK_SECONDS)[0]:
                part = os.read(end, 1 << 16)
                if not part:
                    return b"".join(parts)
                parts.append(part)
            os.kill(child, signal.SIGKILL)
            return b"".join(parts)
        finally:
            os.close(end)

    def _dead(self, status: int) -> Verdict:
        """On the only piece of a process that ended without a word."""
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGXCPU:
            return Verdict(SLOW, "it never came back to Python", self._seconds, 0)
        printed = os.pread(self._printed, _SHOWN, 0).decode(errors="replace")
        waited = f"killed, or waiting for {_CLOCK_SECONDS:.0f} s; " if code == -signal.SIGKILL else ""
        return Verdict(DIED, f"{waited}status {code}; {printed}", 0.0, 0)

    def _work(self, works: Sequence[Callable[[], str]], answer: TextIO) -> None:
        """In the forked process: a line for each piece, up to the first fault."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a command that ran in this process may have left a handler
        for stream in (1, 2):
            os.dup2(self._printed, stream)
        raw = io.FileIO(self._printed, "w", closefd=False)
        sys.stdout = sys.stderr = io.TextIOWrapper(io.BufferedWriter(raw), errors="replace")
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        here, before = memory(), time.process_time()
        for work in works:
            limit = math.ceil(before + self._seconds) + self._spare
            resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
            kind, text = self._tried(work)
            now = time.process_time()
            growth = max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT - here, 0)
            sys.stdout.flush()
            verdict = self._judged(kind, text, now - before, growth)
            print(json.dumps(list(vars(verdict).values())), file=answer, flush=True)
            if verdict.fault:
                return
            before = now

    def _judged(self, kind: str, text: str, seconds: float, growth: int) -> Verdict:
        """The verdict on a piece that came to its end."""
        if kind in (READ, REFUSED):
            if seconds > self._seconds:
                kind, text = SLOW, f"{seconds:.1f} s; {text}"
            elif growth > self._growth:
                kind, text = MEMORY, f"{growth:,} bytes; {text}"
            elif printed := os.pread(self._printed, _SHOWN, 0).decode(errors="replace"):
                kind, text = PRINTED, printed
        return Verdict(kind, text, seconds, growth)

    def _tried(self, work: Callable[[], str]) -> tuple[str, str]:
        try:
            with bounded(self._seconds, self._growth), warnings.catch_warnings():
                warnings.simplefilter("error")  # one that reaches the terminal is several lines there
                return READ, work()
        except HwgenError as error:
            text = str(error)
            if len(text.splitlines()) != 1:
                return SEVERAL_LINES, text
            return (REFUSED, text) if is_line(text) else (CONTROL_CODES, repr(text))
        except TooSlow:
            return SLOW, traceback.format_exc()
        except MemoryError:
            return MEMORY, traceback.format_exc()
        except BaseException:  # whatever it is, a user would see it
            return TRACEBACK, traceback.format_exc()


_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
