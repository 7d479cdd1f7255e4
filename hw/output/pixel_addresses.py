"""Walks the output pixels of a pass in the array's order: for tile: for chunk: for array row."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import Descriptor
from hwgen.hw.lib.loop import Loop
from hwgen.hw.memory.row_pointer import LastSlot, next_row


class PixelAddresses:
    """Counts tiles, chunks and array rows, and follows a tensor's pixels through its rows.

    Every chunk of a tile returns to the tile's first pixel. Array rows at and beyond `last_pixels` of the last tile have no pixel.

    Parameters:
        m: module that gets the registers.
        config: `rows`.
        descriptor: of the pass.
        pointer: the tensor's RowPointer inside the descriptor.
        pixel_words: words from one of its pixels to the next.
        start: strobe, begin a pass.
        step: strobe, go on to the next array row.

    Attributes (of the present array row):
        bank, pixel: bank and word address of its pixel.
        row_last: last array row of the tile.
        tile_end, pass_end: and of its last chunk, and of the last tile; registers, because so much depends on them.
        missing: it has no pixel.
    """

    def __init__(
        self,
        m: Module,
        config: CoreConfig,
        descriptor: data.View,
        pointer: data.View,
        pixel_words: Value,
        start: Value,
        step: Value,
    ) -> None:
        d = descriptor
        chunk, tile = Loop(m, "chunk", d.chunks), Loop(m, "tile", d.tiles)
        row = Signal(range(config.rows + 1), name="array_row")  # counted from 1
        row_last, missing = Signal(name="row_last"), Signal(name="missing")
        tile_end, pass_end = Signal(name="tile_end"), Signal(name="pass_end")
        place = data.StructLayout(
            {
                "slot": Descriptor["output"].shape["slot"].width,
                "wraps": 1,  # it is the tensor's last slot
                "row": Descriptor["output"].shape["addr"].width,
                "pixel": Descriptor["output"].shape["addr"].width,
                "left": Descriptor["out_w"].width,  # pixels of the row from this one on
                "last": 1,  # this is the row's last pixel: as a register, because so much depends on it
            }
        )
        here, first, following = Signal(place), Signal(place), Signal(place)
        self.bank, self.pixel = here.slot[:2], here.pixel
        self.row_last, self.missing = row_last, missing
        self.tile_end, self.pass_end = tile_end, pass_end

        last_slot = LastSlot(m, pointer)
        slot, addr = next_row(here.slot, here.row, pointer.base, pointer.depth, pointer.row_words, here.wraps)
        m.d.comb += [
            following.eq(here),
            following.pixel.eq(here.pixel + pixel_words),
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
        with m.If(step):
            # Behind the last row comes the first, so that chunk and tile do not change before these hold.
            row_next = row == config.rows - 1
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
        with m.If(start):
            chunk.restart()
            tile.restart()
            m.d.sync += [row.eq(1), row_last.eq(0), tile_end.eq(0), pass_end.eq(0), missing.eq(0)]
            for signal in (here, first):
                m.d.sync += [
                    signal.slot.eq(pointer.slot),
                    signal.wraps.eq(last_slot.at_start),
                    signal.row.eq(pointer.addr),
                    signal.pixel.eq(pointer.addr),
                    signal.left.eq(d.out_w),
                    signal.last.eq(d.out_w == 1),
                ]
