"""What crosses between the core's clock and the memory's, each way captured at common edges only."""

from __future__ import annotations

from amaranth.lib import data

from hwgen.hw.isa.memories import FIFO_DEPTH
from hwgen.hw.memory.sdram import SdramWrite
from hwgen.hw.memory.sdram_config import ADDRESS_BITS

HostRequest = data.StructLayout({"is_write": 1, "write": SdramWrite})
"""A burst to read, of whose `write` the address counts, or a halfword to write."""


def to_memory(word: int) -> data.StructLayout:
    """From the core's side. `start` and `ask` change for every frame and every request of the host, `taken` counts words of the stream;
    `base` and `request` are stable from before such a change on until it is answered."""
    return data.StructLayout(
        {
            "start": 1,
            "ask": 1,
            "running": 1,
            "taken": range(2 * FIFO_DEPTH // word),
            "base": ADDRESS_BITS,
            "request": HostRequest,
        }
    )


def to_core(word: int) -> data.StructLayout:
    """From the memory's side. `started` and `answered` change for every frame and every request of the host, `arrived` counts words."""
    return data.StructLayout(
        {
            "started": 1,
            "answered": 1,
            "initialised": 1,
            "arrived": range(2 * FIFO_DEPTH // word),
        }
    )
