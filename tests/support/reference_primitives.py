"""Behavioural reference models of the primitives: the same members and timing in plain Amaranth, without a vendor block.

They are the specification that a test holds the vendor blocks' wrappers to; no machine is built of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Signal
from amaranth.lib import memory, wiring

from hwgen.hw.ecp5.bram import simple_latency, simple_members, true_latency, true_members
from hwgen.hw.ecp5.dsp import multiplier_members
from hwgen.hw.lib.delay import delayed


class MultiplierReference(wiring.Component):
    """Reference model of `hwgen.hw.ecp5.dsp.BlockMultiplier`.

    Parameters, Members: as `BlockMultiplier`.
    """

    def __init__(self, bits: int) -> None:
        super().__init__(multiplier_members(bits))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a, b = Signal.like(self.a, reset_less=True), Signal.like(self.b, reset_less=True)
        p = Signal.like(self.p, reset_less=True)
        m.d.sync += [a.eq(self.a), b.eq(self.b), p.eq(a * b)]
        m.d.comb += self.p.eq(p)
        return m


class TrueDualPortReference(wiring.Component):
    """Reference model of `hwgen.hw.ecp5.bram.TrueDualPort`; where that one's output is undefined, this one's is another value.

    Parameters, Members: as `TrueDualPort`.
    """

    def __init__(
        self,
        width: int,
        depth: int,
        init: Sequence[int] | None = None,
        extra_register: bool = False,
        input_copies: int = 0,
    ) -> None:
        self._memory = memory.MemoryData(shape=width, depth=depth, init=init or [])
        self.latency = true_latency(depth, extra_register, input_copies)
        super().__init__(true_members(width, depth))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = storage = memory.Memory(self._memory)
        read_a, read_b = storage.read_port(), storage.read_port()
        write = storage.write_port(granularity=8)
        m.d.comb += [
            read_a.addr.eq(self.a_addr),
            read_b.addr.eq(self.b_addr),
            write.addr.eq(self.b_addr),
            write.data.eq(self.b_wdata),
            write.en.eq(self.b_we),
            self.a_data.eq(delayed(m, read_a.data, self.latency - 1)),
            self.b_data.eq(delayed(m, read_b.data, self.latency - 1)),
        ]
        return m


class SimpleDualPortReference(wiring.Component):
    """Reference model of `hwgen.hw.ecp5.bram.SimpleDualPort`; where that one's output is undefined, this one's is another value.

    Parameters, Members: as `SimpleDualPort`.
    """

    def __init__(self, width: int, depth: int, init: Sequence[int] | None = None, extra_register: bool = False) -> None:
        self._memory = memory.MemoryData(shape=width, depth=depth, init=init or [])
        self.latency = simple_latency(depth, extra_register)
        super().__init__(simple_members(width, depth))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = storage = memory.Memory(self._memory)
        read, write = storage.read_port(), storage.write_port()
        m.d.comb += [
            read.addr.eq(self.r_addr),
            read.en.eq(self.r_en),
            write.addr.eq(self.w_addr),
            write.data.eq(self.w_data),
            write.en.eq(self.w_en),
            self.r_data.eq(delayed(m, read.data, self.latency - 1)),
        ]
        return m
