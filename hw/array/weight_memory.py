"""Weight memory: a word of C weights, or twice as many, for every cycle of the array."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Mux
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.ecp5.bram import TrueDualPort, true_blocks, true_latency
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import CoreConfig

WEIGHT_ADDRESS_BITS = 14
"""Of an address that the DMA writes to."""

_COPIES, _BLOCKS = 6, 12
"""Sets of input registers, at least, and blocks that share one at most: one net to the address pins of all blocks would limit the clock."""


def weight_write_layout(config: CoreConfig) -> data.StructLayout:
    """A write to the weight memory: byte c, and with two steps a cycle byte C + c of the odd one, belongs to array column c."""
    return data.StructLayout({"valid": 1, "addr": WEIGHT_ADDRESS_BITS, "data": 8 * config.weight_bytes})


def weight_latency(config: CoreConfig) -> int:
    """Cycles from an address to its word."""
    return true_latency(config.weight_depth, input_copies=_COPIES)


class WeightMemory(wiring.Component):
    """Block RAM addressed by the feeder, filled by the DMA.

    Parameters:
        config: `cols`, `k_steps`, `weight_depth`.
        init: initial content.

    Members:
        write : In(weight_write_layout(config)).
        addr : In(range(weight_depth)), data : Out(8 * weight_bytes).

    Timing: `data` weight_latency(config) cycles after `addr`. A write in cycle t is seen by addresses from cycle t + 1 on.
    """

    def __init__(self, config: CoreConfig, init: Sequence[int] = ()) -> None:
        self._config = config
        self._init = init
        super().__init__(
            {
                "write": In(weight_write_layout(config)),
                "addr": In(range(config.weight_depth)),
                "data": Out(8 * config.weight_bytes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        octets = self._config.weight_bytes
        depth = self._config.weight_depth
        copies = max(_COPIES, ceil_div(true_blocks(8 * octets, depth), _BLOCKS))
        m.submodules.memory = memory = TrueDualPort(
            8 * octets, depth, self._init, input_copies=copies, output_shares=True
        )
        m.d.comb += [
            memory.a_addr.eq(self.addr),
            self.data.eq(memory.a_data),
            memory.b_addr.eq(self.write.addr),
            memory.b_we.eq(Mux(self.write.valid, (1 << octets) - 1, 0)),
            memory.b_wdata.eq(self.write.data),
        ]
        return m
