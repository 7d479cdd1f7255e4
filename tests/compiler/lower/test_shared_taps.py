"""Which passes read every word once, and how many words a pass then reads."""

from __future__ import annotations

import pytest

from hwgen.compiler.graph.window import Window
from hwgen.compiler.lower.passes import LogicalPass, Placement, View
from hwgen.compiler.lower.shared_taps import columns_read, shares_taps, words_read
from hwgen.hw.isa.descriptor import FeedMode, WindowOp

ROWS = 4


def taps(window: Window, width: int, mode: FeedMode = FeedMode.TAP) -> LogicalPass:
    """A pass with five output rows of `width` pixels, and taps of two words."""
    return LogicalPass(
        "n", "y", mode, WindowOp.MAC, False, View("x", 0, 16), window, 0, Placement("y"), 5, width, 8, words=2
    )


@pytest.mark.parametrize(
    ("window", "width", "shared"),
    [
        (Window((3, 3), (1, 1)), 7, 5 * 3 * 2 * 9),
        (Window((3, 3), (2, 2)), 7, 5 * 3 * 2 * 15),
        (Window((3, 2), (2, 1)), 7, 5 * 3 * 2 * 8),
        (Window((1, 4), (1, 1)), 7, 5 * 2 * 10),
        (Window((1, 7), (1, 2)), 7, 5 * 2 * 19),
        (Window((3, 3), (1, 1), dilation=(2, 1)), 7, 5 * 3 * 2 * 9),
    ],
)
def test_fewer_words(window: Window, width: int, shared: int) -> None:
    """Every column of the input once, instead of every tap of every pixel."""
    item = taps(window, width)
    assert shares_taps(item, ROWS)
    assert words_read(item, ROWS, True) == shared < words_read(item, ROWS, False)
    assert words_read(item, ROWS, False) == 5 * window.kernel[0] * window.kernel[1] * 2 * width


@pytest.mark.parametrize(
    "item",
    [
        taps(Window((3, 1), (1, 1)), 7),
        taps(Window((3, 3), (3, 3)), 7),  # neighbouring pixels have no columns in common
        taps(Window((3, 3), (1, 1)), 1),  # one pixel
        taps(Window((3, 5), (1, 1)), 7),  # five pixels at once, of which two would lie in one array row
        taps(Window((3, 9), (1, 2)), 7),
        taps(Window((3, 3), (1, 1), dilation=(1, 2)), 7),  # taps that are no neighbours
        taps(Window((3, 3), (1, 1)), 7, FeedMode.WINDOW),
    ],
)
def test_nothing_to_share(item: LogicalPass) -> None:
    assert not shares_taps(item, ROWS)
    assert words_read(item, ROWS, True) == words_read(item, ROWS, False)


def test_columns() -> None:
    assert columns_read(taps(Window((3, 5), (1, 2)), 7)) == 6 * 2 + 5
