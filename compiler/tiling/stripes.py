"""Steps: logical passes cut into stripes of rows and tiles of output channels, in the order in which the core runs them.

A *fusion group* is a run of logical passes.  With more than one stripe its passes take turns: for every stripe of the last pass's rows each
pass makes just the rows that are wanted and not yet there, so that the tensors between them need only a few rows of memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hwgen.compiler.lower.passes import Buffer, LogicalPass, Lowered
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import WORD_BYTES


@dataclass(
    eq=False, slots=True
)  # not frozen: a search makes hundreds of thousands, and frozen ones take four times as long
class Step:
    """One pass of the core: rows `first_row .. first_row + rows - 1`, channels `first_channel .. + channels - 1` of a logical pass."""

    index: int
    source: LogicalPass
    first_row: int
    rows: int
    first_channel: int
    channels: int
    fusion_group: int
    stripe: int

    @property
    def past_row(self) -> int:
        return self.first_row + self.rows

    @property
    def output_rows(self) -> slice:
        """Rows of the output buffer that it writes."""
        return slice(*self.source.output_rows(self.first_row, self.past_row))

    @property
    def complete(self) -> bool:
        """What it writes is a result, not the sum of some stripes."""
        return not self.source.striped or self.past_row == self.source.height

    @property
    def name(self) -> str:
        """Name of the logical pass, with stripe and channel tile where there are several, and the frame of a batch."""
        tile = "" if self.channels == self.source.channels else f"/c{self.first_channel}"
        stripe = "" if self.rows == self.source.height else f"[{self.first_row}:{self.past_row}]"
        frame = "" if self.source.frame is None else f" #{self.source.frame}"
        return f"{self.source.name}{tile}{stripe}{frame}"


@dataclass(frozen=True)
class FusionGroup:
    """Logical passes `first .. past - 1`, and the rows of each stripe of the last one."""

    first: int
    past: int
    heights: tuple[int, ...]


def group_stripes(lowered: Lowered, fusion_group: FusionGroup) -> Iterator[tuple[int, LogicalPass, int, int]]:
    """(stripe, pass, first row, past row) in the order of execution."""
    passes = lowered.passes[fusion_group.first : fusion_group.past]
    final = passes[-1]
    made = dict.fromkeys(range(len(passes)), 0)
    past = 0
    for stripe, height in enumerate(fusion_group.heights):
        past += height
        need = _demand(lowered.buffers, passes, final, past)
        for i, item in enumerate(passes):
            wanted = item.height if past >= final.height else need[i]
            if wanted > made[i]:
                yield stripe, item, made[i], wanted
                made[i] = wanted


def _demand(buffers: dict[str, Buffer], passes: Sequence[LogicalPass], final: LogicalPass, past: int) -> dict[int, int]:
    """Rows that each pass must have made for the first `past` rows of the final pass."""
    need: dict[int, int] = {}
    wanted: dict[str, int] = {}
    for i in reversed(range(len(passes))):
        item = passes[i]
        if item.output.buffer == final.output.buffer:
            rows = max(past, wanted.get(item.output.buffer, 0))  # another part of it may need more rows of this one
        elif item.output.buffer in wanted:
            rows = item.height if item.striped else wanted[item.output.buffer]
        else:  # read by later fusion groups only
            rows = ceil_div(item.height * past, final.height)
        need[i] = rows
        if rows:
            height = buffers[item.input.buffer].height
            past_rows = [item.input_rows(0, rows, height)[1], item.operand_rows(0, rows)[1]]
            for view, view_past in zip(item.views, past_rows, strict=False):
                made = buffers[view.buffer].source or view.buffer  # what comes back must have been made
                wanted[made] = max(wanted.get(made, 0), view_past)
    return need


def split_channels(item: LogicalPass, cols: int, max_chunks: int) -> list[tuple[int, int]]:
    """(first channel, channels) of the tiles of a pass, each of at most `max_chunks` chunks of `cols` channels.

    The first channel of a tile must lie at a word of the operand, or at half a word of the output.
    """
    unit = 2 if item.operand is not None and cols % WORD_BYTES else 1
    chunks = ceil_div(item.channels, cols)
    per_tile = max(unit, max_chunks // unit * unit)
    tiles = ceil_div(chunks, per_tile)
    per_tile = ceil_div(chunks, tiles * unit) * unit
    size = per_tile * cols
    return [(first, min(size, item.channels - first)) for first in range(0, item.channels, size)]


def build_steps(
    lowered: Lowered, fusion_groups: Sequence[FusionGroup], tiles: dict[str, list[tuple[int, int]]]
) -> list[Step]:
    """All steps; `tiles` gives the channels of each tile by the name of the logical pass (missing: one tile).

    Frames of a batch that run the same pass one behind the other take turns, so that each tile's weights serve all of them.
    """
    steps: list[Step] = []
    for number, fusion_group in enumerate(fusion_groups):
        for (stripe, name), turns in itertools.groupby(
            group_stripes(lowered, fusion_group), lambda turn: (turn[0], turn[1].name)
        ):
            items = list(turns)
            for channel, channels in tiles.get(name, [(0, items[0][1].channels)]):
                for _, item, first, past in items:
                    for low, high in itertools.pairwise(range(first, past + 1) if item.row_of else (first, past)):
                        steps.append(Step(len(steps), item, low, high - low, channel, channels, number, stripe))
    return steps


def read_rows(lowered: Lowered, step: Step) -> list[tuple[str, int, int]]:
    """(buffer, first row, past row) of everything that a step reads: the input, then the operand."""
    item = step.source
    height = lowered.buffers[item.input.buffer].height
    rows = [(item.input.buffer, *item.input_rows(step.first_row, step.past_row, height))]
    if item.operand is not None:
        rows.append((item.operand.buffer, *item.operand_rows(step.first_row, step.past_row)))
    return rows
