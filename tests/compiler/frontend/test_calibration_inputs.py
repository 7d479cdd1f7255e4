"""Inputs for calibration: a folder of any size takes a bounded memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.compiler.frontend import calibration
from hwgen.compiler.frontend.calibration import Inputs, calibration_inputs
from hwgen.errors import ModelError

SHAPE = (4, 4, 3)


def folder(path: Path, count: int) -> list[np.ndarray]:
    arrays = [np.full(SHAPE, i, np.float32) for i in range(count)]
    for i, array in enumerate(arrays):
        np.save(path / f"{i:03}.npy", array)
    return arrays


def test_all_of_a_folder_in_order(tmp_path: Path) -> None:
    arrays = folder(tmp_path, 5)
    found = calibration_inputs(tmp_path, SHAPE, [])
    assert len(found) == 5
    for one, array in zip(found, arrays, strict=True):
        np.testing.assert_array_equal(one, array)
    assert [one[0, 0, 0] for one in found[1:4]] == [1, 2, 3] and found[-1][0, 0, 0] == 4
    with pytest.raises(IndexError):
        found[5]


def test_only_so_many_stay_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of nine files three stay; the others are read again each time they are wanted."""
    monkeypatch.setattr(calibration, "MOST_KEPT", 3 * 48 + 1)
    read: list[str] = []

    def reading(path: Path) -> np.ndarray:
        read.append(path.name)
        return np.load(path)

    folder(tmp_path, 9)
    found = Inputs(reading)
    for path in sorted(tmp_path.iterdir()):
        found.add(path)
    assert len(read) == 9
    assert [one[0, 0, 0] for one in found] == list(range(9))
    assert len(read) == 15 and read[9] == "003.npy"


def test_a_file_that_is_gone_later_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "MOST_KEPT", 0)
    folder(tmp_path, 2)
    found = calibration_inputs(tmp_path, SHAPE, [])
    (tmp_path / "001.npy").unlink()
    with pytest.raises(ModelError, match=r"001\.npy: no such file"):
        found[1]
