"""Every network of the zoo, small, through quantiser, plan and RTL on one core: every tensor, every pass's cycles, the result.

The networks at their standard sizes take an hour and more each: `pytest -m long`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwgen.boards.registry import find_board
from hwgen.compiler.frontend.images import quantise_pixels, synthetic_inputs
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.frontend.zoo import NETWORKS, Options, names
from hwgen.compiler.legalise import legalise
from hwgen.compiler.plan.planner import plan
from hwgen.sim import golden
from hwgen.sim.frame.simulate import simulate_frame
from hwgen.sim.timing.frame import predict
from tests.support.int8_networks import load_network
from tests.support.small_machine import CONFIG, Small

RING = replace(
    CONFIG,
    array_clamp_bits=32,
    window_clamp_bits=32,
    activation_depth=8192,
    weight_depth=8192,
    ring_depth=2048,
    parameter_depth=1024,
    window_depth=4096,
)
RESOLUTION, CLASSES = 32, 10
GROUPS = {"shufflenet_v1": (1, 3, 8)}
SIZES = [(name, groups) for name in names() for groups in GROUPS.get(name, (None,))]


@pytest.mark.parametrize(("name", "groups"), SIZES)
def test_reduced(name: str, groups: int | None, bench_dir: Path) -> None:
    network = NETWORKS[name]
    graph = load_network(
        name,
        NetworkOptions(
            width=0.5 if network.widths else 0.25,
            resolution=min(RESOLUTION, network.standard.resolution) if network.least <= RESOLUTION else None,
            classes=CLASSES,
            groups=groups,
        ),
    )
    small = Small.of_graph(graph, RING)
    image = quantise_pixels(synthetic_inputs(1, graph.tensors[graph.input].shape, 7)[0], graph.tensors[graph.input])
    small.simulate(image, bench_dir)


STANDARD = [(network.name, options) for network in NETWORKS.values() for options in network.sizes()]


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "options"), STANDARD, ids=[NETWORKS[name].label(options) for name, options in STANDARD]
)
def test_standard(name: str, options: Options, bench_dir: Path) -> None:
    graph = load_network(
        name,
        NetworkOptions(
            width=options.width,
            resolution=options.resolution,
            classes=options.classes,
            groups=options.groups or None,
            variant=options.variant or None,
        ),
    )
    board = find_board("ulx3s")
    memory = board.memory.config(board.default_clock_hz)
    planned = plan(legalise(graph), board, lambda program: predict(program, memory))
    image = quantise_pixels(synthetic_inputs(1, graph.tensors[graph.input].shape, 7)[0], graph.tensors[graph.input])
    values = golden.run(planned.graph, image)
    result = simulate_frame(planned.program, memory, image, values, bench_dir)
    assert result.mismatches == 0, result.tensors
    assert np.array_equal(result.output, values[planned.graph.output])
    assert [entry.cycles for entry in result.passes] == [entry.cycles for entry in planned.passes]
