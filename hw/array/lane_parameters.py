"""Parameters of the array's output channels: the memory of all of them, and the few that the requantiser lanes use now."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwgen.hw.ecp5.bram import SimpleDualPort
from hwgen.hw.isa.config import PARAMETER_BITS, CoreConfig
from hwgen.hw.isa.descriptor import COMBINE_WORDS, ChannelParameters, CombineParameters, Descriptor
from hwgen.hw.lib.loop import Loop

ParameterWrite = data.StructLayout({"valid": 1, "addr": 11, "data": PARAMETER_BITS})
"""Write port of the parameter memory."""

CHUNK_INDEX_BITS = 3
"""A lane keeps the parameters of eight successive chunks, for both columns that it serves."""


def check_shape(config: CoreConfig) -> None:
    """Raises ValueError if parameters could be wanted faster than they are loaded."""
    if 2 * config.rows < config.cols:
        raise ValueError(
            f"cols must be at most 2 * rows = {2 * config.rows}, not {config.cols}: the parameters of a chunk are loaded "
            "one per cycle while the chunk before it leaves the array"
        )


class LaneParameters(wiring.Component):
    """Block RAM with the parameters of `parameter_depth` channels, and per requantiser lane a LUT RAM of 16 entries.

    Every `chunk_start` copies the words of one chunk into the lanes' memories. Word `parameter_base + chunk * C + i` belongs to
    channel i of the chunk, that is lane `i mod Q`, parity `i // Q`; entry {parity, chunk count mod 8} of the lane. The chunk count
    counts from `start` on; the chunk restarts at 0 after `chunks` of them (a tile).

    Parameters:
        config: `rows`, `cols`, `parameter_depth`, `combine_lanes`.
        init: initial content of the block RAM.

    Members:
        descriptor : In(Descriptor)
        start : In(1), strobe: a pass begins.
        chunk_start : In(1), strobe: load the next chunk; at least C cycles apart.
        write : In(ParameterWrite), into the memory.
        index : In(ArrayLayout(4, Q)): entry that lane q reads: chunk count mod 8 (3 bits), parity (1 bit).
        parameters : Out(ArrayLayout(ChannelParameters, Q)), one cycle after `index`.

        combine : Out(CombineParameters), only with `combine_lanes`: the two words before `parameter_base`, valid from
            COMBINE_READY cycles after the pass's first `chunk_start` on.

    Timing: after `chunk_start` in cycle u, the `index` of column c = 2 q + parity of that chunk may be given in cycle
    u + READY + c or later, until the eighth `chunk_start` after it.
    """

    def __init__(self, config: CoreConfig, init: Sequence[int] = ()) -> None:
        check_shape(config)
        self._config = config
        # Two blocks for lanes all over the die: a register on the way.
        self._memory = SimpleDualPort(PARAMETER_BITS, config.parameter_depth, init, extra_register=True)
        self.READY = 2 + self._memory.latency
        """Cycles from `chunk_start` to the first use of column 0's parameters."""
        self.COMBINE_READY = 1 + config.cols + COMBINE_WORDS + self._memory.latency
        """Cycles from the first `chunk_start` of a pass to `combine`."""
        combine = {"combine": Out(CombineParameters)} if config.combine_lanes else {}
        super().__init__(
            {
                **combine,
                "descriptor": In(Descriptor),
                "start": In(1),
                "chunk_start": In(1),
                "write": In(ParameterWrite),
                "index": In(data.ArrayLayout(1 + CHUNK_INDEX_BITS, config.lanes)),
                "parameters": Out(data.ArrayLayout(ChannelParameters, config.lanes)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        cols, lanes = self._config.cols, self._config.lanes
        m.submodules.memory = memory = self._memory
        address_bits = len(memory.r_addr)

        # Channels in the order in which columns need them: 0, Q, 1, Q + 1, ...
        base = Signal(address_bits, reset_less=True)
        chunk = Loop(m, "chunk", self.descriptor.chunks)
        now, other = Signal(address_bits, reset_less=True), Signal(address_bits, reset_less=True)
        column = Signal(range(cols), reset_less=True)
        active = Signal()
        count, loading = Signal(CHUNK_INDEX_BITS), Signal(CHUNK_INDEX_BITS, reset_less=True)
        m.d.sync += [now.eq(other), other.eq(now + 1), column.eq(column + 1)]
        with m.If(column == cols - 1):
            m.d.sync += active.eq(0)
        with m.If(self.chunk_start):
            m.d.sync += [
                now.eq(base),
                other.eq(base + lanes),
                column.eq(0),
                active.eq(1),
                loading.eq(count),
                count.eq(count + 1),
                base.eq(Mux(chunk.last, self.descriptor.parameter_base, base + cols)),
            ]
            chunk.advance()
        with m.If(self.start):
            m.d.sync += [base.eq(self.descriptor.parameter_base), count.eq(0)]
            chunk.restart()

        if self._config.combine_lanes:
            self._read_combine(m, now, other, active & (column == cols - 1))
        # Behind the memory: whose parameters these are; the lane a cycle before, so that its enable is a register.
        arrived = Cat(active, column, loading)
        for i in range(memory.latency):
            arriving = arrived
            register = Signal(len(arrived), name=f"arrived{i}")
            m.d.sync += register.eq(arrived)
            arrived = register
        arrived_column, arrived_chunk = arrived[1 : 1 + len(column)], arrived[1 + len(column) :]
        arriving_lane = arriving[2 : 1 + len(column)]
        m.d.comb += [
            memory.w_en.eq(self.write.valid),
            memory.w_addr.eq(self.write.addr),
            memory.w_data.eq(self.write.data),
            memory.r_en.eq(1),
            memory.r_addr.eq(now),
        ]

        for lane in range(lanes):
            entries = Memory(
                shape=PARAMETER_BITS, depth=2 << CHUNK_INDEX_BITS, init=[], attrs={"ram_style": "distributed"}
            )
            m.submodules[f"entries{lane}"] = entries
            put, get = entries.write_port(), entries.read_port(domain="comb")
            parameters = Signal(ChannelParameters, name=f"parameters{lane}", reset_less=True)
            enable = Signal(name=f"enable{lane}")
            m.d.sync += enable.eq(arriving[0] & (arriving_lane == lane))
            m.d.comb += [
                put.en.eq(enable),
                put.addr.eq(Cat(arrived_chunk, arrived_column[0])),
                put.data.eq(memory.r_data),
                get.addr.eq(self.index[lane]),
                self.parameters[lane].eq(parameters),
            ]
            m.d.sync += parameters.eq(get.data)
        return m

    def _read_combine(self, m: Module, now: Signal, other: Signal, chunk_read: Value) -> None:
        """Behind the channels of every chunk the two words for the combine element are read; they are the same for all of a pass."""
        before = self.descriptor.parameter_base - COMBINE_WORDS
        with m.If(chunk_read):
            m.d.sync += [now.eq(before), other.eq(before + 1)]
        arriving = Signal(COMBINE_WORDS + self._memory.latency)
        words = Signal(CombineParameters, reset_less=True)
        m.d.sync += arriving.eq(Cat(chunk_read, arriving[:-1]))
        for i, arrived in enumerate(arriving[-COMBINE_WORDS:]):
            with m.If(arrived):
                m.d.sync += words.as_value().word_select(i, PARAMETER_BITS).eq(self._memory.r_data)
        m.d.comb += self.combine.eq(words)
