"""Weights and parameters in the order of the core's memories."""

import dataclasses

import numpy as np
import pytest

from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.int8.nodes import QConv, QMean
from hwgen.compiler.lower.array_steps import in_steps
from hwgen.compiler.lower.lower import lower
from hwgen.compiler.tiling.crossings import crossings
from hwgen.compiler.tiling.stripes import FusionGroup, Step, build_steps, split_channels
from hwgen.compiler.weight_schedule.packing import _parameter_bytes, array_parameters, weight_words, window_words
from hwgen.errors import ModelError
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import ChannelParameters
from tests.support.int8_networks import load_network

COLS, LANES = 12, 4


@pytest.fixture(scope="module")
def steps() -> list[Step]:
    lowered = lower(load_network("shufflenet_v2", NetworkOptions(width=0.5, resolution=64, classes=10)))
    groups = [
        FusionGroup(*item, (lowered.passes[item[1] - 1].height,)) for item in crossings(lowered).natural_groups(1)
    ]
    conv5 = next(item for item in lowered.passes if item.name == "conv5.0")
    return build_steps(lowered, groups, {"conv5.0": split_channels(conv5, COLS, 40)})


def find(steps: list[Step], name: str) -> list[Step]:
    return [step for step in steps if step.source.name == name]


def test_columns_alternate_between_the_halves_of_a_chunk(steps: list[Step]) -> None:
    step = find(steps, "conv5.0")[1]
    conv = step.source.array_node
    assert conv is not None and step.first_channel == 348
    words = weight_words(step, CoreConfig(cols=COLS)).view(np.int8)
    depth = conv.in_channels
    assert words.shape == (ceil_div(step.channels, COLS) * depth, COLS)
    for chunk, k, column in ((0, 0, 0), (0, 7, 1), (3, depth - 1, 4), (5, 2, 11)):
        channel = chunk * COLS + column // 2 + (COLS // 2 if column % 2 else 0)
        assert words[chunk * depth + k, column] == conv.weights[step.first_channel + channel, 0, 0, k]


def test_missing_channels_have_zero_weights(steps: list[Step]) -> None:
    (step,) = find(steps, "fc")  # 10 channels in a chunk of 12
    words = weight_words(step, CoreConfig(cols=COLS))
    assert not words[:, [9, 11]].any() and words[:, [0, 7, 8]].any()


def test_parameters_of_a_channel(steps: list[Step]) -> None:
    step = find(steps, "conv5.0")[0]
    conv = step.source.array_node
    assert conv is not None
    packed = array_parameters(step)
    for channel in (0, 5, 347):
        fields = ChannelParameters.from_bits(int.from_bytes(packed[channel].tobytes(), "little"))
        assert (fields.bias, fields.multiplier, fields.shift, fields.unused) == (
            int(conv.folded_bias[channel]),
            int(conv.multiplier[channel]),
            int(conv.shift[channel]),
            0,
        )


@pytest.mark.parametrize("look_up", [False, True])
def test_every_bit_of_the_parameters(look_up: bool) -> None:
    rng = np.random.default_rng(2)
    shift = np.arange(32)
    bias = np.concatenate([[-(1 << 31), (1 << 31) - 1, -1, 0], rng.integers(-(1 << 31), 1 << 31, 28)]).astype(np.int32)
    multiplier = np.concatenate([[0, (1 << 31) - 1], rng.integers(1 << 30, 1 << 31, 30)])
    packed = _parameter_bytes(bias, multiplier, shift, look_up)
    assert packed.shape == (32, 9)
    for channel, row in enumerate(packed):
        fields = ChannelParameters.from_bits(int.from_bytes(row.tobytes(), "little"))
        assert (fields.bias, fields.multiplier, fields.shift) == (bias[channel], multiplier[channel], channel)
        assert fields.unused == look_up


@pytest.mark.parametrize(("low", "high"), [(-1, 31), (0, 32)])
def test_one_shift_of_many_is_wrong(low: int, high: int) -> None:
    nothing = np.zeros(3, np.int64)
    with pytest.raises(ModelError, match=f"shifts must be 0..31, not {low}..{high}"):
        _parameter_bytes(nothing, nothing, np.array([5, low, high]), False)


def test_window_words_of_a_subgroup(steps: list[Step]) -> None:
    step = find(steps, "stage2.1.branch2.5")[0]
    conv = step.source.window_node
    assert isinstance(conv, QConv) and conv.in_channels == 24
    words = window_words(step, LANES)
    assert words is not None and words.shape == (6 * 8, 9)
    subgroup = words[2 * 8 : 3 * 8]
    taps = subgroup[:4].ravel().view(np.int8).reshape(9, LANES)
    assert np.array_equal(taps, conv.weights[8:12].reshape(LANES, 9).T)
    fields = ChannelParameters.from_bits(int.from_bytes(subgroup[4 + 3].tobytes(), "little"))
    assert fields.bias == int(conv.folded_bias[11])


def test_global_pool_divides(steps: list[Step]) -> None:
    (step,) = find(steps, "pool")
    words = window_words(step, LANES)
    assert words is not None and not words[:4].any()
    fields = ChannelParameters.from_bits(int.from_bytes(words[4].tobytes(), "little"))
    node = step.source.window_node
    assert isinstance(node, QMean) and node.count == 4
    assert (fields.bias, fields.multiplier, fields.shift) == (
        512,
        node.multiplier,
        node.shift,
    )  # 4 times zero point -128
    assert window_words(find(steps, "maxpool")[0], LANES) is None


@pytest.mark.parametrize(("shift", "wrong"), [(31, False), (32, True), (0, False), (-1, True)])
def test_shifts_fit_their_five_bits(steps: list[Step], shift: int, wrong: bool) -> None:
    step = find(steps, "conv5.0")[1]
    conv = step.source.array_node
    assert conv is not None
    shifted = dataclasses.replace(conv, shift=np.full_like(conv.shift, shift))
    changed = dataclasses.replace(step, source=dataclasses.replace(step.source, array_node=shifted))
    if wrong:
        with pytest.raises(ModelError, match=rf"shifts must be 0..31, not {shift}..{shift}"):
            array_parameters(changed)
    else:
        array_parameters(changed)


def test_two_steps_of_a_cycle_in_a_word() -> None:
    """The even step's bytes, then the odd one's; the bias takes off the weights' products, as far as it has bits."""
    lowered = lower(load_network("shufflenet_v2", NetworkOptions(width=0.5, resolution=64, classes=10)))
    groups = [
        FusionGroup(*item, (lowered.passes[item[1] - 1].height,)) for item in crossings(lowered).natural_groups(1)
    ]
    (one,), (two,) = (find(build_steps(item, groups, {}), "fc") for item in (lowered, in_steps(lowered, 2)))
    plain, words = (weight_words(step, CoreConfig(cols=COLS, k_steps=k)) for step, k in ((one, 1), (two, 2)))
    assert words.shape == (len(plain) // 2, 2 * COLS) and one.source.first_byte == 0
    np.testing.assert_array_equal(words[:, :COLS], plain[::2])
    np.testing.assert_array_equal(words[:, COLS:], plain[1::2])
    products = (words[:, :COLS].view(np.int8).astype(int) * words[:, COLS:].view(np.int8)).sum(axis=0)
    differences = [
        int.from_bytes(before[:4].tobytes(), "little", signed=True)
        - int.from_bytes(after[:4].tobytes(), "little", signed=True)
        for before, after in zip(array_parameters(one), array_parameters(two), strict=True)
    ]
    order = [2 * (c % (COLS // 2)) + c // (COLS // 2) for c in range(len(differences))]
    assert differences == [int(products[column]) for column in order]
    conv = two.source.array_node
    assert conv is not None
    large = dataclasses.replace(conv, bias=conv.bias + (2**31 - 1 - int(conv.folded_bias.max())))
    with pytest.raises(ModelError, match="fc: a bias of [0-9]+, the zero point's and the weights' products included"):
        array_parameters(dataclasses.replace(two, source=dataclasses.replace(two.source, array_node=large)))
