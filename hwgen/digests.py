"""Digests of texts, files and the project's own sources, by which results are known again."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path


def digest(*parts: str | bytes) -> str:
    """SHA-256 of some texts, in hexadecimal digits."""
    state = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little") + data)
    return state.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content; empty when there is no such file."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def source_digest(*packages: str) -> str:
    """SHA-256 of the Python sources of some of the project's packages: a changed generator makes other RTL."""
    root = Path(__file__).resolve().parent
    files = sorted(path for package in packages for path in (root / package).rglob("*.py"))
    return digest(*(part for path in files for part in (str(path.relative_to(root)), path.read_bytes())))
