"""Builds what is distributed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT

FOLDERS = ("boards", "compiler", "hw", "sim")
"""Are linked into `hwgen/`."""


def distribute(folder: Path) -> tuple[Path, Path]:
    """The archive of sources and the wheel built of what it unpacks to, from a copy of the checkout's files in `folder`."""
    copy = folder / "checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("hwgen", *FOLDERS):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(copy)]
    subprocess.run(command, check=True, capture_output=True)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel
