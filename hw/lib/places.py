"""Places of a buffer that are promised before their entries come, so that nothing has to wait on its way."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value


def count_places(m: Module, promised: Signal, room: Signal, *, take: Value, give: Value, places: int) -> None:
    """Count the places that are promised; two registers of the caller's.

    Args:
        promised: range(places + 1), init 0: places taken and not given back.
        room: init 1: there is one more. In the cycle after the last one was taken it is 0.
        take: strobe, one more is promised; only while `room`.
        give: strobe, one is free again.
        places: of the buffer.
    """
    with m.If(take & ~give):
        m.d.sync += [promised.eq(promised + 1), room.eq(promised != places - 1)]
    with m.If(give & ~take):
        m.d.sync += [promised.eq(promised - 1), room.eq(1)]
