"""Frames through a machine: its program once, then images in and results out, one frame or one batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hwgen.errors import ModelError
from hwgen.host.link import Link
from hwgen.host.packets import LinkError, MachineStatus
from hwgen.hw.memory.sdram_config import BURST

if TYPE_CHECKING:
    from hwgen.compiler.plan.result import Plan

_LIMIT = 10.0
"""Times the predicted duration after which a machine is given up; at least `_LEAST_S`."""

_LEAST_S = 1.0


class Frames:
    """A plan on the machine behind a link.

    Args:
        link: to the machine.
        plan: what it is to do.
        build: number of the build, which the machine must have too (`hwgen.flow.design.build_number`).

    Attributes:
        status: of the machine after the latest frame or batch; None before the first.
    """

    def __init__(self, link: Link, plan: Plan, build: int) -> None:
        self._link, self._plan, self._program, self._build = link, plan, plan.program, build
        self.status: MachineStatus | None = None

    def load(self) -> None:
        """Write the command stream, weights included, into the SDRAM, and compare; a machine without SDRAM has all of it from power-on.

        Raises:
            LinkError: the machine is another build's, does not answer, or its SDRAM does not keep what is written into it.
        """
        found = self._link.identify().build
        if found != self._build:
            raise LinkError(
                f"the board has the bitstream of build {found:#010x}, this is build {self._build:#010x}: flash this build's bitstream"
            )
        if self._program.resident is None:
            stream = self._program.stream
            stream = np.pad(stream, (0, -len(stream) % BURST))
            self._link.write(0, stream)
            self._link.verify(0, stream)

    def run(self, images: Sequence[NDArray[np.int8]]) -> list[NDArray[np.int8]]:
        """Results int8 [height, width, channels] of as many images int8 [height, width, channels] as the plan's batch has frames.

        Raises:
            ModelError: another count of images, or one of another shape or type.
            LinkError: the machine does not answer, or did not carry out all passes.
        """
        if len(images) != self._plan.frames:
            raise ModelError(f"{self._plan.graph.name}: {self._plan.frames} images go together, not {len(images)}")
        self._upload(np.concatenate([self._checked(image) for image in images]))
        self._link.start()
        self.status = self._link.wait(max(_LEAST_S, _LIMIT * self._plan.cycles / self._plan.timing.clock_hz))
        if self.status.passes_done != len(self._program.names):
            raise LinkError(f"the machine ended after {self.status.passes_done} of {len(self._program.names)} passes")
        words = self._link.peek_all(self._runs())
        height, width, channels = self._program.result_shape
        octets = words.astype("<u8").view(np.int8)
        return np.split(octets.reshape(height, width, -1)[:, :, :channels], self._plan.frames)

    def _checked(self, image: NDArray[np.int8]) -> NDArray[np.int8]:
        height, width, channels = self._program.image_shape
        shape = height // self._plan.frames, width, channels
        if image.dtype != np.int8 or image.shape != shape:
            raise ModelError(f"an image must be int8 {shape}, not {image.dtype} {image.shape}")
        return image

    def _upload(self, images: NDArray[np.int8]) -> None:
        """The images, one below the other: into the stream, or into the activation memory."""
        program = self._program
        if program.resident is None:
            self._link.write_all(zip(program.image_rows.tolist(), program.image_payload(images), strict=True))
        else:
            places = zip(program.image_places, program.image_words(images), strict=True)
            self._link.poke_all((bank, address, words) for (bank, address), words in places)

    def _runs(self) -> Iterator[tuple[int, int, int]]:
        """(bank, first word, words) of the results, joined where they follow each other."""
        first, count = self._program.result[0], 0
        for bank, address in self._program.result:
            if (bank, address) != (first[0], first[1] + count):
                yield *first, count
                first, count = (bank, address), 0
            count += 1
        yield *first, count
