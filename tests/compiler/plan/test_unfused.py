"""Depthwise convolutions that get a pass of their own because the pointwise ones behind them come in many channel tiles."""

from __future__ import annotations

import pytest

from hwgen.boards.ulx3s import ULX3S
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.legalise import legalise
from hwgen.compiler.lower.lower import lower
from hwgen.compiler.plan import planner
from hwgen.compiler.plan.result import Plan
from hwgen.compiler.plan.unfused import costly_windows
from hwgen.compiler.program.check import check_program
from hwgen.hw.isa.descriptor import FeedMode
from tests.support.board_timing import timing
from tests.support.int8_networks import load_network

pytestmark = pytest.mark.plan


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
