"""Damaged TensorFlow Lite files: one line of error or a sound graph, soon and without much memory, never anything else."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from hwgen.compiler.frontend import tflite
from hwgen.compiler.frontend.tflite import importer
from hwgen.errors import HwgenError
from tests.support.bounds import bounded, is_line
from tests.support.mutation import mutate
from tests.support.tflite_examples import OPERATORS, example
from tests.support.tflite_mutation import mutate_fields


@pytest.fixture(autouse=True)
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the net that would catch what the importer's own checks let through."""
    monkeypatch.setattr(importer, "DAMAGE", ())


MUTANTS_EACH = 150


def outcome(data: bytes) -> str:
    """ "graph", or the error's text."""
    try:
        with bounded():
            tflite.parse(data, "m.tflite").verify()
    except HwgenError as error:
        text = str(error)
        assert text.startswith(("m.tflite: ", "m: ")), text
        assert is_line(text), text
        return text
    return "graph"


@pytest.mark.parametrize("op", OPERATORS)
def test_mutants(op: str) -> None:
    """Thousands of mutants in all."""
    rng = np.random.default_rng(list(op.encode()))
    seen: set[str] = set()
    for index in range(MUTANTS_EACH):
        change = (mutate, mutate, mutate_fields)[index % 3]
        seen.add(outcome(change(original(op, index % 2), rng)))
    assert "graph" in seen and len(seen) > 5


@functools.cache
def original(op: str, seed: int) -> bytes:
    return example(op, seed)


@pytest.mark.parametrize("op", ["CONV_2D", "TRANSPOSE", "STRIDED_SLICE"])
def test_truncation(op: str) -> None:
    """A file cut anywhere."""
    data = example(op, 0)
    for length in range(0, len(data), 7):
        outcome(data[:length])


def test_every_bit() -> None:
    """Every single bit of the tables of one file flipped."""
    data = example("MEAN", 0)
    for bit in range(0, 8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        outcome(bytes(changed))
