"""Model of the collector: segments and the cycles in which they are offered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwgen.sim.elements.requantise import requantise

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ChannelTable:
    """Parameters of successive channels, as they lie in the parameter memory: int64 arrays of one length."""

    bias: Int64
    multiplier: Int64
    shift: Int64
    look_up: Int64

    def words(self) -> list[int]:
        """The 72-bit words of the parameter memory."""
        return [
            (int(b) & 0xFFFFFFFF) | int(m) << 32 | int(n) << 63 | int(t) << 69
            for b, m, n, t in zip(self.bias, self.multiplier, self.shift, self.look_up, strict=True)
        ]


def segments(
    acc: Int64,
    parameters: ChannelTable,
    *,
    base: int,
    chunks: int,
    clamp_bits: int,
    clamp: tuple[int, int, int],
    table: Int64 | None,
) -> Int64:
    """Segments [chunk, row, channel of the chunk], int64 in int8 range.

    Args:
        acc: [chunk, row, column], the sums; the chunks of all tiles in order.
        parameters: the parameter memory's content.
        base: `parameter_base` of the pass.
        chunks: chunks per tile.
        clamp_bits: A.
        clamp: zero point, low, high.
        table: 256 entries by input byte, or None.
    """
    count, _, cols = acc.shape
    lanes = cols // 2
    # Column 2 q carries channel q, column 2 q + 1 channel Q + q.
    columns = np.array([2 * (i % lanes) + i // lanes for i in range(cols)])
    by_channel = acc[:, :, columns]
    address = base + (np.arange(count) % chunks)[:, None] * cols + np.arange(cols)
    zero_point, low, high = clamp
    out = requantise(
        by_channel,
        parameters.bias[address][:, None, :],
        parameters.multiplier[address][:, None, :],
        parameters.shift[address][:, None, :],
        clamp_bits=clamp_bits,
        zero_point=zero_point,
        low=low,
        high=high,
    )
    if table is None:
        return out
    return np.where(parameters.look_up[address][:, None, :], table[out & 0xFF], out)


def offered_cycles(first: Int64, rows: int, latency: int) -> Int64:
    """Cycles [chunk, row] in which segments are offered, from the cycle of each chunk's first result; nothing stalls."""
    return first[:, None] + 2 * np.arange(rows) + latency
