"""Grouped convolutions with channel shuffles and sums: the same values in fewer passes and shorter sums."""

from __future__ import annotations

import numpy as np
import pytest

from hwgen.compiler.frontend.images import quantise_pixels, synthetic_images
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.legalise import legalise
from hwgen.compiler.lower.lower import lower
from hwgen.hw.isa.descriptor import FeedMode
from hwgen.sim import golden
from tests.support.int8_networks import load_network

RESOLUTION = 32


@pytest.fixture(scope="module", params=[2, 3, 4, 8])
def graph(request: pytest.FixtureRequest) -> QGraph:
    return load_network(
        "shufflenet_v1", NetworkOptions(width=0.5, resolution=RESOLUTION, classes=10, groups=request.param)
    )


def test_same_values(graph: QGraph) -> None:
    image = quantise_pixels(synthetic_images(1, RESOLUTION, 3)[0], graph.tensors[graph.input])
    legal = legalise(graph)
    before, after = golden.run(graph, image), golden.run(legal, image)
    common = before.keys() & after.keys()
    assert {"stage2.3", "stage3.7", "stage4.3", "fc"} <= common
    for name in common:
        np.testing.assert_array_equal(after[name], before[name], name)


def test_no_pass_only_shuffles() -> None:
    """ShuffleNet v1 with three groups: every pass of the array but the stem's and the first 1x1's is a third of a convolution, sums are
    taken in the passes of the last one of each unit, and what the shuffle spreads over the groups is read in three pieces.
    """
    lowered = lower(
        legalise(load_network("shufflenet_v1", NetworkOptions(width=1.0, resolution=RESOLUTION, classes=10, groups=3)))
    )
    array = [item for item in lowered.passes if item.array_node is not None]
    assert len(array) == 2 + 3 + 3 * 2 * 15 + 1
    combined = [item for item in array if item.combine is not None]
    assert len(combined) == 3 * 13 and all(item.combine is not None and item.combine.inner for item in combined)
    pieces = [item for item in array if item.mode == FeedMode.TAP and ".conv3" in item.name and "2.0" not in item.name]
    assert pieces and all(item.outer == 3 for item in pieces)
    for item in pieces:
        assert item.array_node is not None and item.weights is not None
        groups_inputs = {"stage2": 20, "stage3": 40, "stage4": 80}[item.name[:6]]
        assert item.depth <= groups_inputs + 4
        assert item.macs == item.height * item.width * item.weights.size
