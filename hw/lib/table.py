"""Look-up table of 256 int8 behind requantisers: any function of one int8 (docs/arithmetic.md (14))."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.ecp5.bram import SimpleDualPort
from hwgen.hw.isa.memories import TABLE_WORDS

TableWrite = data.StructLayout({"valid": 1, "addr": 7, "data": 16})
"""Write port of a `Table`: entries 2 addr (low byte) and 2 addr + 1; entry a is the output for the input byte a, that is,
for q = a if a < 128, else a - 256."""

_IDENTITY = [(2 * i) | (2 * i + 1) << 8 for i in range(TABLE_WORDS)]


def check_tables(slots: int, resident: Sequence[Sequence[int]]) -> None:
    """Raises ValueError if the tables leave no slot for the identity."""
    if len(resident) >= slots:
        raise ValueError(f"resident must have at most {slots - 1} tables, not {len(resident)}")


class Table(wiring.Component):
    """The same table for several lanes, or one of several that are there from power-on, a block RAM for each lane.

    Parameters:
        lanes: bytes per cycle.
        slots: tables that there is room for, a power of two, 2..16; the last one is the identity.
        resident: words of the tables that are there from power-on, in the first slots.

    Members:
        write : In(TableWrite), of the first table, for all lanes; not while values that use the table are under way.
        i : In(ArrayLayout(signed(8), lanes))
        number : In(range(slots - 1)), the table; constant while values that use it are under way.
        look_up : In(lanes), per lane and cycle: 1 = table, 0 = the value itself.
        o : Out(ArrayLayout(signed(8), lanes))

    Timing: `i` and `look_up` in cycle t give `o` in cycle t + LATENCY; no stall. Until a table is written it is the identity.
    """

    LATENCY = 3
    """Two cycles of the block RAM, and the choice of the byte."""

    def __init__(self, lanes: int, slots: int = 2, resident: Sequence[Sequence[int]] = ()) -> None:
        check_tables(slots, resident)
        self._lanes, self._slots, self._resident = lanes, slots, resident
        super().__init__(
            {
                "write": In(TableWrite),
                "i": In(data.ArrayLayout(signed(8), lanes)),
                "number": In(range(slots - 1)),
                "look_up": In(lanes),
                "o": Out(data.ArrayLayout(signed(8), lanes)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        tables = [*self._resident, *[_IDENTITY] * (self._slots - len(self._resident))]
        words = [word for table in tables for word in table]
        number_bits = (self._slots - 1).bit_length()
        for lane in range(self._lanes):
            m.submodules[f"memory{lane}"] = memory = SimpleDualPort(16, len(words), words)
            slot = Signal(number_bits, name=f"slot{lane}")
            value = self.i[lane].as_unsigned()
            odd = Signal(memory.latency, name=f"odd{lane}", reset_less=True)
            output = Signal(signed(8), name=f"output{lane}", reset_less=True)
            m.d.comb += [
                memory.w_en.eq(self.write.valid if not self._resident else 0),
                memory.w_addr.eq(self.write.addr),
                memory.w_data.eq(self.write.data),
                memory.r_en.eq(1),
                slot.eq(Mux(self.look_up[lane], self.number, self._slots - 1)),
                memory.r_addr.eq(Cat(value[1:], slot)),
                self.o[lane].eq(output),
            ]
            m.d.sync += [
                odd.eq(Cat(value[0], odd[:-1])),
                output.eq(Mux(odd[-1], memory.r_data[8:], memory.r_data[:8])),
            ]
        return m
