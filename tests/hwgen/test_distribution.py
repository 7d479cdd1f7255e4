"""What is distributed: the archive of sources and the wheel made of it hold every source file, below `hwgen` alone."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path, PurePosixPath

from tests.support.distribution import FOLDERS
from tests.support.paths import ROOT


def sources() -> set[str]:
    """Every file of the package by its installed name."""
    found = {path: path.relative_to(ROOT) for path in (ROOT / "hwgen").rglob("*")}
    for name in FOLDERS:
        found |= {path: Path("hwgen") / path.relative_to(ROOT) for path in (ROOT / name).rglob("*")}
    return {
        installed.as_posix() for path, installed in found.items() if path.is_file() and "__pycache__" not in path.parts
    }


def test_wheel(distributions: tuple[Path, Path]) -> None:
    names = set(zipfile.ZipFile(distributions[1]).namelist())
    assert {PurePosixPath(name).parts[0].split("-")[0] for name in names} == {"hwgen"}
    assert {name for name in names if name.startswith("hwgen/")} == sources()
    assert {"hwgen/py.typed", "hwgen/sim/models/sdram.v", "hwgen/hw/isa/config.py"} <= names


def test_archive_of_sources(distributions: tuple[Path, Path]) -> None:
    with tarfile.open(distributions[0]) as archive:
        members = archive.getmembers()
    assert not [member.name for member in members if member.issym() or member.islnk()], "links break elsewhere"
    names = {member.name.partition("/")[2] for member in members if member.isfile()}
    made = {"PKG-INFO", "setup.cfg"}
    assert {name for name in names - made if not name.startswith("hwgen.egg-info/")} == sources() | {
        "LICENSE",
        "README.md",
        "pyproject.toml",
    }
