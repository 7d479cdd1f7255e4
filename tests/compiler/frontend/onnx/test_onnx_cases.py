"""Small models from public reports: the right value, or a refusal that names node and remedy; none is silently wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hwgen
from hwgen.compiler.frontend import onnx
from hwgen.compiler.int8.graph import QGraph
from hwgen.errors import HwgenError
from hwgen.flow import onnx_check
from hwgen.flow.agreement import compare
from hwgen.sim import golden
from tests.support.cases import WHY, seen
from tests.support.paths import CASES

WRONG = ("WRONG NUMBERS", "memory")
"""What the table says of those that gave a wrong value or took too much."""

INTERNAL = ("is unsound", "leave float32", "activations of type", "in blocks or in", "Traceback", "contradicts itself")
"""Words that told users nothing."""


TABLE = seen(".onnx")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.skipif(not TABLE, reason=WHY)
@pytest.mark.parametrize("name", sorted(TABLE))
def test_right_or_refused(name: str) -> None:
    """The float network as the reference, an int8 one within a step."""
    recorded = np.load(CASES / f"{Path(name).stem}.npz")
    try:
        model = onnx.load(CASES / name)
    except HwgenError as error:
        text = str(error)
        assert "\n" not in text and text.isprintable() and not any(word in text for word in INTERNAL), text
        assert "; nearest: " in text or "; needed: " in text or "exactly one output" in text, text
        return
    assert onnx_check.check(CASES / name) == ()
    expected = recorded["y_0"]
    if isinstance(model, QGraph):
        found = golden.predict(model, recorded["x"])
        assert found.shape == expected.shape and np.abs(found - expected).max() <= 1.01 * model.result.scale
    else:
        found = model.predict(recorded["x"])
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.skipif(not TABLE, reason=WHY)
@pytest.mark.parametrize("name", [name for name, text in sorted(TABLE.items()) if text.startswith(WRONG)])
def test_what_was_wrong_is_right(name: str, tmp_path: Path) -> None:
    """As users run it, calibrated on its input."""
    recorded = np.load(CASES / f"{Path(name).stem}.npz")
    np.save(tmp_path / "x.npy", recorded["x"])
    network = hwgen.load(CASES / name, hwgen.NetworkOptions(calibrate=tmp_path / "x.npy"))
    result = hwgen.predict(network, recorded["x"])
    assert result.shape == recorded["y_0"].shape
    ratio = compare(recorded["y_0"], result.output).snr_db
    assert ratio is not None and ratio > 30
    assert result.agreement is not None and result.agreement.snr_db == pytest.approx(ratio, abs=0.1)
