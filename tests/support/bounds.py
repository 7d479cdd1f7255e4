"""What reading one damaged file may take of this process and say: processor time and memory, enforced while it is read; one line."""

from __future__ import annotations

import contextlib
import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from hwgen.errors import printable

SECONDS = 5.0
"""Processor time of one file."""

BYTES = 1 << 30
"""Memory of one file, beyond what the process has already."""

_STATM = Path("/proc/self/statm")
_ADDRESS_SPACE, _RESIDENT = 0, 1


class TooSlow(BaseException):
    """A block took more than its processor time; no `except Exception` may hide that."""


@contextlib.contextmanager
def bounded(seconds: float = SECONDS, growth: int = BYTES) -> Iterator[None]:
    """Let a block take so much processor time, and so many bytes of address space beyond those that the process has.

    Without `/proc` (macOS) only the time is bounded.  For the main thread.

    Raises:
        TooSlow: the time is over; at the next line of Python.
        MemoryError: the memory is used up; where more is asked for.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGPROF, _too_slow)
    if _STATM.is_file():
        size = _pages(_ADDRESS_SPACE) + growth
        resource.setrlimit(resource.RLIMIT_AS, (size if soft == resource.RLIM_INFINITY else min(size, soft), hard))
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def is_line(text: str) -> bool:
    """Whether a text is one line that a terminal shows as it is, as each error's must be."""
    return "\n" not in text and "\t" not in text and printable(text) == text


def memory() -> int:
    """Bytes of memory that this process takes now; without `/proc`, that it took at most."""
    if _STATM.is_file():
        return _pages(_RESIDENT)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _pages(field: int) -> int:
    """A field of `/proc/self/statm`, bytes."""
    return int(_STATM.read_text().split()[field]) * resource.getpagesize()


def _too_slow(number: int, frame: FrameType | None) -> None:
    raise TooSlow("the file takes more processor time than it may")
