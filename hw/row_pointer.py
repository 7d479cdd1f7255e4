"""Advances a pointer to a tensor's row in the activation memory; shared by all that read or write rows."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import data

from hw.config import BANKS

_BANK_BITS = (BANKS - 1).bit_length()


def next_row(
    slot: Value, addr: Value, base: Value, depth: Value, row_words: Value, last: Value | None = None
) -> tuple[Value, Value]:
    """The row after the one at (`slot`, `addr`), as fields of `hw.descriptor.RowPointer`; combinational.

    Rows of one slot group (four rows, a row in each bank) have the same address. The last slot of a group is followed by the first
    of the next group, `row_words` further, or, at `depth` (a multiple of 4, at least 4), by slot 0 at `base`. `last` is `depth` - 1 from
    a register (see `last_slot`), which saves the subtraction.

    Returns:
        (slot, addr) of the next row, as wide as the arguments.
    """
    group_done = slot[:_BANK_BITS].all()
    wraps = slot == ((depth - 1)[: len(slot)] if last is None else last)
    next_slot = Mux(wraps, Const(0, len(slot)), (slot + 1)[: len(slot)])
    next_addr = Mux(wraps, base, (addr + Mux(group_done, row_words, 0))[: len(addr)])
    return next_slot, next_addr


def last_slot(m: Module, pointer: data.View) -> Signal:
    """The last slot of a tensor, for `next_row`, from a register: from the second cycle of a descriptor on."""
    last = Signal(len(pointer.depth), name="last_slot", reset_less=True)
    m.d.sync += last.eq(pointer.depth - 1)
    return last
