"""Folders for the time of a run, in a folder that many runs share; those of runs that were killed are removed by the next one."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

_ALIVE = "alive.lock"
"""File in such a folder; the system frees its lock with the process."""


@contextlib.contextmanager
def scratch_folder(parent: Path, prefix: str, *, keep_failed: bool = False) -> Iterator[Path]:
    """A new folder in `parent` for a block, removed behind it; with `keep_failed` it stays when the block fails, unless interrupted.

    Folders whose names begin with `prefix` are of runs of this kind alone.
    """
    parent.mkdir(parents=True, exist_ok=True)
    with FileLock(parent / f"{prefix}scratch.lock"):
        for left in parent.glob(f"{prefix}*/{_ALIVE}"):
            _remove_abandoned(left)
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        alive = FileLock(folder / _ALIVE)
        alive.acquire()
    kept = False
    try:
        yield folder
    except Exception:
        kept = keep_failed
        raise
    finally:
        if kept:
            (folder / _ALIVE).unlink(missing_ok=True)  # what was kept on purpose is not abandoned
        alive.release()
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(alive: Path) -> None:
    with contextlib.suppress(OSError, Timeout), FileLock(alive, blocking=False):
        shutil.rmtree(alive.parent, ignore_errors=True)
