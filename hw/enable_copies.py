"""Several registers for one enable that steers more flip-flops than a net can reach in time."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.primitives.bram import COPY_PREFIX


class _Enable(wiring.Component):
    """A register in a module of its own, which synthesis does not merge with equal ones."""

    def __init__(self) -> None:
        super().__init__({"i": In(1), "o": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        enable = Signal()
        m.d.sync += enable.eq(self.i)
        m.d.comb += self.o.eq(enable)
        return m


def enable_copies(m: Module, name: str, value: Value, count: int) -> list[Value]:
    """`count` registers that all follow the one-bit `value` a cycle later, as submodules of `m` with `name` in their names."""
    copies: list[Value] = []
    for i in range(count):
        m.submodules[f"{COPY_PREFIX}{name}_{i}"] = enable = _Enable()
        m.d.comb += enable.i.eq(value)
        copies.append(enable.o)
    return copies
