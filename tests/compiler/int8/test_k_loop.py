"""The K loop over the channels that have weights: complete, within the channels, and as short as searching finds."""

from __future__ import annotations

import numpy as np
import pytest

from hwgen.compiler.int8.k_loop import KLoop, k_loop


def used(channels: int, *wanted: int) -> np.ndarray:
    result = np.zeros(channels, bool)
    result[list(wanted)] = True
    return result


@pytest.mark.parametrize(
    ("channels", "wanted", "expected"),
    [
        (8, (), KLoop(0, 1, 0, 1)),
        (8, range(8), KLoop(0, 1, 0, 8)),
        (8, (3,), KLoop(3, 1, 0, 1)),
        (72, (*range(7), *range(24, 31), *range(48, 54)), KLoop(0, 3, 24, 7)),  # a third behind a shuffle by 3
        (72, (*range(6, 13), *range(30, 38), *range(55, 61)), KLoop(6, 3, 24, 8)),
        (10, (0, 9), KLoop(0, 2, 9, 1)),
        (10, (1, 4, 7), KLoop(1, 3, 3, 1)),
        (8, (0, 2, 4, 6), KLoop(0, 4, 2, 1)),
        (80, (7, *range(20, 28), *range(40, 48)), KLoop(0, 3, 20, 8)),  # from the first byte of a word on
        (80, (28, *range(40, 49), *range(60, 69)), KLoop(21, 3, 19, 10)),  # (20, 3, 20, 9) would begin a word earlier
        (200, range(0, 64 * 3, 3), KLoop(0, 64, 3, 1)),  # as many outer steps as a descriptor can name
        (200, range(0, 65 * 3, 3), KLoop(0, 33, 6, 4)),
    ],
)
def test_known(channels: int, wanted: range | tuple[int, ...], expected: KLoop) -> None:
    assert k_loop(used(channels, *wanted)) == expected


def test_random_sets_are_covered() -> None:
    rng = np.random.default_rng(0)
    for _ in range(60):
        mask = rng.random(rng.integers(1, 40)) < rng.choice([0.1, 0.5, 0.9])
        found = k_loop(mask)
        channels = found.channels()
        assert len(channels) == found.depth and len(set(channels.tolist())) == found.depth
        assert channels.min() >= 0 and channels.max() < len(mask)
        assert set(np.flatnonzero(mask)) <= set(channels.tolist())
        wanted = np.flatnonzero(mask)
        assert found.depth <= max(1, wanted[-1] - wanted[0] + 1 if len(wanted) else 1)
