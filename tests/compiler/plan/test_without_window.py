"""Networks whose passes need no window get a core without one: planned, checked, simulated in exactly the predicted cycles."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwgen.compiler.frontend import weights
from hwgen.compiler.graph.text import parse
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.legalise import legalise
from hwgen.compiler.plan.planner import plan
from hwgen.compiler.plan.resources import resources
from hwgen.compiler.program.check import ProgramError, check_program
from hwgen.compiler.quantise.quantiser import quantise
from hwgen.errors import ResourceError
from hwgen.hw.isa.config import CoreConfig
from hwgen.reports.plan import plan_text
from hwgen.sim.frame.simulate import simulate_frame
from hwgen.sim.golden import run
from hwgen.sim.timing.frame import predict
from tests.support.host_frame import small_network
from tests.support.small_board import SDRAM, SmallBoard

CONVOLUTIONS = """graph convolutions
%image : 12x12x3 = input shape=12,12,3
%a : 6x6x12 = conv2d(%image) channels=12 kernel=3,3 stride=2,2 pad=1,1,1,1 weight=a.weight
%b : 6x6x12 = relu(%a)
%c : 6x6x12 = conv2d(%b) channels=12 kernel=1,1 weight=c.weight
%d : 6x6x12 = add(%c, %b)
return %d"""


@pytest.fixture(scope="module")
def graph() -> QGraph:
    read = parse(CONVOLUTIONS)
    rng = np.random.default_rng(2)
    calibration = [rng.normal(0, 1, (12, 12, 3)).astype(np.float32) for _ in range(4)]
    return quantise(read, weights.random(read, 3), calibration, input_range=(-3.0, 3.0))


@pytest.mark.parametrize("external", [True, False])
def test_frame(graph: QGraph, external: bool, bench_dir: Path) -> None:
    """With streamed weights and on chip."""
    found = plan(legalise(graph), SmallBoard(28, 108), lambda program: predict(program, SDRAM), external=external)
    assert found.on_chip != external and not found.config.window
    check_program(found.lowered, found.fit.steps, found.program)
    image = np.random.default_rng(5).integers(-128, 128, (12, 12, 3)).astype(np.int8)
    golden = run(graph, image)
    assert min(len(np.unique(value)) for value in golden.values()) > 6
    result = simulate_frame(found.program, SDRAM, image, golden, bench_dir)
    assert result.mismatches == 0, result.tensors
    assert [(one.name, one.cycles) for one in result.passes] == [(one.name, one.cycles) for one in found.passes]
    assert result.cycles == found.cycles if not external else result.cycles >= found.cycles


def test_saves_logic_and_memory(graph: QGraph) -> None:
    found = plan(legalise(graph), SmallBoard(28, 108), lambda program: predict(program, SDRAM))
    family = SmallBoard(28, 108).part.family
    with_window = resources(dataclasses.replace(found.config, window=True), family)
    without = resources(found.config, family)
    assert with_window.lut - without.lut > 9_000
    assert with_window.ebr > without.ebr
    text = plan_text(found)
    assert "lane parameters" in text and "window parameters" not in text


def test_window_pass_without_window_is_refused() -> None:
    found = plan(legalise(small_network()), SmallBoard(28, 108), lambda program: predict(program, SDRAM))
    assert found.config.window
    program = dataclasses.replace(found.program, config=dataclasses.replace(found.config, window=False))
    with pytest.raises(ProgramError, match="the core has no window"):
        check_program(found.lowered, found.fit.steps, program)


@pytest.mark.parametrize("field", [{"window_table": True}, {"striped_sums": True}])
def test_what_belongs_to_the_window_needs_it(field: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="need a window"):
        CoreConfig(window=False, **field)


def test_what_does_not_fit_is_refused_as_such() -> None:
    """Without a window there are no sums in stripes to try."""
    read = parse(
        "graph wide\n%x : 200x200x3 = input shape=200,200,3\n"
        "%y : 200x200x16 = conv2d(%x) channels=16 kernel=1,1 weight=y.weight\nreturn %y"
    )
    quantised = quantise(read, weights.random(read, 3), [np.ones((200, 200, 3))], input_range=(-3.0, 3.0))
    with pytest.raises(ResourceError, match="y does not fit the activation memory"):
        plan(legalise(quantised), SmallBoard(28, 108), lambda program: predict(program, SDRAM), external=True)
