"""Packets of the command stream that the DMA reads."""

from __future__ import annotations

import enum


class PacketKind(enum.IntEnum):
    """Kinds of packets in the command stream (header halfword 0, bits 3..0)."""

    END = 0
    WEIGHTS = 1
    PARAMETERS = 2
    WINDOW = 3
    DESCRIPTOR = 4
    IMAGE = 5
    TABLE = 6
    STORE = 7


PACKET_HEADER_HALFWORDS = 4
