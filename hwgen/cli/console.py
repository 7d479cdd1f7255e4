"""What the command line shows: progress on standard error, results on standard output."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator


class Console:
    """Shows which step is running: a spinner on a terminal, one line a step elsewhere.

    Parameters:
        quiet: show nothing.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """Show `title` while the block runs; the block gets a function that tells what it is doing."""
        if self.quiet:
            yield lambda text: None
            return
        start = time.monotonic()
        if sys.stderr.isatty():
            from rich.console import Console as Terminal
            from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
            with Progress(*columns, console=Terminal(stderr=True), transient=True) as progress:
                task = progress.add_task(title)
                yield lambda text: progress.update(task, description=f"{title}: {text}")
        else:
            self.say(f"{title} ...")
            last = start

            def tell(text: str) -> None:
                nonlocal last
                if time.monotonic() - last > 30:  # a log wants signs of life, not every line
                    last = time.monotonic()
                    self.say(f"{title}: {text} ({last - start:.0f} s)")

            yield tell
        self.say(f"{title}: done in {time.monotonic() - start:.1f} s")

    def say(self, text: str) -> None:
        """Print a line about progress."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)
