"""The command stream: packets of 16-bit halfwords that the DMA reads in order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwgen.hw.isa.config import BANKS, WORD_BYTES
from hwgen.hw.isa.packets import PACKET_HEADER_HALFWORDS, PacketKind

UNPACKED_HALFWORDS = 3
"""Halfwords of an image word in the stream when two pixels of three bytes share it."""

WORD_HALFWORDS = WORD_BYTES // 2
_BANK_SHIFT = 4
_UNPACK_SHIFT = 6
_MAX_UNITS = 65535


@dataclass(frozen=True)
class Packet:
    """A packet of the stream, for the timing model: `units` of `halfwords` each behind the header, for pass `step`.

    A STORE packet copies `words` words of the activation memory to the stream's halfword `target` and on.
    """

    kind: PacketKind
    step: int
    units: int
    halfwords: int
    wait: int
    words: int = 0
    target: int = 0


class StreamWriter:
    """Collects packets; `position` is the halfword offset of what comes next."""

    def __init__(self) -> None:
        self._pieces: list[np.ndarray] = []
        self.position = 0

    def packet(
        self, kind: PacketKind, address: int, wait: int, payload: np.ndarray, *, bank: int = 0, unpack: bool = False
    ) -> None:
        """One packet; `payload` is uint16 [units, halfwords of a unit], or uint8 with twice as many columns at most.

        A unit of bytes with an odd count is filled up with a zero byte.
        """
        if payload.dtype == np.uint8:
            payload = as_halfwords(payload)
        if not 0 < len(payload) <= _MAX_UNITS:
            raise ValueError(f"a packet has 1..{_MAX_UNITS} units, not {len(payload)}")
        if not (0 <= address <= 0xFFFF and 0 <= wait <= 0xFFFF and 0 <= bank < BANKS):
            raise ValueError(f"address {address}, wait {wait} or bank {bank} does not fit the packet header")
        head = int(kind) | bank << _BANK_SHIFT | int(unpack) << _UNPACK_SHIFT
        self._append(np.array([head, address, len(payload), wait], np.uint16))
        self._append(np.ascontiguousarray(payload, np.uint16).reshape(-1))

    @property
    def payload_position(self) -> int:
        """Halfword offset of the payload of a packet that comes next."""
        return self.position + PACKET_HEADER_HALFWORDS

    def nothing(self) -> None:
        """A packet without payload, for distance."""
        self._append(np.array([int(PacketKind.IMAGE)] + [0] * (PACKET_HEADER_HALFWORDS - 1), np.uint16))

    def end(self) -> None:
        """The packet that stops the DMA."""
        self._append(np.array([int(PacketKind.END)] + [0] * (PACKET_HEADER_HALFWORDS - 1), np.uint16))

    def blank(self, halfwords: int) -> None:
        """Zeros behind the end."""
        self._append(np.zeros(halfwords, np.uint16))

    def result(self) -> np.ndarray:
        """Everything so far, uint16."""
        return np.concatenate(self._pieces)

    def _append(self, piece: np.ndarray) -> None:
        self._pieces.append(piece)
        self.position += len(piece)


def as_halfwords(units: np.ndarray) -> np.ndarray:
    """uint8 [units, bytes] as little-endian uint16 [units, ceil(bytes / 2)]."""
    if units.shape[1] % 2:
        units = np.pad(units, ((0, 0), (0, 1)))
    return np.ascontiguousarray(units).view("<u2")
