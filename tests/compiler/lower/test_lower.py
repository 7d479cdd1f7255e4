"""Logical passes of networks."""

import dataclasses

import numpy as np
import pytest

from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QConv, QSlice, QTensor
from hwgen.compiler.lower.lower import lower
from hwgen.compiler.lower.passes import Lowered, Placement, View
from hwgen.errors import UnsupportedOpError
from hwgen.hw.isa.descriptor import FeedMode, WindowOp
from tests.support.int8_networks import load_network


@pytest.fixture(scope="module")
def graph() -> QGraph:
    return load_network("shufflenet_v2", NetworkOptions(width=1.0, resolution=64, classes=10))


@pytest.fixture(scope="module")
def lowered(graph: QGraph) -> Lowered:
    return lower(graph)


def test_every_unit_takes_two_or_three_passes(lowered: Lowered) -> None:
    # stem, pool, three first units of three passes, thirteen others of two, conv5, global pool, fully connected
    assert len(lowered.passes) == 2 + 3 * 3 + 13 * 2 + 3
    assert [item.mode for item in lowered.passes[:3]] == [FeedMode.TAP, FeedMode.WINDOW, FeedMode.WINDOW]
    assert lowered.passes[1].op == WindowOp.MAX and lowered.passes[1].to_rows and lowered.passes[1].fill == -128
    assert lowered.passes[-2].mode == FeedMode.SUM and lowered.passes[-2].whole


def test_first_unit_writes_its_halves_alternately(lowered: Lowered) -> None:
    left, middle, right = lowered.passes[2:5]
    assert (left.output, right.output) == (Placement("stage2.0", 0, 2), Placement("stage2.0", 1, 2))
    assert left.operand is None and right.operand is None
    assert middle.output == Placement("stage2.0.branch2.0") and middle.mode == FeedMode.TAP


def test_other_units_skip_foreign_channels_and_merge(lowered: Lowered) -> None:
    pointwise, merge = lowered.passes[5:7]
    assert pointwise.input == View("stage2.0", 58, 58)
    # Channel 58 is byte 2 of word 7; bytes 2..59 lie in 8 words.
    assert (pointwise.first_byte, pointwise.words, pointwise.inner, pointwise.outer) == (2, 8, 58, 1)
    assert merge.operand == View("stage2.0", 0, 58) and merge.identity == "stage2.1.identity"
    assert merge.output == Placement("stage2.1", 1, 2)


def test_taps_of_a_convolution_of_stride_1() -> None:
    """A 3x3 convolution of 3 channels, stride 1: a word per pixel, nine loops of three bytes."""
    rng = np.random.default_rng(0)
    conv = make_conv(rng.integers(-9, 9, (5, 3, 3, 3)).astype(np.int8), Window((3, 3), (1, 1), (1, 1, 1, 1)))
    result = lower(network(conv, (6, 6, 3), (6, 6, 5)))
    assert not result.unpack and result.buffers["x"].pixel_words == 1
    item = result.passes[0]
    assert (item.inner, item.outer, item.outer_stride, item.words) == (3, 9, 8, 1)
    assert item.weights is not None and np.array_equal(item.weights, conv.weights.reshape(5, 27))


@pytest.mark.parametrize(
    ("kernel", "left", "words", "first_byte", "right"), [(3, 1, 2, 4, 1), (3, 0, 2, 0, 1), (5, 2, 3, 0, 1)]
)
def test_folded_columns_read_the_same_pixels(kernel: int, left: int, words: int, first_byte: int, right: int) -> None:
    """The K loop over the folded words gives the convolution's sums."""
    rng = np.random.default_rng(1)
    weights = rng.integers(-9, 9, (4, 3, kernel, 3)).astype(np.int8)
    window = Window((3, kernel), (2, 2), (1, 1, left, right))
    shape = (8, 12, 3)
    height, width = window.output_size(8, 12)
    conv = make_conv(weights, window)
    result = lower(network(conv, shape, (height, width, 4)))
    item = result.passes[0]
    assert result.unpack and (item.window.kernel[1], item.first_byte) == (words, first_byte)
    image = rng.integers(-128, 128, shape).astype(np.int64)
    memory = np.zeros((8, 6, 8), np.int64)  # two pixels in a word of 8 bytes
    memory[:, :, 0:3], memory[:, :, 4:7] = image[:, 0::2], image[:, 1::2]
    memory[:, :, [3, 7]] = 99  # what lies in the gaps must not count
    padded = np.pad(memory, ((2, 4), (4, 8), (0, 0)))
    taps = window.taps(image, 0)
    want = np.sum([tap @ weights[:, i // kernel, i % kernel].T.astype(np.int64) for i, tap in enumerate(taps)], axis=0)
    assert item.weights is not None
    for y in range(height):
        for x in range(width):
            sums = np.zeros(4, np.int64)
            for ky in range(item.outer):
                row = padded[2 + y * 2 - 1 + ky]
                first = 4 + x - item.window.padding[2]
                octets = row[first : first + words].ravel()[item.first_byte : item.first_byte + item.inner]
                sums += item.weights[:, ky * item.inner : (ky + 1) * item.inner].astype(np.int64) @ octets
            assert np.array_equal(sums, want[y, x])


def make_conv(weights: np.ndarray, window: Window, groups: int = 1) -> QConv:
    channels = len(weights)
    return QConv(
        "conv",
        "x",
        "y",
        weights,
        np.zeros(channels, np.int32),
        np.full(channels, 1 << 30),
        np.full(channels, 5),
        window,
        groups,
        0,
        0,
        -128,
        127,
    )


def network(conv: QConv, x: tuple[int, int, int], y: tuple[int, int, int]) -> QGraph:
    return QGraph("tiny", {"x": QTensor("x", x, 1.0, 0), "y": QTensor("y", y, 1.0, 0)}, [conv], "x", "y")


def test_all_problems_are_listed(graph: QGraph) -> None:
    big = make_conv(np.ones((8, 16, 1, 8), np.int8), Window((16, 1), (1, 1)))
    with pytest.raises(
        UnsupportedOpError, match=r"conv: kernel \(16, 1\) .*nearest: at most 15 rows and columns, 127 taps"
    ):
        lower(network(big, (19, 9, 8), (4, 9, 8)))
    grouped = make_conv(np.ones((8, 1, 1, 4), np.int8), Window(), groups=2)
    dilated = dataclasses.replace(
        make_conv(np.ones((8, 3, 3, 8), np.int8), Window((3, 3), (8, 1), dilation=(16, 2))),
        name="d",
        input="y",
        output="z",
    )
    two = network(grouped, (5, 5, 8), (5, 5, 8))
    two.tensors["z"] = QTensor("z", (1, 1, 8), 1.0, 0)
    two.nodes.append(dilated)
    two.output = "z"
    with pytest.raises(
        UnsupportedOpError,
        match=r"conv: 2 groups.*d: kernel.*dilation \(16, 2\).*d: stride \(8, 1\); nearest: at most 7",
    ):
        lower(two)
    depthwise = make_conv(np.ones((8, 3, 3, 1), np.int8), Window((3, 3), (1, 1), (1, 1, 1, 1)), groups=8)
    halves = network(depthwise, (5, 5, 12), (5, 5, 8))
    halves.tensors["s"] = QTensor("s", (5, 5, 8), 1.0, 0)
    halves.nodes = [QSlice("slice", "x", "s", 4, 8), dataclasses.replace(depthwise, input="s")]
    with pytest.raises(UnsupportedOpError, match="must begin with a channel divisible by 8, not 4"):
        lower(halves)
