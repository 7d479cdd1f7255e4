"""What elements hand on to the next one in a pass, and what so never comes to the activation memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hwgen.compiler.tiling.stripes import Step
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import FeedMode


class Handed(Protocol):
    """What an element hands to the next one in a pass, and what so never comes to the activation memory; a simulation records it."""

    @property
    def tensor(self) -> str:
        """Of the int8 graph."""

    def of(self, tensor: np.ndarray) -> np.ndarray:
        """These values of the whole tensor [height, width, channels]."""

    def read(self, beats: np.ndarray, width: int, channels: int, config: CoreConfig) -> np.ndarray:
        """The recorded beats [beats, bytes] as [rows, width, channels]; of missing beats rows are missing."""


@dataclass(frozen=True)
class Passed:
    """What the window makes in a pass for the array, and what so never comes to the activation memory.

    Rows `first_row .. first_row + rows - 1` of `tensor` of the int8 graph, in the order row, subgroup of L channels, column.
    """

    tensor: str
    first_row: int
    rows: int

    def of(self, tensor: np.ndarray) -> np.ndarray:
        """These values of the whole tensor [height, width, channels]."""
        return tensor[self.first_row : self.first_row + self.rows]

    def read(self, beats: np.ndarray, width: int, channels: int, config: CoreConfig) -> np.ndarray:
        """The window's results [beats, L or more] as [rows, width, channels]; beats may be missing, then rows are."""
        lanes = config.window_lanes
        groups = ceil_div(channels, lanes)
        rows = len(beats) // (groups * width)
        whole = beats[: rows * groups * width, :lanes].reshape(rows, groups, width, lanes)
        return whole.transpose(0, 2, 1, 3).reshape(rows, width, groups * lanes)[:, :, :channels]


@dataclass(frozen=True)
class Collected:
    """What the array makes in a pass for the combine element, and what so never comes to the activation memory.

    Channels `first_channel .. + channels - 1` of rows `first_row .. first_row + rows - 1` of `tensor` of the int8 graph.
    """

    tensor: str
    first_row: int
    rows: int
    first_channel: int
    channels: int

    def of(self, tensor: np.ndarray) -> np.ndarray:
        """These values of the whole tensor [height, width, channels]."""
        channels = slice(self.first_channel, self.first_channel + self.channels)
        return tensor[self.first_row : self.first_row + self.rows, :, channels]

    def read(self, beats: np.ndarray, width: int, channels: int, config: CoreConfig) -> np.ndarray:
        """The collector's segments [segments, C or more], those of missing pixels too, as [rows, width, channels]. Segments may be
        missing at the end, then rows are.
        """
        rows, cols = config.rows, config.cols
        chunks = ceil_div(channels, cols)
        tiles = len(beats) // (chunks * rows)
        by_tile = beats[: tiles * chunks * rows, :cols].reshape(tiles, chunks, rows, cols)
        pixels = by_tile.transpose(0, 2, 1, 3).reshape(tiles * rows, chunks * cols)[:, :channels]
        count = min(self.rows, len(pixels) // width)
        return pixels[: count * width].reshape(count, width, channels)


def handed_in(step: Step) -> dict[str, Handed]:
    """What is handed on in a step, by the element in whose trace it is."""
    made: dict[str, Handed | None] = {"window": _passed(step), "combine": _collected(step)}
    return {name: handed for name, handed in made.items() if handed is not None}


def _passed(step: Step) -> Passed | None:
    item = step.source
    if item.mode != FeedMode.WINDOW or item.to_rows or item.window_node is None:
        return None
    return Passed((item.window_table or item.window_node).output, item.above + step.first_row, step.rows)


def _collected(step: Step) -> Collected | None:
    item = step.source
    if item.combine is None or item.combine.inner is None:
        return None
    return Collected(item.combine.inner, item.above + step.first_row, step.rows, step.first_channel, step.channels)
