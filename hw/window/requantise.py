"""From the lanes' accumulators to bytes: requantisers, and the table behind them where there is one."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import ChannelParameters, Clamp, Descriptor
from hwgen.hw.isa.memories import SUM_BITS
from hwgen.hw.lib.delay import delayed
from hwgen.hw.lib.requantise import Requantiser, requantiser_latency
from hwgen.hw.lib.table import Table, TableWrite


def requantise_latency(config: CoreConfig) -> int:
    """Cycles from an accumulator to its byte."""
    return requantiser_latency(config.window_clamp_bits) + (Table.LATENCY if config.window_table else 0)


class RequantiseStage(wiring.Component):
    """A requantiser for each lane; channels whose parameters have bit 0 of `unused` set go through the table, if there is one.

    Parameters:
        config: `window_lanes` (L), `window_clamp_bits`, `window_table`, `table_slots`.
        tables: tables that are there from power-on.

    Members:
        descriptor : In(Descriptor), `window_table`, constant while values are under way.
        acc : In(ArrayLayout(signed(SUM_BITS), L)), parameters : In(ArrayLayout(ChannelParameters, L)), of the same cycle.
        clamps : In(ArrayLayout(Clamp, L)), all equal, constant while values are under way; a register for each lane.
        table_write : In(TableWrite), ignored without a table.
        o : Out(ArrayLayout(signed(8), L)).

    Timing: the bytes of accumulators in cycle t stand at `o` in cycle t + requantise_latency(config); one per cycle, no stall.
    """

    def __init__(self, config: CoreConfig, tables: Sequence[Sequence[int]] = ()) -> None:
        self._config, self._tables = config, tables
        lanes = config.window_lanes
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "acc": In(data.ArrayLayout(signed(SUM_BITS), lanes)),
                "parameters": In(data.ArrayLayout(ChannelParameters, lanes)),
                "clamps": In(data.ArrayLayout(Clamp, lanes)),
                "table_write": In(TableWrite),
                "o": Out(data.ArrayLayout(signed(8), lanes)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        results = []
        for lane in range(config.window_lanes):
            m.submodules[f"requantiser_{lane}"] = requantiser = Requantiser(SUM_BITS, config.window_clamp_bits)
            m.d.comb += [
                requantiser.acc.eq(self.acc[lane]),
                requantiser.parameters.eq(self.parameters[lane]),
                requantiser.clamp.eq(self.clamps[lane]),
            ]
            results.append(requantiser.o)
        if not config.window_table:
            m.d.comb += [self.o[lane].eq(value) for lane, value in enumerate(results)]
            return m
        m.submodules.table = table = Table(config.window_lanes, config.table_slots, self._tables)
        wanted = Cat(parameters.unused[0] for parameters in self.parameters)
        m.d.comb += [table.i[lane].eq(value) for lane, value in enumerate(results)]
        m.d.comb += [
            table.number.eq(self.descriptor.window_table),
            table.write.eq(self.table_write),
            table.look_up.eq(delayed(m, wanted, requantiser_latency(config.window_clamp_bits), "look_up")),
            self.o.eq(table.o),
        ]
        return m
