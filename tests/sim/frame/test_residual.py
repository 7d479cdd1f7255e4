"""Networks with sums and products of tensors: lowered, planned, and simulated cycle by cycle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.compiler.frontend import tflite
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QAdd, QMul
from hwgen.compiler.legalise import legalise
from hwgen.compiler.lower.lower import lower
from hwgen.compiler.plan.planner import plan
from hwgen.compiler.plan.result import Plan
from hwgen.compiler.program.check import check_program
from hwgen.compiler.tiling.memory import window_rows
from hwgen.hw.isa.config import BANKS, WORD_BYTES
from hwgen.hw.isa.descriptor import CombineOp
from hwgen.sim.frame.simulate import simulate_frame
from hwgen.sim.golden import run
from hwgen.sim.timing.frame import predict
from tests.support.residual_network import inverted, residual
from tests.support.small_board import SDRAM, SmallBoard


@pytest.fixture(scope="module")
def graph() -> QGraph:
    return tflite.parse(residual(), "residual.tflite")


def test_passes(graph: QGraph) -> None:
    """Every sum and product either shares the pass of a convolution or copies 24 channels in a pass."""
    passes = [item for item in lower(graph).passes if item.combine is not None]
    nodes = [node for node in graph.nodes if isinstance(node, QAdd | QMul)]
    found = [(item.tensor, item.combine) for item in passes if item.first_channel == 0 and item.combine]
    assert [tensor for tensor, _ in found] == [node.output for node in nodes]
    add, mul = CombineOp.ADD, CombineOp.MUL
    assert [combine.op for _, combine in found] == [add, add, mul, add, add, mul, mul, add]
    assert [combine.still for _, combine in found] == [False, False, True, True, False, False, True, False]
    shared = [combine.inner is not None for _, combine in found]
    assert shared == [True, False, False, False, True, True, True, False]
    copies = [item for item in passes if item.combine and item.combine.inner is None]
    assert [(item.input.first, item.channels) for item in copies[:2]] == [(0, 24), (24, 16)]
    assert all(item.operand is not None and item.operand.first == item.first_channel for item in copies)


def simulate(planned: Plan, bench_dir: Path) -> dict[str, np.ndarray]:
    """A random frame, with every tensor bit-equal to the golden model's and every pass's cycles as predicted; returns the tensors."""
    graph = planned.graph
    image = np.random.default_rng(5).integers(-128, 128, graph.tensors[graph.input].shape).astype(np.int8)
    golden = run(graph, image)
    result = simulate_frame(planned.program, SDRAM, image, golden, bench_dir)
    assert result.mismatches == 0, result.tensors
    assert set(result.tensors) == {node.output for node in graph.nodes}
    assert [(one.name, one.cycles) for one in result.passes] == [(one.name, one.cycles) for one in planned.passes]
    assert np.array_equal(result.output, golden[graph.output])
    return golden


@pytest.mark.parametrize("external", [True, False])
def test_frame(graph: QGraph, external: bool, bench_dir: Path) -> None:
    """With streamed weights and on chip."""
    planned = plan(legalise(graph), SmallBoard(28, 108), lambda program: predict(program, SDRAM), external=external)
    assert (planned.program.resident is None) == external
    if external:
        check_program(planned.lowered, planned.fit.steps, planned.program)
    golden = simulate(planned, bench_dir)
    spread = {name: len(np.unique(value)) for name, value in golden.items()}
    assert min(spread.values()) > 6, f"hardly any values: {spread}"


def test_expanded_tensors_are_striped(bench_dir: Path) -> None:
    """Of tensors larger than the memory only a few rows are there at once; the block's input waits for the sum."""
    graph = tflite.parse(inverted(), "inverted.tflite")
    planned = plan(legalise(graph), SmallBoard(28, 72), lambda program: predict(program, SDRAM), external=True)
    memory = BANKS * WORD_BYTES * planned.config.activation_depth
    large = {name: buffer for name, buffer in planned.lowered.buffers.items() if buffer.size > memory}
    assert len(large) == 2
    for name, buffer in large.items():
        assert window_rows(planned.fit.lives[name]) <= 12 < buffer.height
    simulate(planned, bench_dir)
