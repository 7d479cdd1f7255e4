"""Look-up table of 256 int8 behind requantisers: any function of one int8 (docs/arithmetic.md (14))."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.primitives.bram import SimpleDualPort

TABLE_WORDS = 128
"""A table is written as 128 words of two entries."""

TableWrite = data.StructLayout({"valid": 1, "addr": 7, "data": 16})
"""Write port of a `Table`: entries 2 addr (low byte) and 2 addr + 1; entry a is the output for the input byte a, that is,
for q = a if a < 128, else a - 256."""

_IDENTITY = [(2 * i) | (2 * i + 1) << 8 for i in range(TABLE_WORDS)]


class Table(wiring.Component):
    """The same table for several lanes, a block RAM each.

    Parameters:
        lanes: bytes per cycle.

    Members:
        write : In(TableWrite), for all lanes; not while values that use the table are under way.
        i : In(ArrayLayout(signed(8), lanes))
        look_up : In(lanes), per lane and cycle: 1 = table, 0 = the value itself.
        o : Out(ArrayLayout(signed(8), lanes))

    Timing: `i` and `look_up` in cycle t give `o` in cycle t + LATENCY; no stall. Until a table is written it is the identity.
    """

    LATENCY = 3
    """Two cycles of the block RAM, and the choice of the byte."""

    def __init__(self, lanes: int) -> None:
        self._lanes = lanes
        super().__init__(
            {
                "write": In(TableWrite),
                "i": In(data.ArrayLayout(signed(8), lanes)),
                "look_up": In(lanes),
                "o": Out(data.ArrayLayout(signed(8), lanes)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for lane in range(self._lanes):
            # The second half of the memory holds the identity.
            m.submodules[f"memory{lane}"] = memory = SimpleDualPort(16, 2 * TABLE_WORDS, init=_IDENTITY * 2)
            value = self.i[lane].as_unsigned()
            odd = Signal(memory.latency, name=f"odd{lane}", reset_less=True)
            output = Signal(signed(8), name=f"output{lane}", reset_less=True)
            m.d.comb += [
                memory.w_en.eq(self.write.valid),
                memory.w_addr.eq(self.write.addr),
                memory.w_data.eq(self.write.data),
                memory.r_en.eq(1),
                memory.r_addr.eq(Cat(value[1:], ~self.look_up[lane])),
                self.o[lane].eq(output),
            ]
            m.d.sync += [
                odd.eq(Cat(value[0], odd[:-1])),
                output.eq(Mux(odd[-1], memory.r_data[8:], memory.r_data[:8])),
            ]
        return m
