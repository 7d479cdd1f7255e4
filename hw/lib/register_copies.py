"""Several registers for one value that steers more logic, or logic further apart, than a net can reach in time."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.kept_modules import COPY_PREFIX


class _Register(wiring.Component):
    """A register in a module of its own, which synthesis does not merge with equal ones."""

    def __init__(self, shape: Any) -> None:
        super().__init__({"i": In(shape), "o": Out(shape)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        register = Signal.like(self.o)
        m.d.sync += register.eq(self.i)
        m.d.comb += self.o.eq(register)
        return m


def register_copies(m: Module, name: str, value: Value | data.View[Any], count: int) -> list[Any]:
    """`count` registers that all follow `value` a cycle later, in its shape, as submodules of `m` with `name` in their names."""
    shape = value.shape()
    copies = []
    for i in range(count):
        m.submodules[f"{COPY_PREFIX}{name}_{i}"] = register = _Register(shape)
        m.d.comb += register.i.eq(value)
        copies.append(register.o)
    return copies
