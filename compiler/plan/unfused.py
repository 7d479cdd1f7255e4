"""Depthwise convolutions that had better have a pass of their own than share that of the pointwise one behind them.

A pass of several channel tiles runs once for each of them, and the window computes everything anew every time. Alone it computes once,
and the tiles read the result; but that result must lie in memory.
"""

from __future__ import annotations

from dataclasses import replace

from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8.nodes import QConv
from hwgen.compiler.lower.passes import LogicalPass, View
from hwgen.compiler.plan.estimate import load_cycles, pass_estimate
from hwgen.compiler.plan.result import Plan
from hwgen.compiler.tiling.stripes import Step
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import WORD_BYTES
from hwgen.hw.isa.descriptor import FeedMode

_WORTH = 0.02
"""Of a frame's cycles: what must be saved to plan once more."""


def costly_windows(plan: Plan) -> frozenset[str]:
    """Names of the depthwise convolutions without which the passes that they share would be shorter, as far as an estimate tells;
    none where it is not worth planning once more.
    """
    taken: dict[str, int] = {}
    steps: dict[str, list[Step]] = {}
    for step, timing in zip(plan.fit.steps, plan.passes, strict=True):
        steps.setdefault(step.source.name, []).append(step)
        taken[step.source.name] = taken.get(step.source.name, 0) + timing.cycles
    saved: dict[str, int] = {}
    for item in plan.lowered.passes:
        if item.mode == FeedMode.WINDOW and isinstance(item.window_node, QConv) and item.array_node is not None:
            tiles = steps[item.name]
            gain = taken[item.name] - max(
                _alone(plan, item, tiles), sum(load_cycles(item, tile.channels, plan.config) for tile in tiles)
            )
            if gain > 0:
                saved[item.window_node.name] = gain
    return frozenset(saved) if sum(saved.values()) > _WORTH * plan.cycles else frozenset()


def _alone(plan: Plan, item: LogicalPass, steps: list[Step]) -> int:
    """About the cycles of the same stripes and tiles with the window in a pass of its own, which needs a stripe's rows only once."""
    config = plan.config
    depthwise = replace(item, array_node=None, to_rows=True, combine=None)
    words = ceil_div(item.input.channels, WORD_BYTES)
    pointwise = replace(
        item, mode=FeedMode.TAP, window=Window(), words=words, input=View(item.input.buffer, 0, WORD_BYTES * words)
    )
    total = 0
    for step in steps:
        if step.first_channel == 0:
            total += pass_estimate(plan.lowered, replace(depthwise, height=step.rows), config)
        total += pass_estimate(plan.lowered, replace(pointwise, height=step.rows, channels=step.channels), config)
    return total
