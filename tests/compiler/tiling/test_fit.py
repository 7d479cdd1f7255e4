"""Stripes, memory map and channel parts."""

import numpy as np
import pytest

from hwgen.compiler.lower.lower import lower
from hwgen.compiler.lower.passes import Buffer, Lowered
from hwgen.compiler.tiling.crossings import crossings
from hwgen.compiler.tiling.fit import Fit, fit
from hwgen.compiler.tiling.lifetimes import Lifetimes, lifetimes, timetable
from hwgen.compiler.tiling.memory import (
    OPERAND_PHASES,
    Layout,
    Search,
    concatenate,
    operand_phases,
    output_phases,
    place_rows,
    shapes,
    window_rows,
)
from hwgen.compiler.tiling.stripes import read_rows, split_channels
from hwgen.compiler.tiling.striping import Weights, candidate_heights
from hwgen.errors import ResourceError
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import BANKS
from tests.support.int8_networks import load_network

pytestmark = pytest.mark.plan


@pytest.fixture(scope="module")
def full() -> Lowered:
    """ShuffleNet v2 1.0x at 224 x 224."""
    return lower(load_network("shufflenet_v2"))


@pytest.fixture(scope="module")
def fitted(full: Lowered) -> Fit:
    words = [ceil_div(item.channels, 12) * item.depth for item in full.passes]
    return fit(full, 6144, Weights(words, 8192, 6))


def test_segments_hand_over_one_tensor(full: Lowered) -> None:
    fusion_groups = crossings(full).natural_groups(1)
    assert fusion_groups[:4] == [(0, 1), (1, 2), (2, 5), (5, 7)]
    assert [past for _, past in fusion_groups[:-1]] == [first for first, _ in fusion_groups[1:]]


def test_no_two_live_rows_share_a_word(full: Lowered, fitted: Fit) -> None:
    """Every word of every bank, step by step: at most one row of one tensor."""
    lives = lifetimes(full, timetable(full, fitted.steps))
    owner = np.zeros((len(fitted.steps) + 1, BANKS, 6144), np.int16)
    for number, (name, layout) in enumerate(fitted.layouts.items(), 1):
        life = lives[name]
        for row in range(full.buffers[name].height):
            bank, addr = layout.locate(row)
            used = owner[life.start[row] : life.end[row] + 1, bank, addr : addr + layout.row_words]
            assert not used.any(), f"row {row} of {name} meets another row"
            used[:] = number
    assert (owner != 0).sum(axis=(1, 2)).max() == fitted.peak
    assert np.flatnonzero((owner != 0).any(axis=(0, 1)))[-1] + 1 == fitted.used <= 6144


def test_rows_are_made_before_they_are_read(full: Lowered, fitted: Fit) -> None:
    made: dict[str, int] = {full.images[0]: full.buffers[full.images[0]].height}
    partial: dict[tuple[str, str], int] = {}
    for step in fitted.steps:
        for name, _, past in read_rows(full, step):
            writers = {item.name for item in full.passes if item.output.buffer == name}
            ready = min((partial.get((name, writer), 0) for writer in writers), default=made.get(name, 0))
            assert past <= ready, step.name
        key = (step.source.output.buffer, step.source.name)
        assert partial.get(key, 0) == step.first_row
        partial[key] = step.past_row
    assert all(partial[item.output.buffer, item.name] == item.height for item in full.passes)


def test_operands_lie_in_other_banks_than_outputs(full: Lowered, fitted: Fit) -> None:
    merges = [item for item in full.passes if item.operand is not None]
    assert len(merges) == 13
    for item in merges:
        assert item.operand is not None
        difference = fitted.layouts[item.output.buffer].phase - fitted.layouts[item.operand.buffer].phase
        assert difference % BANKS in OPERAND_PHASES


def test_an_operands_bank_is_not_written_in_the_same_or_the_next_row() -> None:
    layout = Layout(base=0, phase=1, depth=8, row_words=4, pixel_words=1)
    assert output_phases(layout) == [3, 0] and operand_phases(layout) == [3, 2]


def test_no_more_slots_than_a_descriptor_can_name() -> None:
    assert {depth for depth, _ in shapes(1012, [0])} == {1012, 1016, 1020}
    assert {depth for depth, _ in shapes(1016, [0])} == {1016, 1020}
    assert {depth for depth, _ in shapes(1016, [0], thorough=True)} == {1016, 1020}


def test_too_little_memory_says_how_much(full: Lowered) -> None:
    with pytest.raises(
        ResourceError, match=r"does not fit the activation memory of 64 KiB in any striping, at least .* KiB short"
    ):
        fit(full, 2048, Weights([0] * len(full.passes), 8192, 6))


def test_stripes_cover_the_rows() -> None:
    for reads_image in (False, True):
        for heights in candidate_heights(28, False, reads_image):
            assert sum(heights) == 28 and min(heights) > 0
    assert candidate_heights(28, True, False) == [(28,)]
    assert (28,) in candidate_heights(28, False, False) and (7, 7, 7, 7) in candidate_heights(28, False, False)


def test_split_channels(full: Lowered) -> None:
    conv5 = full.passes[-3]
    assert conv5.channels == 1024
    assert split_channels(conv5, 12, 30) == [(0, 348), (348, 348), (696, 328)]
    merge = next(item for item in full.passes if item.name == "stage4.1.branch2.5")
    # 20 chunks in three parts: an even number of chunks each, so that the operand's bytes begin a word.
    assert split_channels(merge, 12, 7) == [(0, 72), (72, 72), (144, 72), (216, 16)]
    assert all(first % 8 == 0 for first, _ in split_channels(merge, 12, 3))


def test_layout_walks_the_banks() -> None:
    layout = Layout(base=100, phase=6, depth=8, row_words=10, pixel_words=2)
    assert [layout.locate(row) for row in range(4)] == [(2, 110), (3, 110), (0, 100), (1, 100)]


def test_search_lays_a_growing_tensor_over_a_dying_one() -> None:
    """Row y of the new tensor is written when rows up to y of the old one are dead, but for the one just read."""
    steps = np.arange(8)
    old = Lifetimes(np.zeros(8, np.int64), steps)
    new = Lifetimes(steps, np.full(8, 8))
    buffer = Buffer("new", 8, 5, 8, 1)
    taken = place_rows(Layout(base=5, phase=0, depth=8, row_words=5, pixel_words=1), old)
    assert window_rows(new) == 8 and window_rows(old) == 8
    found = Search(buffer, new, concatenate([taken]), 20).places(8, 0)
    # Not over the old tensor itself (the same row in the same step), but one row of words below it.
    assert found is not None and found[0] == (10, Layout(0, 0, 8, 5, 1))
    assert Search(buffer, new, concatenate([taken]), 9).places(8, 0) is None
