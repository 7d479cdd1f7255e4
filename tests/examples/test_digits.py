"""The trained example: accuracy of float and int8, room on small parts."""

from __future__ import annotations

import numpy as np
import pytest

from examples.digits import evaluate
from examples.digits.data import Digits, load
from examples.digits.networks import NETWORKS
from hwgen.compiler.program.check import check_program
from hwgen.errors import ResourceError

pytestmark = pytest.mark.plan

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


@pytest.mark.parametrize(
    ("name", "part", "ebr", "dsp"), [("shufflenet_v2", "12F", 56, 28), ("mobilenet_v3", "45F", 108, 72)]
)
def test_smallest_part(name: str, part: str, ebr: int, dsp: int, digits: tuple[Digits, Digits]) -> None:
    """The part holds weights, parameters and program in block RAM."""
    made = evaluate.quantised(name, digits[0])
    found, _ = evaluate.planned(made.network, evaluate.BOARDS[name])
    assert found.on_chip and found.part.name == f"LFE5U-{part}"
    assert found.resources.ebr <= ebr and found.resources.dsp <= dsp
    check_program(found.lowered, found.fit.steps, found.program)


def test_mobilenet_v3_needs_more_than_the_12f(digits: tuple[Digits, Digits]) -> None:
    """So it is not tried: nextpnr would look for legal places in vain."""
    made = evaluate.quantised("mobilenet_v3", digits[0])
    with pytest.raises(ResourceError, match=r"needs about \d+ LUT of 24288, of which 90 % can be used.*larger part"):
        evaluate.planned(made.network, "ulx3s-12f")
