"""Cycles of the window's pipeline, all counted from the one in which a column is taken."""

from __future__ import annotations

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import FeedMode, WindowOp
from hwgen.hw.lib.fifo import StreamFifo
from hwgen.hw.window.accumulator import Accumulator
from hwgen.hw.window.maximum import Maximum
from hwgen.hw.window.multiply_accumulate import MultiplyAccumulate
from hwgen.hw.window.requantise import requantise_latency

COLUMN_AT = 1
"""The column stands in a register."""

TAPS_AT = COLUMN_AT + 1
"""It is the newest one of the taps."""

MAC_AT = TAPS_AT + MultiplyAccumulate.LATENCY
"""The sum of its taps times weights."""

ACC_AT = MAC_AT + Accumulator.LATENCY
"""The accumulator holds its sum."""

MAX_AT = COLUMN_AT + Maximum.LATENCY
"""The maximum of its taps."""


def result_at(config: CoreConfig) -> int:
    """The accumulator's value, requantised and looked up."""
    return ACC_AT + requantise_latency(config)


def window_latency(config: CoreConfig, op: WindowOp, mode: FeedMode = FeedMode.WINDOW) -> int:
    """Cycles from taking a column with `emit` to its result at `o`."""
    if mode == FeedMode.WINDOW and op == WindowOp.MAX:
        return MAX_AT + StreamFifo.LATENCY
    return result_at(config) + StreamFifo.LATENCY


def result_credits(config: CoreConfig) -> int:
    """Results under way and waiting: more than the latency plus 1, so that the credit never limits an output that is not held up."""
    return 1 << (result_at(config) + StreamFifo.LATENCY + 1).bit_length()
