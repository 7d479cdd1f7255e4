"""The whole machine on small networks: every tensor bit-equal, every pass's cycles as predicted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.compiler.frontend.images import quantise_pixels, synthetic_images
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.legalise import legalise
from hwgen.compiler.plan.planner import plan
from hwgen.compiler.plan.result import Plan
from hwgen.sim.frame.simulate import FrameResult, simulate_frame
from hwgen.sim.golden import run
from hwgen.sim.timing.frame import predict
from tests.support.int8_networks import load_network
from tests.support.small_board import SDRAM, SmallBoard


def frame(board: SmallBoard, width: float, resolution: int, build_dir: Path) -> tuple[Plan, FrameResult]:
    graph = load_network("shufflenet_v2", NetworkOptions(width=width, resolution=resolution, classes=20))
    planned = plan(legalise(graph), board, lambda program: predict(program, SDRAM))
    image = quantise_pixels(synthetic_images(1, resolution, 7)[0], graph.tensors[graph.input])
    golden = run(graph, image)
    result = simulate_frame(planned.program, SDRAM, image, golden, build_dir)
    # A merged tensor is compared half by half: its identity and its processed channels.
    named = {name for node in graph.nodes if node.op == "shuffle_merge" for name in node.inputs}
    named |= {node.output for node in graph.nodes if node.op not in ("slice", "shuffle_merge")}
    assert set(result.tensors) >= named, f"not compared: {named - set(result.tensors)}"
    assert np.array_equal(result.output, golden[graph.output])
    return planned, result


@pytest.mark.parametrize(("dsp", "ebr", "width", "resolution"), [(28, 108, 0.5, 64)])
def test_shufflenet(dsp: int, ebr: int, width: float, resolution: int, bench_dir: Path) -> None:
    planned, result = frame(SmallBoard(dsp, ebr), width, resolution, bench_dir)
    assert result.mismatches == 0, result.tensors
    predicted = [(entry.name, entry.cycles) for entry in planned.passes]
    assert [(entry.name, entry.cycles) for entry in result.passes] == predicted
    assert abs(planned.cycles - result.cycles) <= 0.02 * result.cycles
