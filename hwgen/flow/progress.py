"""What a long job tells while it runs: to any callable, `print` among them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from hwgen.errors import printable


class State(Enum):
    """What has happened to a step."""

    BEGUN = "begun"
    NEWS = "news"
    DONE = "done"
    FAILED = "failed"
    NOTE = "note"


@dataclass(frozen=True)
class Progress:
    """One piece of news.

    Attributes:
        step: of the job, e.g. "plan" or "place and route"; empty for a note.
        state: what has happened to it; a NOTE is a remark beside the steps.
        text: what the step is doing, or the remark.
        seconds: since the step began.
    """

    step: str
    state: State
    text: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        match self.state:
            case State.NOTE:
                return printable(self.text)
            case State.BEGUN:
                return f"{self.step} ..."
            case State.NEWS:
                return f"{self.step}: {printable(self.text)} ({self.seconds:.0f} s)"
            case State.DONE:
                return f"{self.step}: done in {self.seconds:.1f} s"
            case State.FAILED:
                return f"{self.step}: failed after {self.seconds:.1f} s"


Listener = Callable[[Progress], None]
"""Is called with each piece of news, in the job's own thread; what it raises ends the job."""


def note(listener: Listener | None, text: str) -> None:
    """Tell a remark."""
    if listener is not None:
        listener(Progress("", State.NOTE, text))


@contextlib.contextmanager
def step(listener: Listener | None, title: str) -> Iterator[Callable[[str], None]]:
    """Tell that a step begins and how it ends; the block gets a function that tells what it is doing."""
    start = time.monotonic()

    def tell(state: State, text: str = "") -> None:
        if listener is not None:
            listener(Progress(title, state, text, time.monotonic() - start))

    tell(State.BEGUN)
    try:
        yield lambda text: tell(State.NEWS, text)
    except BaseException:
        tell(State.FAILED)
        raise
    tell(State.DONE)
