"""What the command line shows while a job runs, on standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hwgen.errors import printable
from hwgen.flow.progress import Progress, State

if TYPE_CHECKING:
    import rich.progress

_PAUSE_S = 30
"""Between two signs of life of a step in a log, which does not want every line."""


class Console:
    """A listener that shows which step is running: a spinner on a terminal, a line where a step begins and ends elsewhere.

    Parameters:
        lasting: False: nothing but the spinner, of which nothing stays; for commands that print a result within a minute.
    """

    def __init__(self, *, lasting: bool = True) -> None:
        self._say = _say if lasting else _say_nothing
        self._spinner: rich.progress.Progress | None = None
        self._told = 0.0

    def __call__(self, progress: Progress) -> None:
        """Show a piece of news."""
        terminal = sys.stderr.isatty()
        match progress.state:
            case State.BEGUN if terminal:
                self._spin(progress.step)
            case State.BEGUN:
                self._told = 0.0
                self._say(progress)
            case State.NEWS if self._spinner is not None:
                self._spinner.update(
                    self._spinner.task_ids[0], description=printable(f"{progress.step}: {progress.text}")
                )
            case State.NEWS if progress.seconds - self._told > _PAUSE_S:
                self._told = progress.seconds
                self._say(progress)
            case State.DONE | State.FAILED:
                if self._spinner is not None:
                    self._spinner.stop()
                    self._spinner = None
                if progress.state is State.DONE:
                    self._say(progress)
            case State.NOTE:
                self._say(progress)

    def _spin(self, title: str) -> None:
        import rich.progress
        from rich.console import Console as Terminal
        from rich.table import Column

        text = Column(no_wrap=False, overflow="fold")  # all of it, on several lines where the terminal is narrow
        columns = (
            rich.progress.SpinnerColumn(),
            rich.progress.TimeElapsedColumn(),
            rich.progress.TextColumn("{task.description}", markup=False, table_column=text),
        )
        self._spinner = rich.progress.Progress(*columns, console=Terminal(stderr=True), transient=True)
        self._spinner.add_task(title)
        self._spinner.start()


def _say(progress: Progress) -> None:
    print(progress, file=sys.stderr, flush=True)


def _say_nothing(progress: Progress) -> None:
    pass
