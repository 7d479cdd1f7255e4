"""Walks the output pixels of a pass in the array's order: for tile: for chunk: for array row."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.config import WORD_BYTES
from hwgen.hw.isa.descriptor import Descriptor, RowPointer
from hwgen.hw.lib.loop import Loop
from hwgen.hw.memory.row_pointer import LastSlot, next_row

_ADDR_BITS = RowPointer["addr"].width
_Pixel = data.StructLayout(
    {
        "slot": RowPointer["slot"].width,
        "wraps": 1,  # it is the tensor's last slot
        "row": _ADDR_BITS,
        "pixel": _ADDR_BITS,
        "left": Descriptor["out_w"].width,  # pixels of the row from this one on
        "last": 1,  # this is the row's last pixel: as a register, because so much depends on it
    }
)


def next_chunk(m: Module, word: Signal, half: Signal, cols: int) -> None:
    """On to a pixel's next chunk of `cols` channels; the present one begins in `word`, with `half` in the word's upper half."""
    if cols % WORD_BYTES == 0:
        m.d.sync += word.eq(word + cols // WORD_BYTES)
    else:
        m.d.sync += [word.eq(word + cols // WORD_BYTES + half), half.eq(~half)]


class PixelAddresses(wiring.Component):
    """Counts tiles, chunks and array rows, and follows a tensor's pixels through its rows.

    Every chunk of a tile returns to the tile's first pixel. Array rows at and beyond `last_pixels` of the last tile have no pixel.

    Parameters:
        rows: R, array rows.

    Members:
        descriptor : In(Descriptor), of the pass: `tiles`, `chunks`, `last_pixels`, `out_w`; stable from the cycle before `start` to the end
            of the pass, like the next two.
        pointer : In(RowPointer), the tensor's first row and how the next ones follow.
        pixel_words : In(9), words from one of its pixels to the next.
        start : In(1), strobe, begin a pass.
        step : In(1), strobe, go on to the next array row; not in the cycle of `start`.
        bank : Out(2), pixel : Out(14), bank and word address of the present array row's pixel.
        missing : Out(1), it has no pixel; bank and address then mean nothing.
        row_last : Out(1), it is the tile's last one.
        tile_end, pass_end : Out(1), and of the tile's last chunk, and of the last tile.

    Timing: the first array row shows in the cycle after `start`, the next one in the cycle after each `step`. All outputs but `bank` and
    `pixel` are registers of their own, because so much depends on them.
    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "pointer": In(RowPointer),
                "pixel_words": In(Descriptor["out_pixel_words"].width),
                "start": In(1),
                "step": In(1),
                "bank": Out(2),
                "pixel": Out(_ADDR_BITS),
                "missing": Out(1),
                "row_last": Out(1),
                "tile_end": Out(1),
                "pass_end": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        d = self.descriptor
        here, first, following = Signal(_Pixel), Signal(_Pixel), Signal(_Pixel)
        m.d.comb += [self.bank.eq(here.slot[: len(self.bank)]), self.pixel.eq(here.pixel)]
        last_slot = LastSlot(m, self.pointer)
        self._follow(m, last_slot, here, following)
        self._count(m, here, first, following)
        with m.If(self.start):
            for signal in (here, first):
                m.d.sync += [
                    signal.slot.eq(self.pointer.slot),
                    signal.wraps.eq(last_slot.at_start),
                    signal.row.eq(self.pointer.addr),
                    signal.pixel.eq(self.pointer.addr),
                    signal.left.eq(d.out_w),
                    signal.last.eq(d.out_w == 1),
                ]
        return m

    def _follow(self, m: Module, last_slot: LastSlot, here: data.View, following: data.View) -> None:
        """The pixel behind the present one."""
        d, pointer = self.descriptor, self.pointer
        slot, addr = next_row(here.slot, here.row, pointer.base, pointer.depth, pointer.row_words, here.wraps)
        m.d.comb += [
            following.eq(here),
            following.pixel.eq(here.pixel + self.pixel_words),
            following.left.eq(here.left - 1),
            following.last.eq(here.left == 2),
        ]
        with m.If(here.last):
            m.d.comb += [
                following.slot.eq(slot),
                following.wraps.eq(last_slot.following(here.slot)),
                following.row.eq(addr),
                following.pixel.eq(addr),
                following.left.eq(d.out_w),
                following.last.eq(d.out_w == 1),
            ]

    def _count(self, m: Module, here: data.View, first: data.View, following: data.View) -> None:
        """The loops, and with them which pixel comes next: the following one, or the tile's first one again."""
        d = self.descriptor
        chunk, tile = Loop(m, "chunk", d.chunks), Loop(m, "tile", d.tiles)
        row = Signal(range(self._rows + 1), name="array_row")  # counted from 1
        row_last, missing, tile_end, pass_end = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            self.row_last.eq(row_last),
            self.missing.eq(missing),
            self.tile_end.eq(tile_end),
            self.pass_end.eq(pass_end),
        ]
        with m.If(self.step):
            # Behind the last row comes the first, so that chunk and tile do not change before these hold.
            row_next = row == self._rows - 1
            m.d.sync += [here.eq(following), row.eq(row + 1), row_last.eq(row_next)]
            m.d.sync += [tile_end.eq(row_next & chunk.last), pass_end.eq(row_next & chunk.last & tile.last)]
            with m.If(tile.last & (row == d.last_pixels)):
                m.d.sync += missing.eq(1)
            with m.If(row_last):
                m.d.sync += [row.eq(1), missing.eq(0)]
                chunk.advance()
                with m.If(~tile_end):
                    m.d.sync += here.eq(first)
            with m.If(tile_end):
                m.d.sync += first.eq(following)
                tile.advance()
        with m.If(self.start):
            chunk.restart()
            tile.restart()
            m.d.sync += [row.eq(1), row_last.eq(0), tile_end.eq(0), pass_end.eq(0), missing.eq(0)]
