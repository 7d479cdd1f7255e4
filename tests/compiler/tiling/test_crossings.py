"""What crosses between passes, and peaks of fusion groups, with tensors spilled: the same as of the rewritten network by itself."""

from __future__ import annotations

import random

import pytest

from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.legalise import legalise
from hwgen.compiler.lower.lower import lower
from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.tiling.crossings import Crossings
from hwgen.compiler.tiling.group_peaks import GroupPeaks
from hwgen.compiler.tiling.spill import Gap, spill
from hwgen.compiler.tiling.stripes import FusionGroup
from tests.support.int8_networks import load_network

NETWORKS = {
    "shufflenet_v2": NetworkOptions(width=0.5, resolution=32, classes=10),
    "mobilenet_v2": NetworkOptions(width=0.35, resolution=32, classes=10),
    "nasnet_mobile": NetworkOptions(resolution=32, classes=10),
}


@pytest.fixture(scope="module", params=NETWORKS)
def lowered(request: pytest.FixtureRequest) -> Lowered:
    return lower(legalise(load_network(request.param, NETWORKS[request.param])))


def some_gaps(lowered: Lowered, rng: random.Random) -> list[Gap]:
    made = dict.fromkeys(item.output.buffer for item in lowered.passes)
    every = [Gap(name, i) for name in made for i in range(len(lowered.readers.get(name, [])))]
    return rng.sample(every, rng.randrange(1, min(40, len(every))))


def test_crossings_of_a_spilled_network(lowered: Lowered) -> None:
    plain = Crossings(lowered)
    rng = random.Random(1)
    for _ in range(30):
        gaps = some_gaps(lowered, rng)
        found, expected = plain.spilled(gaps), Crossings(spill(lowered, gaps))
        for number in range(len(lowered.passes) + 1):
            assert found.before(number) == expected.before(number), (gaps, number)
        for most in (1, 2, 3):
            for size in (float("inf"), 1000, 8000, 20000):
                assert found.natural_groups(most, size) == expected.natural_groups(most, size), (gaps, most, size)


def test_natural_groups_hand_over_few_tensors(lowered: Lowered) -> None:
    """As counted pass by pass: tensors that are made, and still read or never."""
    crossing = Crossings(lowered)
    last = {name: read[-1] for name, read in lowered.readers.items() if name != lowered.result}
    for most in (1, 2, 3):
        live: set[str] = set()
        pasts = []
        for i, item in enumerate(lowered.passes):
            live.add(item.output.buffer)
            live = {name for name in live if last.get(name, i + 1) > i}
            unfinished = any(later.output.buffer in live for later in lowered.passes[i + 1 :])
            # The image is read in one group.
            inside = any(lowered.readers[name][0] <= i < lowered.readers[name][-1] for name in lowered.images)
            if len(live) <= most and not unfinished and not inside:
                pasts.append(i + 1)
                assert crossing.before(i + 1) == live
        assert crossing.natural_groups(most) == list(zip([0, *pasts], pasts, strict=False))


def test_peaks_of_a_spilled_network(lowered: Lowered) -> None:
    """What was found out for other gaps holds for the tensors that are the same."""
    plain = Crossings(lowered)
    rng = random.Random(2)
    known: dict[tuple[int, int, int], GroupPeaks] = {}
    for _ in range(20):
        gaps = some_gaps(lowered, rng)
        spilled, crossing = spill(lowered, gaps), plain.spilled(gaps)
        groups = crossing.natural_groups(2)
        for first, past in [(0, len(lowered.passes)), *rng.sample(groups, min(4, len(groups)))]:
            height = lowered.passes[past - 1].height
            for size in (height, 1):
                heights = tuple(min(size, height - y) for y in range(0, height, size))
                group = FusionGroup(first, past, heights)
                peaks = known.setdefault((first, past, size), GroupPeaks(lowered, group))
                around = crossing.before(first), crossing.before(past)
                assert peaks.peak(spilled, *around) == GroupPeaks(spilled, group).peak(spilled, *around), (gaps, group)
