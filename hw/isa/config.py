"""Parameters of one generated core: everything that the RTL needs to know and nothing that a pass may change.

The planner chooses a `CoreConfig`; every component of `hw` takes it (or a few of its fields).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

BANKS = 4
"""Row banks of the activation memory: row slot `v` of any tensor lies in bank `v % BANKS`."""

WORD_BYTES = 8
"""Bytes in a word of the activation memory and of the pixel ring."""

PARAMETER_BITS = 72
"""Bits of one channel's requantisation parameters: see `hwgen.hw.isa.descriptor.ChannelParameters`."""

WINDOW_TAPS = 3
"""Rows and columns of taps that the window works on at a time."""

WINDOW_WORDS = 8
"""Words that the window's parameter memory holds for one subgroup of channels."""

PARTIAL_DEPTHS = (512, 1024)
"""Words that the memory of the window's partial sums may have, if there is one."""

K_STEPS = (1, 2)
"""Steps of K that the array may take in a cycle."""


@dataclass(frozen=True)
class CoreConfig:
    """Shape of a core.

    Attributes:
        rows: R, pixels that the array works on at once (2..16).
        cols: C, output channels that the array works on at once (4, 8, 12 or 16).
        window: whether the core has a window, with the row writer behind it; without them all passes are of FeedMode.TAP.
        window_lanes: L, channels that the window works on at once (4 or 8).
        k_steps: steps of K that the array takes in a cycle, 1 or 2.
        shared_taps: whether a word of several taps of a row may be read once and go to the pixels of all of them at once.
        acc_bits: width of the array's accumulators, bits.
        array_clamp_bits: A of the array's requantisers (docs/arithmetic.md), bits.
        window_clamp_bits: A of the window's requantisers, bits.
        activation_depth: words in each of the `BANKS` banks.
        weight_depth: words of `weight_bytes` in the weight memory.
        ring_depth: words in the pixel ring's memory of each array row.
        parameter_depth: channels in the array's parameter memory.
        window_depth: words of `18 * window_lanes` bits in the window's parameter memory.
        segment_fifo: segments of `cols` bytes between the array and the writer.
        array_table: whether a 256-entry table follows the array's requantisers.
        window_table: whether a 256-entry table follows the window's requantisers.
        table_slots: tables that a lane's memory has room for, a power of two, 2..16: the last one is the identity.
        row_steps: whether the fetch steps from row to row inside an output row: kernels of the array with more than three rows or seven
            columns, dilation, and kernels of the window in several blocks.
        partial_depth: outputs of a row whose partial sums the window keeps, for kernels in several blocks (512 or 1024;
            needs `row_steps`); 0: no such kernels.
        striped_sums: whether a pass of FeedMode.SUM may go on with the sums of the one before it.
        resident_passes: passes of a frame, if weights, parameters and descriptors are the initial content of block RAM; 0: the DMA
            brings them.
        combine_lanes: bytes that the combine element works on at once (1, 2 or 4; at most C / 2), 0 if there is none.
        combine_multiply: whether the combine element does MUL, not only ADD.
        spill: whether the DMA stores rows of the activation memory in the SDRAM.
        floorplan: part whose multiplier sites are assigned by name ("LFE5U-85F"), or None.
    """

    rows: int = 13
    cols: int = 12
    window: bool = True
    window_lanes: int = 4
    k_steps: int = 1
    shared_taps: bool = False
    acc_bits: int = 26
    array_clamp_bits: int = 24
    window_clamp_bits: int = 24
    activation_depth: int = 6144
    weight_depth: int = 8192
    ring_depth: int = 512
    parameter_depth: int = 1024
    window_depth: int = 2048
    segment_fifo: int = 64
    array_table: bool = False
    window_table: bool = False
    table_slots: int = 2
    row_steps: bool = False
    partial_depth: int = 0
    striped_sums: bool = False
    resident_passes: int = 0
    combine_lanes: int = 0
    combine_multiply: bool = False
    spill: bool = False
    floorplan: str | None = None

    def __post_init__(self) -> None:
        checks = [
            (2 <= self.rows <= 16, f"rows must be 2..16, not {self.rows}"),
            (self.cols in (4, 8, 12, 16), f"cols must be 4, 8, 12 or 16, not {self.cols}"),
            (self.window_lanes in (4, 8), f"window_lanes must be 4 or 8, not {self.window_lanes}"),
            (
                self.partial_depth == 0 or (self.row_steps and self.partial_depth in PARTIAL_DEPTHS),
                f"partial_depth must be 0, or 512 or 1024 with row_steps, not {self.partial_depth}",
            ),
            (
                self.window or not (self.window_table or self.partial_depth or self.striped_sums),
                "window_table, partial_depth and striped_sums need a window",
            ),
            (self.k_steps in K_STEPS, f"k_steps must be 1 or 2, not {self.k_steps}"),
            (
                14 + 2 * self.k_steps <= self.acc_bits <= 32,
                f"acc_bits must be {14 + 2 * self.k_steps}..32 with k_steps {self.k_steps}, not {self.acc_bits}",
            ),
            (
                self.combine_lanes in (0, 1, 2, 4) and 2 * self.combine_lanes <= self.cols,
                f"combine_lanes must be 0, 1, 2 or 4, at most cols / 2, not {self.combine_lanes}",
            ),
            (
                not self.combine_lanes or 2 * self.rows > self.cols,  # both even: two more at least
                f"2 * rows must be at least cols + 2 with a combine element, not {2 * self.rows} and {self.cols} + 2",
            ),
            (self.table_slots in (2, 4, 8, 16), f"table_slots must be 2, 4, 8 or 16, not {self.table_slots}"),
            (
                self.segment_fifo >= 3 * self.rows,
                f"segment_fifo must hold three tiles ({3 * self.rows}), not {self.segment_fifo}",
            ),
        ]
        for holds, message in checks:
            if not holds:
                raise ValueError(message)

    @property
    def lanes(self) -> int:
        """Q, requantiser lanes behind the array: one for two columns."""
        return self.cols // 2

    @property
    def array(self) -> tuple[int, int, int]:
        """The array's rows, columns and steps of K a cycle."""
        return self.rows, self.cols, self.k_steps

    @property
    def macs_per_cycle(self) -> int:
        """Peak multiply-accumulates per cycle of the array."""
        return prod(self.array)

    @property
    def weight_bytes(self) -> int:
        """Bytes of a word of the weight memory: of every column, for every step of a cycle."""
        return self.cols * self.k_steps
