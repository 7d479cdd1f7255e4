"""Channel tiling: which passes run once for each tile of their output channels."""

from __future__ import annotations

from hwgen.compiler.lower.passes import LogicalPass, Lowered
from hwgen.compiler.tiling.fit import ChannelTiles
from hwgen.compiler.tiling.stripes import split_channels
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import FeedMode

_WINDOW_SHARE = 2
"""As `share`, for passes with a window, which computes everything again for each tile."""

STREAMED_POOL_GROUPS = 16
"""Subgroups of channels in a channel tile of a global pool, whose tiles share their window parameters: the first tile waits until
the stream has brought them, so they are few."""

RESIDENT_POOL_GROUPS = 32
"""The same where the parameters are in block RAM from the start: nothing waits for them, and fewer tiles are fewer passes."""


def channel_tiles(lowered: Lowered, config: CoreConfig, share: int) -> ChannelTiles:
    """Channel tiles: of passes whose weights take more than a `share`-th of the weight memory, and of global pools."""
    tiles: ChannelTiles = {}
    most = config.weight_depth // share
    for item in lowered.passes:
        if item.array_node is not None:
            words = ceil_div(item.channels, config.cols) * item.depth
            limit = most if item.window_node is None else config.weight_depth // _WINDOW_SHARE
            if words > limit:
                tiles[item.name] = split_channels(item, config.cols, max(1, limit // item.depth))
        elif item.mode == FeedMode.SUM and not item.striped:
            tiles[item.name] = pool_tiles(item, STREAMED_POOL_GROUPS * config.window_lanes)
    return tiles


def pool_tiles(item: LogicalPass, size: int) -> list[tuple[int, int]]:
    """(first channel, channels) of the channel tiles of a global pool, each of `size` channels, the last one of what is left."""
    return [(first, min(size, item.channels - first)) for first in range(0, item.channels, size)]


def least_weight_words(lowered: Lowered, cols: int) -> int:
    """Words of the weight memory that the smallest tiles of every pass need."""
    items = (item for item in lowered.passes if item.array_node is not None)
    return max((ceil_div(split_channels(item, cols, 1)[0][1], cols) * item.depth for item in items), default=0)
