"""Keeps the sums of a kernel's blocks, one for every output of a row, from one block to the next."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.ecp5.bram import SimpleDualPort, simple_latency


class PartialSums(wiring.Component):
    """A memory whose reads and writes both go through the outputs of a block in order, and begin again with every block.

    Parameters:
        depth: outputs, a power of two that makes one segment of block RAM.
        width: bits of all lanes' sums.

    Members:
        read_begin : In(1), read : In(1): an output's sum is wanted (`read`), the first of a block (`read_begin`, also without `read`).
        read_data : Out(width), LATENCY + 1 cycles after `read`; undefined where nothing was written.
        write_begin : In(1), write : In(1): as for reads; write_data : In(width), a cycle after `write`.

    Timing: an output may be read DISTANCE - 1 cycles or more after its write's strobes come to the same stage of a pipeline.
    """

    LATENCY = simple_latency(512)
    """Cycles from an address to its data."""

    DISTANCE = 5
    """Least cycles between the columns of an output in two successive blocks: three from the product's sum to the kept one, and LATENCY."""

    def __init__(self, depth: int, width: int) -> None:
        self._depth, self._width = depth, width
        if simple_latency(depth) != self.LATENCY:
            raise ValueError(f"depth must be a power of two, not {depth}")
        super().__init__(
            {
                "read_begin": In(1),
                "read": In(1),
                "read_data": Out(width),
                "write_begin": In(1),
                "write": In(1),
                "write_data": In(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = SimpleDualPort(self._width, self._depth)
        enable = Signal()
        m.d.sync += enable.eq(self.write)
        m.d.comb += [
            memory.r_en.eq(1),
            memory.r_addr.eq(self._address(m, "read", self.read_begin, self.read)),
            self.read_data.eq(memory.r_data),
            memory.w_en.eq(enable),
            memory.w_addr.eq(self._address(m, "write", self.write_begin, self.write)),
            memory.w_data.eq(self.write_data),
        ]
        return m

    def _address(self, m: Module, name: str, begin: Value, strobe: Value) -> Signal:
        """Register with the number of the present output in its block, a cycle after its strobe."""
        count = Signal(range(self._depth), name=f"{name}_count", reset_less=True)
        address = Signal(range(self._depth), name=f"{name}_address", reset_less=True)
        present = Mux(begin, 0, count)
        m.d.sync += [address.eq(present), count.eq((present + strobe)[: len(count)])]
        return address
