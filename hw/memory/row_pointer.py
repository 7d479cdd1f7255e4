"""Advances a pointer to a tensor's row in the activation memory; shared by all that read or write rows."""

from __future__ import annotations

from itertools import pairwise

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from hwgen.hw.isa.config import BANKS

_BANK_BITS = (BANKS - 1).bit_length()


def next_row(
    slot: Value, addr: Value, base: Value, depth: Value, row_words: Value, wraps: Value | None = None
) -> tuple[Value, Value]:
    """The row after the one at (`slot`, `addr`), as fields of `hwgen.hw.isa.descriptor.RowPointer`; combinational.

    Rows of one slot group (four rows, a row in each bank) have the same address. The last slot of a group is followed by the first
    of the next group, `row_words` further, or, at `depth` (a multiple of 4, at least 4), by slot 0 at `base`. `wraps` tells from a
    register that `slot` is the last one (see `LastSlot`), which saves the comparison.

    Returns:
        (slot, addr) of the next row, as wide as the arguments.
    """
    group_done = slot[:_BANK_BITS].all()
    if wraps is None:
        wraps = precedes(slot, depth)
    next_slot = Mux(wraps, Const(0, len(slot)), (slot + 1)[: len(slot)])
    next_addr = Mux(wraps, base, (addr + Mux(group_done, row_words, 0))[: len(addr)])
    return next_slot, next_addr


def precedes(x: Value, y: Value) -> Value:
    """x + 1 == y in the bits of x, without a carry: the bits of a number and the next one differ up to the number's lowest 0."""
    differ = [x[i] ^ y[i] for i in range(len(x))]
    return Cat(differ[0], (new == (old & x[i]) for i, (old, new) in enumerate(pairwise(differ)))).all()


class LastSlot:
    """Whether a pointer's slot is the tensor's last one, from a register: `next_row` for pointers that move in every cycle.

    Parameters:
        m: module that gets the registers.
        pointer: the RowPointer inside a descriptor.

    Attributes:
        at_start: of the pointer's own slot; combinational.
    """

    def __init__(self, m: Module, pointer: data.View) -> None:
        self.at_start = precedes(pointer.slot, pointer.depth)
        self._before_last = Signal(len(pointer.slot), name="before_last_slot", reset_less=True)
        m.d.sync += self._before_last.eq(pointer.depth - 2)

    def following(self, slot: Value) -> Value:
        """Of the slot behind `slot`; from the second cycle of a descriptor on."""
        return slot == self._before_last
