"""The program of one frame: the command stream, and all that a host or a simulator has to know about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwgen.compiler.lower.image import ImageFold
from hwgen.compiler.program.handed import Handed
from hwgen.compiler.program.stream import Packet
from hwgen.compiler.program.written import Written
from hwgen.errors import ModelError
from hwgen.hw.isa.config import WORD_BYTES, CoreConfig
from hwgen.hw.isa.descriptor_fields import DescriptorFields
from hwgen.hw.isa.resident import Resident


@dataclass(frozen=True, eq=False)
class Program:
    """One frame, or a batch of frames whose images, tensors and results stand one below the other.

    Attributes:
        config: core that it is for.
        resident: content of the core's memories if everything stays in block RAM; then there is no stream, and the host writes the
            image to `image_places`.
        stream: uint16, the command stream; image rows are zero until `write_image`.
        image_rows: int64 [image height], halfword offset in the stream of each image row's payload.
            Those of rows that no pass reads lie behind the end, where the DMA never comes.
        image_row_halfwords: halfwords of an image row's payload.
        image_places: (bank, word address) of each of the image's rows in the activation memory.
        image_fold: how the image lies in memory if not pixel by pixel.
        image_shape: (height, width, channels) of the image.
        image_unpack: an image row is its bytes as they are (pixels of 3 bytes); else pixels are padded to words.
        names: name of every pass.
        descriptors: of every pass.
        written: what every pass writes.
        handed: what every pass hands on behind an element without writing it, by the element in whose trace it is: the window's results
            on their way to the array, the array's on their way to the combine element.
        macs: multiply-accumulates of every pass in the array, padding not counted.
        packets: the stream's packets in order, without END.
        result: (bank, word address) of each word of the output tensor, row by row, pixel by pixel.
        result_tensor: its name; result_shape: (height, width, channels), byte i of a pixel's words is channel i.
    """

    config: CoreConfig
    resident: Resident | None
    stream: np.ndarray
    image_rows: np.ndarray
    image_row_halfwords: int
    image_places: list[tuple[int, int]]
    image_fold: ImageFold | None
    image_shape: tuple[int, int, int]
    image_unpack: bool
    names: list[str]
    descriptors: list[DescriptorFields]
    written: list[list[Written]]
    handed: list[dict[str, Handed]]
    macs: list[int]
    packets: list[Packet]
    result: list[tuple[int, int]]
    result_tensor: str
    result_shape: tuple[int, int, int]

    @property
    def stream_bytes(self) -> int:
        """Length of the stream."""
        return 2 * len(self.stream)

    def image_payload(self, image: np.ndarray) -> np.ndarray:
        """An image int8 [height, width, channels] as uint16 [height, image_row_halfwords].

        Raises:
            ModelError: the image has another shape or type.
        """
        self._check_image(image)
        height, _, channels = image.shape
        octets = image.view(np.uint8) if image.flags.c_contiguous else np.ascontiguousarray(image).view(np.uint8)
        if not self.image_unpack:
            octets = np.pad(octets, ((0, 0), (0, 0), (0, -channels % WORD_BYTES)))
        return octets.reshape(height, -1).view("<u2")

    def image_words(self, image: np.ndarray) -> np.ndarray:
        """An image int8 [height, width, channels] as words of the activation memory, uint64 [rows of `image_places`, words of a row].

        Raises:
            ModelError: the image has another shape or type.
        """
        self._check_image(image)
        if self.image_fold is not None:
            octets = self.image_fold.arrange(image)
        elif self.image_unpack:
            pairs = self.image_payload(image).view(np.uint8).reshape(len(image), -1, 2, 3)
            octets = np.pad(pairs, ((0, 0), (0, 0), (0, 0), (0, 1))).reshape(len(image), -1)
        else:
            octets = self.image_payload(image).view(np.uint8)
        return np.ascontiguousarray(octets).view("<u8")

    def _check_image(self, image: np.ndarray) -> None:
        if image.dtype != np.int8 or image.shape != self.image_shape:
            raise ModelError(f"the image must be int8 {self.image_shape}, not {image.dtype} {image.shape}")

    def write_image(self, stream: np.ndarray, image: np.ndarray) -> None:
        """Write an image into a copy of the stream, in place."""
        payload = self.image_payload(image)
        columns = np.arange(self.image_row_halfwords)
        stream[self.image_rows[:, None] + columns] = payload

    def read_result(self, memory: np.ndarray) -> np.ndarray:
        """The output tensor, int8 [height, width, channels], out of a memory int8 [banks, depth, 8]."""
        bank, addr = np.array(self.result).T
        height, width, channels = self.result_shape
        return memory[bank, addr].reshape(height, width, -1)[:, :, :channels]
