"""What the quantiser measures ranges on: photographs, or arrays of the network's own input."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import overload

import numpy as np

from hwgen.compiler.frontend.images import SUFFIXES, fitted_image, normalise, read_array
from hwgen.errors import ModelError

ARRAY = ".npy"
Frame = Callable[[np.ndarray], np.ndarray]

MOST_KEPT = 1 << 24
"""Elements of inputs that stay in memory, 128 MB; the files of those behind are read anew each time."""


class Inputs(Sequence[np.ndarray]):
    """Real inputs from files, float64 [height, width, channels] each: a folder of any size takes a bounded memory.

    Parameters:
        read: the input of a file; ModelError if it cannot be used.
    """

    def __init__(self, read: Callable[[Path], np.ndarray]) -> None:
        self._read = read
        self._paths: list[Path] = []
        self._kept: list[np.ndarray] = []
        self._elements = 0

    def add(self, path: Path) -> None:
        """Read a file and take it in; ModelError if it cannot be used."""
        values = self._read(path)
        if len(self._kept) == len(self._paths) and self._elements + values.size <= MOST_KEPT:
            self._kept.append(values)
            self._elements += values.size
        self._paths.append(path)

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> list[np.ndarray]: ...
    def __getitem__(self, index: int | slice) -> np.ndarray | list[np.ndarray]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        return self._kept[number] if number < len(self._kept) else self._read(self._paths[number])


def calibration_inputs(
    source: str | Path | Sequence[str | Path], shape: tuple[int, ...], notes: list[str], frame: Frame | None = None
) -> Inputs:
    """Real inputs [height, width, channels] of `shape` from a folder, a file or a list of files.

    Photographs are normalised; `.npy` arrays are taken as they are, brought into place by `frame` (None: by their row-major
    order).  A file among several that cannot be read is left out, and named in `notes`.

    Raises:
        ModelError: nothing is there, or none of it can be read.
    """
    paths = calibration_files(source)
    inputs = Inputs(lambda path: _read(path, shape, frame))
    skipped: list[str] = []
    for path in paths:
        try:
            inputs.add(path)
        except ModelError as error:
            if len(paths) == 1:
                raise
            skipped.append(str(error))
    if not inputs:
        raise ModelError(f"none of the {len(paths)} calibration files can be used; the first: {skipped[0]}")
    notes += [f"calibration file left out: {text}" for text in skipped]
    return inputs


def has_arrays(source: str | Path | Sequence[str | Path]) -> bool:
    """Whether arrays are among the files, so that the range of pictures does not bound the input."""
    return any(path.suffix.lower() == ARRAY for path in calibration_files(source))


def calibration_files(source: str | Path | Sequence[str | Path]) -> list[Path]:
    """The files that are meant, none of them read; ModelError where there are none."""
    if not isinstance(source, str | Path):
        if not source:
            raise ModelError("an empty list of calibration images; give at least one, or none for synthetic ones")
        return [Path(entry) for entry in source]
    path = Path(source)
    if not path.is_dir():
        if not path.exists():
            raise ModelError(f"{path}: no such image file, or folder of calibration images")
        return [path]
    try:
        entries = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in (*SUFFIXES, ARRAY))
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from None
    if not entries:
        raise ModelError(f"{path}: no calibration images in this folder; allowed are {', '.join((*SUFFIXES, ARRAY))}")
    return entries


def _read(path: Path, shape: tuple[int, ...], frame: Frame | None) -> np.ndarray:
    if path.suffix.lower() != ARRAY:
        return normalise(fitted_image(path, shape))
    array = read_array(path)
    if array.dtype.kind not in "fiu" or array.size != np.prod(shape) or not np.isfinite(array).all():
        raise ModelError(
            f"{path}: {array.dtype} of shape {array.shape}; needed: one frame of finite numbers, height x width x channels "
            f"{'x'.join(map(str, shape))}, in the order of the model's input"
        )
    real = array.astype(np.float64)
    return real.reshape(shape) if frame is None else frame(real)
