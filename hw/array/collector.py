"""Collector: from the sums that leave the array to segments of int8 output channels."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.array.lane_parameters import CHUNK_INDEX_BITS, LaneParameters, ParameterWrite
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import CombineParameters, Descriptor
from hwgen.hw.lib.delay import delay_line, delayed
from hwgen.hw.lib.fifo import BlockFifo, block_fifo_latency
from hwgen.hw.lib.register_copies import register_copies
from hwgen.hw.lib.requantise import Requantiser, requantiser_latency
from hwgen.hw.lib.table import Table, TableWrite


class Collector(wiring.Component):
    """Requantises the array's results, a lane for two columns, and assembles segments: C output channels of a pixel.

    Lane q serves columns 2 q (channel q of the chunk) and 2 q + 1 (channel Q + q) in turn. Channels whose parameters have bit 0
    of `unused` set go through the table, if the core has one.

    Parameters:
        config: `rows`, `cols`, `acc_bits`, `array_clamp_bits`, `parameter_depth`, `segment_fifo`, `array_table`.
        parameters: initial content of the parameter memory.
        tables: tables that are there from power-on.

    Members:
        descriptor : In(Descriptor), start : In(1)
        chunk_start : In(1), strobe: a chunk's parameters will be needed; see `LaneParameters`.
        parameter_write : In(ParameterWrite), table_write : In(TableWrite; ignored without a table).
        results : In(ArrayLayout(signed(acc_bits), C)), valid : In(C): column tops of the array. The result of row r, column c of a
            chunk comes in cycle t + 2 r + c, t the cycle of row 0, column 0; the next chunk's t is at least 2 R later.
        o : Out(stream of {data: 8 C}): byte i is channel i of the chunk.
        combine : Out(CombineParameters), only with `combine_lanes`: see `LaneParameters`.
        segment_taken : Out(1), strobe in the cycle after a segment was transferred at `o`.

    Timing: segment r of the chunk is offered at `o` in cycle t + 2 r + latency, if those before it have been taken;
    latency = C + requantiser (+ Table.LATENCY) + FIFO. `chunk_start` must come READY cycles before t or earlier. The results
    are never held up: at most `segment_fifo` segments may be under way between the array and `o`.
    """

    def __init__(
        self, config: CoreConfig, parameters: Sequence[int] = (), tables: Sequence[Sequence[int]] = ()
    ) -> None:
        self._config = config
        self._tables = tables
        self._parameters = LaneParameters(config, parameters)
        self.READY = self._parameters.READY
        """Cycles from `chunk_start` to the chunk's first result."""
        self.COMBINE_READY = self._parameters.COMBINE_READY
        """Cycles from the pass's first `chunk_start` to `combine`."""
        self.latency = collector_latency(config)
        combine = {"combine": Out(CombineParameters)} if config.combine_lanes else {}
        super().__init__(
            {
                **combine,
                "descriptor": In(Descriptor),
                "start": In(1),
                "chunk_start": In(1),
                "parameter_write": In(ParameterWrite),
                "table_write": In(TableWrite),
                "results": In(data.ArrayLayout(signed(config.acc_bits), config.cols)),
                "valid": In(config.cols),
                "o": Out(stream.Signature(data.StructLayout({"data": 8 * config.cols}))),
                "segment_taken": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        cols, lanes = self._config.cols, self._config.lanes
        m.submodules.parameters = parameters = self._parameters
        m.submodules.fifo = fifo = BlockFifo(data.StructLayout({"data": 8 * cols}), self._config.segment_fifo)
        m.d.comb += [
            parameters.descriptor.eq(self.descriptor),
            parameters.start.eq(self.start),
            parameters.chunk_start.eq(self.chunk_start),
            parameters.write.eq(self.parameter_write),
        ]
        if self._config.combine_lanes:
            m.d.comb += self.combine.eq(parameters.combine)

        chunk = delay_line(
            m, chunk_of_column_0(m, self._config.rows, start=self.start, valid=self.valid[0]), cols - 1, "chunk"
        )
        bytes_of_lanes: list[Value] = []
        looks_up: list[Value] = []
        # The clamp is constant in a pass, and the lanes lie far apart.
        clamps = register_copies(m, "clamp", self.descriptor.array_clamp, lanes)
        for q in range(lanes):
            # A lane's columns never have results in the same cycle.
            first = self.valid[2 * q]
            acc = Signal(signed(self._config.acc_bits), name=f"acc{q}", reset_less=True)
            m.d.sync += acc.eq(Mux(first, self.results[2 * q], self.results[2 * q + 1]))
            m.submodules[f"requantiser{q}"] = requantiser = Requantiser(
                self._config.acc_bits, self._config.array_clamp_bits
            )
            m.d.comb += [
                parameters.index[q].eq(Cat(Mux(first, chunk[2 * q], chunk[2 * q + 1]), ~first)),
                requantiser.acc.eq(acc),
                requantiser.parameters.eq(parameters.parameters[q]),
                requantiser.clamp.eq(clamps[q]),
            ]
            bytes_of_lanes.append(requantiser.o)
            looks_up.append(parameters.parameters[q].unused[0])
        if self._config.array_table:
            bytes_of_lanes = self._look_up(m, bytes_of_lanes, looks_up)

        # Lane q is two cycles ahead of lane q + 1, and its first column one cycle ahead of its second.
        even, odd = [], []
        for q, value in enumerate(bytes_of_lanes):
            aligned = delay_line(m, value, 2 * (lanes - 1 - q) + 1, f"aligned{q}")
            odd.append(aligned[-2])
            even.append(aligned[-1])
        late = self.latency - fifo.latency - cols + 1
        complete = delayed(m, self.valid[cols - 1], late, "complete", control=True)
        m.d.comb += [
            fifo.i.valid.eq(complete),
            fifo.i.payload.data.eq(Cat(*even, *odd)),
        ]
        wiring.connect(m, fifo.o, wiring.flipped(self.o))
        m.d.sync += self.segment_taken.eq(self.o.valid & self.o.ready)
        return m

    def _look_up(self, m: Module, values: list[Value], looks_up: list[Value]) -> list[Value]:
        """The lanes' bytes behind the table."""
        latency = requantiser_latency(self._config.array_clamp_bits)
        m.submodules.table = table = Table(len(values), self._config.table_slots, self._tables)
        m.d.comb += [
            table.number.eq(self.descriptor.array_table),
            table.write.eq(self.table_write),
            table.look_up.eq(delayed(m, Cat(*looks_up), latency, "look_up")),
        ]
        for q, value in enumerate(values):
            m.d.comb += table.i[q].eq(value)
        return [table.o[q] for q in range(len(values))]


def chunk_of_column_0(m: Module, rows: int, *, start: Value, valid: Value) -> Signal:
    """Chunk count mod 8 of the result on column 0, from the `start` of a pass on."""
    row = Signal(range(rows))
    chunk = Signal(CHUNK_INDEX_BITS)
    with m.If(valid):
        m.d.sync += row.eq(row + 1)
        with m.If(row == rows - 1):
            m.d.sync += [row.eq(0), chunk.eq(chunk + 1)]
    with m.If(start):
        m.d.sync += [row.eq(0), chunk.eq(0)]
    return chunk


def collector_latency(config: CoreConfig) -> int:
    """Cycles from a row's result on column 0 to its segment at the collector's output."""
    table = Table.LATENCY if config.array_table else 0
    return config.cols + requantiser_latency(config.array_clamp_bits) + table + block_fifo_latency(config.segment_fifo)
