"""The host's side of frames and batches against a machine in Python that has the golden model inside."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from hwgen.compiler.frontend.images import quantise_pixels, synthetic_images
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.legalise import legalise
from hwgen.compiler.plan.planner import plan
from hwgen.compiler.plan.result import Plan
from hwgen.compiler.plan.throughput import plan_batch
from hwgen.errors import ModelError
from hwgen.host.frames import Frames
from hwgen.host.packets import Identity, LinkError, MachineStatus
from hwgen.hw.isa.config import BANKS, WORD_BYTES
from hwgen.hw.isa.host_protocol import MachineError, StatusFlag
from hwgen.sim.golden import run
from hwgen.sim.timing.frame import predict
from tests.support.int8_networks import load_network
from tests.support.small_board import SDRAM, SmallBoard

BUILD = 0xC0FFEE42


class Machine:
    """Does what a host asks of a `Link`: a frame reads its images where the program has them, and leaves the results there."""

    def __init__(self, planned: Plan, goldens: list[dict[str, np.ndarray]], images: list[np.ndarray]) -> None:
        self._program, self._goldens, self._images = planned.program, goldens, images
        self.sdram = np.zeros(1 << 20, np.uint16)
        self.memory = np.zeros((BANKS, planned.config.activation_depth, WORD_BYTES), np.int8)
        self.writes = 0
        self.verified = 0
        self.passes_left = 0

    def identify(self) -> Identity:
        return Identity(BUILD, 100_000_000, 2)

    def verify(self, address: int, halfwords: np.ndarray) -> None:
        assert len(halfwords) % 8 == 0 and len(halfwords) >= len(self._program.stream)
        np.testing.assert_array_equal(self.sdram[address : address + len(halfwords)], halfwords)
        self.verified += 1

    def write(self, address: int, halfwords: np.ndarray) -> None:
        self.sdram[address : address + len(halfwords)] = halfwords
        self.writes += 1

    def write_all(self, pieces: Iterable[tuple[int, np.ndarray]]) -> None:
        for address, halfwords in pieces:
            self.write(address, halfwords)

    def start(self) -> None:
        expected = self._program.stream.copy()
        self._program.write_image(expected, np.concatenate(self._images))
        np.testing.assert_array_equal(self.sdram[: len(expected)], expected)
        outputs = np.concatenate([tensors[self._program.result_tensor] for tensors in self._goldens])
        octets = np.pad(outputs, ((0, 0), (0, 0), (0, -outputs.shape[2] % WORD_BYTES))).reshape(-1, WORD_BYTES)
        for (bank, address), word in zip(self._program.result, octets, strict=True):
            self.memory[bank, address] = word

    def wait(self, limit_s: float) -> MachineStatus:
        assert limit_s >= 1
        return MachineStatus(StatusFlag(2), MachineError(0), len(self._program.names) - self.passes_left, 1000, 1)

    def peek_all(self, runs: Iterable[tuple[int, int, int]]) -> np.ndarray:
        return np.concatenate([self.memory[bank, at : at + words].reshape(-1).view("<u8") for bank, at, words in runs])


@pytest.mark.parametrize("frames", [1, 2])
def test_images_in_results_out(frames: int) -> None:
    graph = load_network("shufflenet_v2", NetworkOptions(width=0.5, resolution=32, classes=20))
    board: Any = SmallBoard(28, 108)

    def model(program: Any) -> Any:
        return predict(program, SDRAM)

    planned = plan(legalise(graph), board, model)
    planned = planned if frames == 1 else plan_batch(planned, model, frames)
    images = [quantise_pixels(pixels, graph.tensors[graph.input]) for pixels in synthetic_images(frames, 32, 3)]
    goldens = [run(planned.graph, image) for image in images]
    machine: Any = Machine(planned, goldens, images)
    host = Frames(machine, planned, BUILD)
    host.load()
    loads = machine.writes
    assert machine.verified == 1
    for _ in range(2):
        results = host.run(images)
        assert len(results) == frames
        for result, tensors in zip(results, goldens, strict=True):
            np.testing.assert_array_equal(result, tensors[planned.graph.output])
    assert machine.writes == loads + 2 * 32 * frames, "images only"
    assert host.status is not None and host.status.passes_done == len(planned.passes)
    machine.passes_left = 3
    with pytest.raises(LinkError, match=f"ended after {len(planned.passes) - 3} of {len(planned.passes)} passes"):
        host.run(images)
    with pytest.raises(LinkError, match="has the bitstream of build 0xc0ffee42, this is build 0x00000001: flash"):
        Frames(machine, planned, 1).load()
    with pytest.raises(ModelError, match=f"{frames} images go together, not {frames + 1}"):
        host.run([*images, images[0]])
    with pytest.raises(ModelError, match=r"must be int8 \(32, 32, 3\), not int8 \(31, 32, 3\)"):
        host.run([image[1:] for image in images])
