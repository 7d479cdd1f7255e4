"""Batches of frames on the whole machine: every tensor of every frame bit-equal, every pass's cycles as predicted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.compiler.frontend.images import quantise_pixels, synthetic_images
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.program.check import check_program
from hwgen.compiler.weight_schedule.schedule import streamed_bytes
from hwgen.hw.isa.packets import PacketKind
from hwgen.sim.frame.simulate import simulate_frame
from hwgen.sim.golden import run
from tests.support.batches import batch
from tests.support.int8_networks import load_network
from tests.support.small_board import SDRAM

RESOLUTION = 32


@pytest.mark.parametrize("frames", [2, 3])
def test_batch(frames: int, bench_dir: Path) -> None:
    graph = load_network("shufflenet_v2", NetworkOptions(width=0.5, resolution=RESOLUTION, classes=20))
    planned = batch(graph, frames)
    assert planned.frames == frames and planned.single is not None
    check_program(planned.lowered, planned.fit.steps, planned.program)

    # Weights come once for all frames: the packets' payload is what one frame loads.
    halfwords = sum(
        packet.units * packet.halfwords for packet in planned.program.packets if packet.kind == PacketKind.WEIGHTS
    )
    once = streamed_bytes(planned.single.loads, planned.config)
    assert 2 * halfwords == streamed_bytes(planned.loads, planned.config) == once
    assert planned.cycles < 0.75 * frames * planned.single.cycles

    images = [quantise_pixels(pixels, graph.tensors[graph.input]) for pixels in synthetic_images(frames, RESOLUTION, 7)]
    separate = [run(planned.graph, image) for image in images]
    golden = {name: np.concatenate([tensors[name] for tensors in separate]) for name in separate[0]}
    result = simulate_frame(planned.program, SDRAM, np.concatenate(images), golden, bench_dir)

    assert result.mismatches == 0, result.tensors
    one = planned.single.program
    assert set(result.tensors) == {
        *(written.tensor for entries in one.written for written in entries),
        *(passed["window"].tensor for passed in one.handed if "window" in passed),
    }
    assert result.compared == frames * sum(golden[name].size // frames for name in result.tensors)
    predicted = [(entry.name, entry.cycles) for entry in planned.passes]
    assert [(entry.name, entry.cycles) for entry in result.passes] == predicted
    assert abs(planned.cycles - result.cycles) <= 0.005 * result.cycles
    outputs = np.split(result.output, frames)
    for output, tensors in zip(outputs, separate, strict=True):
        np.testing.assert_array_equal(output, tensors[planned.graph.output])
    assert not np.array_equal(outputs[0], outputs[1]), "the frames differ"
