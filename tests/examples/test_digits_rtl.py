"""The trained example in the RTL: every tensor and every cycle of a few images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from examples.digits import evaluate
from examples.digits.data import Digits, load
from examples.digits.networks import NETWORKS
from hwgen.sim.frame.simulate import FrameSimulator

pytest.importorskip("sklearn", reason="scikit-learn, which has the images, is not installed")
IMAGES = 2


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long) if name.startswith("mobilenet") else name for name in NETWORKS]
)
def test_digits(name: str, bench_dir: Path) -> None:
    """On its board, weights in block RAM."""
    training, test = load()
    few = Digits(test.images[:IMAGES], test.labels[:IMAGES])
    made = evaluate.quantised(name, training)
    found, clock = evaluate.planned(made.network, evaluate.BOARDS[name])
    simulator = FrameSimulator(found.program, clock, bench_dir)
    for frame, label in zip(evaluate.frames(made.network, few), few.labels, strict=True):
        one = evaluate.simulated(found, simulator, frame)
        assert one.result.mismatches == 0, one.result.tensors
        assert one.result.cycles == found.cycles
        np.testing.assert_array_equal(one.result.output, one.golden)
        assert one.digit == label
