"""Address generator of a core with row steps: rows of taps and of blocks lie `tap_rows` input rows from each other."""

from __future__ import annotations

from amaranth.hdl import Module, Mux

from hwgen.hw.fetch.address_generator import AddressGenerator
from hwgen.hw.fetch.beat_loops import SteppedLoops
from hwgen.hw.fetch.stepped_beat_addresses import SteppedBeatAddresses
from hwgen.hw.fetch.stepped_row_addresses import SteppedRowAddresses
from hwgen.hw.isa.config import CoreConfig


class SteppedAddresses(AddressGenerator):
    """Beats in the order of `hwgen.hw.fetch.plain.PlainAddresses`, but with taps and blocks that lie apart:

    - TAP: pixel in_x + x * stride_x + kx * tap_columns (with `shared` in_x + col) of row in_y + row * stride_y + ky * tap_rows.
    - WINDOW: for row: for sg: for by < blocks_h: for bx < blocks_w: for col: rows in_y + row * stride_y + by * tap_rows + i of pixel
      in_x + bx * tap_columns + col; `start` with the first column of every block, `emit` as for a kernel of one block.

    Parameters:
        config: `window_lanes` (L), `shared_taps`.

    Members: as of `AddressGenerator`. The rows are those of one row of taps or blocks, so `beat.ky` is 0.

    Timing: as of `AddressGenerator`; a beat with `rows_first` is the first one of a row of taps (TAP) or of blocks (WINDOW), and is
    offered at the earliest tap_rows + 2 cycles after the last one's `issue`; stride_y + 2 cycles if it is also the first one of an
    output row; 3 cycles if it returns to the output row's first rows for another subgroup, and in SUM.
    """

    def __init__(self, config: CoreConfig) -> None:
        self._config = config
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rows = SteppedRowAddresses()
        tap, is_sum = self._mode(m)
        place = self._connect(m, SteppedLoops(self._config), SteppedBeatAddresses(self._config), rows, is_sum)
        m.d.comb += [
            rows.back.eq(Mux(is_sum, place.row_last, ~tap & place.ky_last & ~place.group_last)),
            rows.onward.eq(place.ky_last & ~is_sum),
        ]
        return m
