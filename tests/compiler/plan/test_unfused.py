"""Depthwise convolutions that get a pass of their own because the pointwise ones behind them come in many channel tiles."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from hwgen.boards.ulx3s import ULX3S
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QConv, QMaxPool
from hwgen.compiler.legalise import legalise
from hwgen.compiler.lower.lower import lower
from hwgen.compiler.lower.passes import LogicalPass, Placement, View
from hwgen.compiler.plan import planner, unfused
from hwgen.compiler.plan.result import Plan
from hwgen.compiler.plan.unfused import costly_windows
from hwgen.compiler.program.check import check_program
from hwgen.hw.isa.descriptor import FeedMode, WindowOp
from tests.support.board_timing import timing
from tests.support.int8_networks import load_network

pytestmark = pytest.mark.plan


def test_cycles_of_a_window_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a stripe the depthwise part, of all its channels; once a tile the pointwise one, of the tile's."""
    seen: list[tuple[Any, ...]] = []

    def estimate(lowered: Any, item: LogicalPass, config: Any) -> int:
        view = item.input.first, item.input.channels
        seen.append((item.mode, item.array_node, item.to_rows, item.words, view, item.height, item.channels))
        return 1000 if item.to_rows else item.channels

    monkeypatch.setattr(unfused, "pass_estimate", estimate)
    window, array = cast(Any, "depthwise"), cast(Any, "pointwise")
    item = LogicalPass(
        "p",
        "y",
        FeedMode.WINDOW,
        WindowOp(0),
        False,
        View("x", 8, 20),
        Window((3, 3)),
        0,
        Placement("y"),
        9,
        7,
        40,
        window_node=window,
        array_node=array,
        combine=cast(Any, "sum"),
    )
    steps = [(first, rows) for rows in (5, 4) for first in (0, 24)]
    tiles = [
        SimpleNamespace(first_channel=first, channels=24 if first == 0 else 16, rows=rows) for first, rows in steps
    ]
    plan = cast(Plan, SimpleNamespace(config=None, lowered=None))
    assert unfused._alone(plan, item, cast(Any, tiles)) == 2 * (1000 + 24 + 16)
    stripe = [
        (FeedMode.WINDOW, None, True, 0, (8, 20)),
        (FeedMode.TAP, "pointwise", False, 3, (0, 24)),
        (FeedMode.TAP, "pointwise", False, 3, (0, 24)),
    ]
    channels = [40, 24, 16]
    assert seen == [(*one, rows, count) for rows in (5, 4) for one, count in zip(stripe, channels, strict=True)]


@pytest.mark.parametrize(("alone", "expected"), [(900, {"deep"}), (980, set()), (979, {"deep"}), (1001, set())])
def test_what_is_worth_a_pass_of_its_own(alone: int, expected: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A depthwise convolution in a shared pass that is shorter without it, by more than 2 % of a frame of 1,000 cycles."""
    factors = np.zeros(1, np.int64)
    weights = np.zeros((1, 1, 1, 1), np.int8)
    deep = QConv("deep", "x", "y", weights, factors, factors, factors, Window(), 1, 0, 0, -128, 127)
    passes = [
        SimpleNamespace(name="shared", mode=FeedMode.WINDOW, window_node=deep, array_node="pointwise"),
        SimpleNamespace(
            name="pool", mode=FeedMode.WINDOW, window_node=QMaxPool("max", "x", "y", Window()), array_node="a"
        ),
        SimpleNamespace(name="lonely", mode=FeedMode.WINDOW, window_node=deep, array_node=None),
        SimpleNamespace(name="plain", mode=FeedMode.TAP, window_node=None, array_node="a"),
    ]
    tiles = [SimpleNamespace(source=item, channels=8) for item in (passes[0], *passes)]
    plan = SimpleNamespace(
        lowered=SimpleNamespace(passes=passes),
        fit=SimpleNamespace(steps=tiles),
        passes=[SimpleNamespace(cycles=cycles) for cycles in (400, 600, 5000, 5000, 5000)],
        cycles=1000,
        config=None,
    )
    monkeypatch.setattr(unfused, "_alone", lambda plan, item, steps: 500 if len(steps) == 2 else 0)
    monkeypatch.setattr(unfused, "load_cycles", lambda item, channels, config: alone / 2)
    assert costly_windows(cast(Plan, plan)) == expected


@pytest.fixture(scope="module")
def graph() -> QGraph:
    """Its last maps are 12 x 12 and 6 x 6 with 512 and 1024 channels: weights of many channel tiles, windows of many channels."""
    return load_network("mobilenet_v1", NetworkOptions(resolution=192, classes=10))


@pytest.fixture(scope="module")
def found(graph: QGraph) -> Plan:
    return planner.plan(legalise(graph), ULX3S, timing, external=True)


def test_costly_windows_are_computed_once(graph: QGraph, found: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "costly_windows", lambda _: frozenset())
    shared = planner.plan(legalise(graph), ULX3S, timing, external=True)
    costly = costly_windows(shared)
    assert "blocks.4.1.conv_dw" in costly and "blocks.0.0.conv_dw" not in costly
    assert found.lowered.unfused == costly and not shared.lowered.unfused
    assert found.cycles < 0.97 * shared.cycles
    assert found.array_macs == shared.array_macs
    check_program(found.lowered, found.fit.steps, found.program)


def test_the_window_runs_alone_once_a_stripe(found: Plan) -> None:
    alone = [step for step in found.fit.steps if step.source.to_rows and step.source.mode == FeedMode.WINDOW]
    assert {step.source.window_node.name for step in alone if step.source.window_node} == found.lowered.unfused
    assert all(step.channels == step.source.channels for step in alone)
    behind = [step for step in found.fit.steps if step.source.name == "blocks.4.1.conv_pw"]
    assert len(behind) > 1 and all(step.source.mode == FeedMode.TAP for step in behind)


def test_nothing_to_gain(found: Plan) -> None:
    assert not costly_windows(found)  # what is left shares its pass with good reason


def test_names_apart_lower_as_two_passes(graph: QGraph) -> None:
    names = frozenset({"blocks.1.0.conv_dw"})
    one, two = lower(graph), lower(graph, unfused=names)
    assert len(two.passes) == len(one.passes) + 1 and two.unfused == names
    first = next(item for item in two.passes if item.name == "blocks.1.0.conv_dw")
    second = two.passes[two.passes.index(first) + 1]
    assert first.to_rows and first.array_node is None
    assert second.mode == FeedMode.TAP and second.input.buffer == first.output.buffer
