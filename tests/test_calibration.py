"""Calibration folders: photographs, arrays, and what cannot be read among them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from compiler.calibration import calibration_inputs, has_arrays
from compiler.errors import ModelError
from compiler.preprocess import normalise

SHAPE = (32, 32, 3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index in range(3):
        Image.new("RGB", (40, 40), (index, 0, 0)).save(tmp_path / f"{index}.png")
    (tmp_path / "notes.txt").write_text("ignored")
    return tmp_path


def reds(inputs: list[np.ndarray]) -> list[int]:
    """The red of each frame's first pixel, 0 .. 255."""
    scale = [normalise(np.full((1, 1, 3), value, np.uint8))[0, 0, 0] for value in (0, 1)]
    return [round((frame[0, 0, 0] - scale[0]) / (scale[1] - scale[0])) for frame in inputs]


def test_sources(folder: Path) -> None:
    notes: list[str] = []
    assert reds(calibration_inputs(folder, SHAPE, notes)) == [0, 1, 2]
    assert len(calibration_inputs(folder / "1.png", SHAPE, notes)) == 1
    assert reds(calibration_inputs([folder / "1.png", str(folder / "2.png")], SHAPE, notes)) == [1, 2]
    assert notes == []


def test_a_corrupt_image_among_many_is_left_out_and_named(folder: Path) -> None:
    data = (folder / "1.png").read_bytes()
    (folder / "1.png").write_bytes(data[: len(data) // 2])
    notes: list[str] = []
    assert reds(calibration_inputs(folder, SHAPE, notes)) == [0, 2]
    assert len(notes) == 1 and notes[0].startswith(f"calibration file left out: {folder / '1.png'}: not an image")


def test_arrays(folder: Path) -> None:
    x = np.random.default_rng(0).normal(size=(1, 3, 32, 32)).astype(np.float32)
    np.save(folder / "a.npy", x)
    np.save(folder / "b.npy", x[..., :5])
    notes: list[str] = []
    frames = calibration_inputs(folder, SHAPE, notes, lambda array: array.reshape(SHAPE[2], 32, 32).transpose(1, 2, 0))
    assert len(frames) == 4 and np.array_equal(frames[3][4, 7], x[0, :, 4, 7])
    assert len(notes) == 1 and "b.npy: float32 of shape (1, 3, 32, 5); needed: one frame" in notes[0]
    assert has_arrays(folder) and not has_arrays([folder / "0.png"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "nowhere: no such image file, or folder"),
        ("none", "none: no calibration images in this folder; allowed are .bmp"),
        ("notes.txt", "notes.txt: not an image"),
        ("all", "none of the 2 calibration files can be used; the first: .*0.png: not an image"),
    ],
)
def test_nothing_to_calibrate_on(folder: Path, name: str, message: str) -> None:
    (folder / "none").mkdir()
    (folder / "all").mkdir()
    for index in range(2):
        (folder / "all" / f"{index}.png").write_bytes(b"damaged")
    with pytest.raises(ModelError, match=message) as caught:
        calibration_inputs(folder / name, SHAPE, [])
    assert "\n" not in str(caught.value)


def test_an_empty_list() -> None:
    with pytest.raises(ModelError, match="an empty list of calibration images"):
        calibration_inputs([], SHAPE, [])
