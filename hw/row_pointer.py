"""Advances a pointer to a tensor's row in the activation memory; shared by all that read or write rows."""

from __future__ import annotations

from amaranth.hdl import Const, Mux, Value

from hw.config import BANKS

_BANK_BITS = (BANKS - 1).bit_length()


def next_row(slot: Value, addr: Value, base: Value, depth: Value, row_words: Value) -> tuple[Value, Value]:
    """The row after the one at (`slot`, `addr`), as fields of `hw.descriptor.RowPointer`; combinational.

    Rows of one slot group (four rows, a row in each bank) have the same address. The last slot of a group is followed by the first
    of the next group, `row_words` further, or, at `depth` (a multiple of 4, at least 4), by slot 0 at `base`.

    Returns:
        (slot, addr) of the next row, as wide as the arguments.
    """
    group = slot[_BANK_BITS:]
    next_group = (group + 1)[: len(group)]
    group_done = slot[:_BANK_BITS].all()
    wraps = group_done & (next_group == depth[_BANK_BITS:])
    next_slot = Mux(wraps, Const(0, len(slot)), (slot + 1)[: len(slot)])
    next_addr = Mux(wraps, base, (addr + Mux(group_done, row_words, 0))[: len(addr)])
    return next_slot, next_addr
