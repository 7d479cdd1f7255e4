"""A damaged file from its number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.fuzz.originals import SMALL_FILE, originals, with_checksums
from tests.support import onnx_mutation, tflite_mutation
from tests.support.mutation import cut, mutate, mutate_text, resize_text

KINDS = {".tflite": 40, ".onnx": 30, ".graph": 8, ".png": 14, ".npy": 3, ".npz": 3, ".safetensors": 2}
"""Shares of the kinds of files, per cent."""


@dataclass(frozen=True)
class Damaged:
    """A file.

    Attributes:
        kind: its suffix; all pictures have .png, whatever they are.
        content: of it.
        small: whether what it was made of is a small one.
    """

    kind: str
    content: bytes
    small: bool


def damaged(number: int, kinds: tuple[str, ...] = tuple(KINDS)) -> Damaged:
    """The file of a number, of one of some kinds."""
    rng = np.random.default_rng([number, 3])
    shares = np.cumsum([KINDS[kind] for kind in kinds])
    kind = kinds[int(np.searchsorted(shares, rng.integers(shares[-1]), side="right"))]
    makers = originals(kind)
    original = makers[int(rng.integers(len(makers)))]()
    return Damaged(kind, _changed(kind, original, rng), len(original) <= SMALL_FILE)


def _changed(kind: str, data: bytes, rng: np.random.Generator) -> bytes:
    """Fields changed in most cases, else bytes; now and then the end is missing too."""
    if rng.integers(20) == 0:
        return cut(data, rng)
    fields = rng.integers(3) > 0
    if kind == ".tflite":
        return tflite_mutation.mutate_fields(data, rng) if fields else mutate(data, rng)
    if kind == ".onnx":
        return onnx_mutation.mutate_fields(data, rng) if fields else onnx_mutation.mutate_bytes(data, rng)
    if kind == ".graph" and fields:
        return mutate_text(data, rng) if rng.integers(3) else resize_text(data, rng)
    changed = mutate(data, rng)
    if data.startswith(b"\x89PNG") and fields:
        return with_checksums(changed)
    return changed
