"""Tensors that leave the chip: stored in the SDRAM as they are made, brought back before they are read."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass, replace

from hwgen.compiler.lower.passes import LogicalPass, Lowered, View
from hwgen.hw.isa.descriptor import FeedMode
from hwgen.hw.isa.memories import SUM_GROUPS

_LEAST_LANES = 4
"""Of the window: channels of a subgroup."""


@dataclass(frozen=True, order=True)
class Gap:
    """A tensor is in the SDRAM alone between two of its uses: before its reader number `reader`, from 0 on."""

    buffer: str
    reader: int


def spill(lowered: Lowered, gaps: Iterable[Gap]) -> Lowered:
    """The same network with some tensors in the SDRAM for a while; every time they come back as another buffer."""
    chosen = sorted(set(gaps))
    buffers, passes = dict(lowered.buffers), list(lowered.passes)
    for number, gap in enumerate(chosen):
        following = chosen[number + 1 : number + 2]
        past = following[0].reader if following and following[0].buffer == gap.buffer else None
        copy = f"{gap.buffer}@{gap.reader}"
        buffers[copy] = replace(buffers[gap.buffer], name=copy, source=gap.buffer)
        for i in lowered.readers[gap.buffer][gap.reader : past]:
            passes[i] = _reading(passes[i], gap.buffer, copy)
    return replace(lowered, buffers=buffers, passes=passes)


def stripe_sums(lowered: Lowered, size: float) -> Lowered:
    """The same network with the sums over maps of more than `size` bytes in stripes, so that these maps are never whole."""

    def striped(item: LogicalPass) -> LogicalPass:
        source = lowered.buffers[item.input.buffer]
        if item.mode != FeedMode.SUM or source.size <= size or item.input.channels > SUM_GROUPS * _LEAST_LANES:
            return item
        return replace(item, height=source.height, striped=True)

    passes = [striped(item) for item in lowered.passes]
    return lowered if passes == lowered.passes else replace(lowered, passes=passes)


@functools.lru_cache(maxsize=1 << 14)  # a search for what to spill asks for the same ones again and again
def _reading(item: LogicalPass, name: str, copy: str) -> LogicalPass:
    def moved(view: View) -> View:
        return replace(view, buffer=copy) if view.buffer == name else view

    return replace(item, input=moved(item.input), operand=None if item.operand is None else moved(item.operand))
