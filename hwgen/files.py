"""Files that users name: written whole or not at all, through links and into devices, and named in errors as the user named them.

No library does all of it: click's `open_file(atomic=True)` puts what is half-written in place when writing fails, boltons' `atomic_save`
replaces links and stops for ever at what a killed run left.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from hwgen.errors import ModelError

PARTIAL = ".partial-"
"""How the name of a file begins that is not finished: a run that is killed may leave it behind."""


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let errors of the operating system in a block name `path` if they name no file (a full disk) or an unfinished one."""
    try:
        yield
    except OSError as error:
        if error.errno is None or (error.filename is not None and f"/{PARTIAL}" not in str(error.filename)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file, text in UTF-8, so that it is either whole or as it was; it keeps its mode, a new one gets the umask's.

    A link stays, and what it leads to is written; so is a device or a pipe.

    Raises:
        OSError: it cannot be written; names `path`, and what stood there is as it was.
    """
    data = content.encode() if isinstance(content, str) else content
    _replace(path, lambda file: file.write(data))


def move_file(source: Path, path: Path) -> None:
    """Move a finished file to where `write_file` would have written it.

    Raises:
        OSError: as of `write_file`; the source is still there then.
    """

    def copy(file: BinaryIO) -> None:
        with source.open("rb") as content:
            shutil.copyfileobj(content, file)

    if os.path.lexists(path):
        _replace(path, copy)
        source.unlink()
        return
    with naming(path):
        try:
            os.replace(source, path)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise OSError(error.errno, error.strerror, str(path)) from error
            _replace(path, copy)
            source.unlink()


def remove_file(path: Path) -> None:
    """Remove the regular file that a path leads to, if there is one; links and devices stay."""
    if path.is_file():
        path.resolve().unlink()


def remove_partial(folder: Path) -> None:
    """Remove the unfinished files and folders in `folder`, which nobody else may be writing to."""
    for left in folder.glob(f"{PARTIAL}*"):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def refuse_special(path: Path) -> None:
    """Refuse to read what never ends, or never begins.

    Raises:
        ModelError: `path` is a pipe, a device or a socket; it does not matter whether there is anything.
    """
    with contextlib.suppress(OSError):
        mode = path.stat().st_mode
        kinds = {
            stat.S_ISFIFO: "a named pipe",
            stat.S_ISCHR: "a device",
            stat.S_ISBLK: "a device",
            stat.S_ISSOCK: "a socket",
        }
        for found, kind in kinds.items():
            if found(mode):
                raise ModelError(
                    f"{path}: {kind}, from which nothing is read; write its content to a file and give that"
                )


def is_writable(path: Path) -> bool:
    """Whether `write_file` may write: a new file in a folder, another one's place, or a device."""
    with contextlib.suppress(OSError):
        if (mode := _mode(path)) is None:
            return os.access(path.resolve().parent, os.W_OK)
        if stat.S_ISREG(mode) and not os.access(path.resolve().parent, os.W_OK):
            return False
        return not stat.S_ISDIR(mode) and os.access(path, os.W_OK)
    return False  # a link that leads to itself, or a folder that may not be searched


def _mode(path: Path) -> int | None:
    """Kind and rights of what a path leads to; None: nothing."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _replace(path: Path, write: Callable[[BinaryIO], object]) -> None:
    with naming(path):
        mode = _mode(path)
        if mode is not None and not stat.S_ISREG(mode):
            with path.open("wb") as special:
                write(special)
            return
        if mode is not None and not os.access(path, os.W_OK):  # its folder's rights would let us
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        target = path.resolve()
        partial = target.with_name(PARTIAL + secrets.token_hex(8))
        try:
            with partial.open("xb") as file:  # with the rights that the umask leaves, unlike those of `tempfile`
                if mode is not None:
                    os.chmod(partial, stat.S_IMODE(mode))
                write(file)
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)
