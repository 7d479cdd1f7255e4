"""Damaged ONNX files: one line of error or a sound graph, soon and without much memory, never anything else."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hwgen.compiler.frontend.onnx import FloatModel, importer, parse
from hwgen.errors import HwgenError
from tests.support.bounds import bounded, is_line
from tests.support.make_onnx import made
from tests.support.onnx_mutation import mutate_bytes, mutate_fields
from tests.support.onnx_originals import MODELS, QUANTISED, original

MUTANTS_EACH = 400


@pytest.fixture(autouse=True)
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the net that would catch what the importer's own checks let through."""
    monkeypatch.setattr(importer, "DAMAGE", ())


def outcome(data: bytes) -> str:
    """ "graph", or the error's text."""
    try:
        with bounded(), warnings.catch_warnings():
            warnings.simplefilter("error")
            model = parse(data, "m.onnx")
            (model.graph if isinstance(model, FloatModel) else model).verify()
        text = "graph"
    except HwgenError as error:
        text = str(error)
        assert text.startswith("m.onnx: "), text
        assert is_line(text), text
    return text


@pytest.mark.parametrize("name", [*MODELS, *QUANTISED])
def test_mutants(name: str) -> None:
    """Some thousand mutants in all."""
    rng = np.random.default_rng(list(name.encode()))
    assert outcome(original(name)) == "graph"
    seen = {outcome((mutate_bytes, mutate_fields)[index % 2](original(name), rng)) for index in range(MUTANTS_EACH)}
    assert "graph" in seen and len(seen) > 20


def test_truncation() -> None:
    """A file cut anywhere."""
    data = original("squeeze")
    for length in range(0, len(data), 11):
        assert outcome(data[:length]) != "graph"


def test_every_bit_of_the_structure() -> None:
    """Every single bit flipped from the first node to the last, in a model without weights of its own."""
    data = made(lambda m, x: m.add("MaxPool", m.add("Relu", x), kernel_shape=[2, 2]), (1, 2, 4, 4)).SerializeToString()
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        outcome(bytes(changed))
