"""Runs pieces of work in processes forked from one that has everything loaded, and tells what each did wrong."""

from __future__ import annotations

import contextlib
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
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from hwgen.errors import HwgenError
from tests.support.bounds import BYTES, SECONDS, TooSlow, bounded, is_line, memory

READ, REFUSED = "read", "refused"
SLOW, MEMORY, DIED, TRACEBACK = "over time", "over memory", "died", "traceback"
PRINTED, SEVERAL_LINES, CONTROL_CODES = "printed", "several lines", "control codes"

_CLOCK_SECONDS = 120.0
"""A process that takes this long on the clock waits for something."""


@dataclass(frozen=True)
class Verdict:
    """On one piece of work.

    Attributes:
        kind: READ, REFUSED, or what went wrong.
        text: what it gave, the refusal, or more about the fault.
        seconds: processor time.
        growth: bytes of memory at most, beyond what was there.
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
    """Forks a process for each piece of work.

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
        """The verdict; the work's result is its text."""
        os.ftruncate(self._printed, 0)
        os.lseek(self._printed, 0, os.SEEK_SET)
        sys.stdout.flush()
        sys.stderr.flush()
        here = memory()
        end, begin = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.close(end)
                self._work(work, begin)
            finally:
                os._exit(0)
        os.close(begin)
        content = self._answer(end, child)
        _, status, usage = os.wait4(child, 0)
        seconds = usage.ru_utime + usage.ru_stime
        growth = max(usage.ru_maxrss * _MAXRSS_UNIT - here, 0)
        kind, text = self._judged(content, status, seconds, growth)
        return Verdict(kind, text, seconds, growth)

    def _answer(self, end: int, child: int) -> bytes:
        """What the process says before it ends, or is ended."""
        parts: list[bytes] = []
        try:
            while select.select([end], [], [], _CLOCK_SECONDS)[0]:
                part = os.read(end, 1 << 16)
                if not part:
                    return b"".join(parts)
                parts.append(part)
            os.kill(child, signal.SIGKILL)
            return json.dumps([DIED, f"still waiting after {_CLOCK_SECONDS:.0f} s"]).encode()
        finally:
            os.close(end)

    def _judged(self, content: bytes, status: int, seconds: float, growth: int) -> tuple[str, str]:
        printed = os.pread(self._printed, 2000, 0).decode(errors="replace")
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL) and not content:
            return (SLOW, f"killed after {seconds:.1f} s") if seconds > self._seconds else (DIED, "killed")
        if not content:
            return DIED, f"status {os.waitstatus_to_exitcode(status)}; {printed}"
        kind, text = json.loads(content)
        if kind in (READ, REFUSED):
            if seconds > self._seconds:
                return SLOW, f"{seconds:.1f} s; {text}"
            if growth > self._growth:
                return MEMORY, f"{growth:,} bytes; {text}"
            if printed:
                return PRINTED, printed
        return kind, text

    def _work(self, work: Callable[[], str], begin: int) -> None:
        """In the process of the work."""
        for stream in (1, 2):
            os.dup2(self._printed, stream)
        raw = io.FileIO(self._printed, "w", closefd=False)
        sys.stdout = sys.stderr = io.TextIOWrapper(io.BufferedWriter(raw), errors="replace")
        limit = math.ceil(self._seconds) + self._spare
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        verdict = self._tried(work)
        sys.stdout.flush()
        with contextlib.closing(os.fdopen(begin, "wb")) as answer:
            answer.write(json.dumps(verdict).encode())

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
