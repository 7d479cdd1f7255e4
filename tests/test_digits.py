"""The trained example: accuracy of float and int8, room on the smallest part."""

from __future__ import annotations

import numpy as np
import pytest

from compiler.program.check import check_program
from examples.digits import evaluate
from examples.digits.data import Digits, load
from examples.digits.networks import NETWORKS

pytest.importorskip("sklearn", reason="scikit-learn, which has the images, is not installed")


@pytest.fixture(scope="module")
def digits() -> tuple[Digits, Digits]:
    return load()


def test_files() -> None:
    """What was trained is what the definitions say, in small files."""
    for name, network in NETWORKS.items():
        file = evaluate.FOLDER / f"digits_{name}.graph"
        assert file.read_text() == f"{network()}\n"
        assert file.with_suffix(".npz").stat().st_size < 300_000


def test_sets(digits: tuple[Digits, Digits]) -> None:
    training, test = digits
    assert (len(training.labels), len(test.labels)) == (1437, 360)
    assert not {image.tobytes() for image in training.images} & {image.tobytes() for image in test.images}
    assert np.bincount(test.labels).min() >= 34


@pytest.mark.parametrize("name", NETWORKS)
def test_accuracy(name: str, digits: tuple[Digits, Digits]) -> None:
    training, test = digits
    made = evaluate.quantised(name, training)
    exact = evaluate.float_accuracy(made, test)
    assert exact >= 0.97
    assert abs(evaluate.int8_accuracy(made.network, test) - exact) <= 0.01


@pytest.mark.parametrize("name", NETWORKS)
def test_smallest_part(name: str, digits: tuple[Digits, Digits]) -> None:
    """The ULX3S 12F holds weights, parameters and program in block RAM."""
    made = evaluate.quantised(name, digits[0])
    found, _ = evaluate.planned(made.network)
    assert found.on_chip and found.part.name == "LFE5U-12F"
    assert found.resources.ebr <= 56 and found.resources.dsp <= 28
    check_program(found.lowered, found.fit.steps, found.program)
