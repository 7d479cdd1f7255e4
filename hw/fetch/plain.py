"""Address generator of a core without row steps: an output row reads at most three input rows."""

from __future__ import annotations

from amaranth.hdl import Module

from hwgen.hw.fetch.address_generator import AddressGenerator
from hwgen.hw.fetch.beat_addresses import PlainBeatAddresses
from hwgen.hw.fetch.beat_loops import PlainLoops
from hwgen.hw.fetch.row_addresses import RowAddresses
from hwgen.hw.isa.config import CoreConfig


class PlainAddresses(AddressGenerator):
    """Beats in this order:

    - TAP: for row: for ky < kernel_h: for kx < kernel_w: for g < groups: for x < out_w: word first_word + g of pixel
      in_x + x * stride_x + kx of row in_y + row * stride_y + ky.
    - TAP with `shared`: for row: for ky < kernel_h: for g < groups: for col < columns: word first_word + g of pixel in_x + col of the
      same row.
    - WINDOW: for row: for sg < groups: for col < columns: of rows in_y + row * stride_y + i, i < kernel_h, the L bytes of
      subgroup sg (at word first_word + sg * L // 8) of pixel in_x + col. `emit` if col >= kernel_w - 1 and
      (col - kernel_w + 1) % stride_x == 0.
    - SUM: for sg < groups: for row < out_rows: for x < out_w: the same of row in_y + row alone; `start` with the first, `emit` with
      the last column of a subgroup.

    Parameters:
        config: `window_lanes` (L), `shared_taps`.

    Members: as of `AddressGenerator`.

    Timing: as of `AddressGenerator`; a beat with `rows_first` is the first one of an output row, and is offered at the earliest
    stride_y + 2 cycles after the last one's `issue` (SUM: the first one of an input row, 3 cycles).
    """

    def __init__(self, config: CoreConfig) -> None:
        self._config = config
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        loops, rows = PlainLoops(self._config), RowAddresses()
        _, is_sum = self._mode(m)
        place = self._connect(m, loops, PlainBeatAddresses(self._config), rows, is_sum)
        m.d.comb += [rows.rewind.eq(is_sum & place.row_last), self.beat.ky.eq(loops.ky)]
        return m
