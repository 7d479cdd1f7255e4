"""Where the window takes its columns: parameters and room for the result must be there; from then on nothing stalls."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.fetch.column import column_layout
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import Descriptor, FeedMode, SumOp, WindowOp
from hwgen.hw.window.cycles import MAX_AT, result_at, result_credits
from hwgen.hw.window.partial_sums import PartialSums

_FLAGS = ("taken", "begin", "emit", "last", "rows_cut", "cols_cut", "add", "store", "first", "go_on")

ColumnFlags = data.StructLayout(dict.fromkeys(_FLAGS, 1))
"""What of a column goes along with it.

taken: there is a column; begin: the first one of a subgroup or block; emit: it gives a result, last: the last one of the pass;
rows_cut, cols_cut: as in `hwgen.hw.fetch.column.column_layout`; store: its sum is kept for the kernel's next block; add: the one of the
block before counts; first (with striped sums): of a pass, go_on (with striped sums): the sum of the stripe before counts.
"""


def flow_layout(config: CoreConfig) -> data.ArrayLayout:
    """Flags of the columns on their way: element k was taken k cycles ago."""
    return data.ArrayLayout(ColumnFlags, 1 + result_at(config))


class Intake(wiring.Component):
    """Takes a column when there is room for its result, and the first one of a subgroup or block when its parameters are there.

    Parameters:
        config: `window_lanes` (L), `partial_depth`, `striped_sums`, and what `result_at` needs.

    Members:
        descriptor : In(Descriptor), start : In(1).
        i : In(stream of column_layout(L)), no column before the cycle after `start`.
        parameters_ready : In(1), the next subgroup's or block's parameters are there.
        returned : In(1), a result has left the window.
        rows : Out(ArrayLayout(8 L, 3)), of the column taken a cycle before.
        flow : Out(flow_layout(config)); in passes of WindowOp.MAX, results leave at MAX_AT, so that `emit` and `begin` end there.

    Timing: `i.ready` depends on `parameters_ready` and on `start` and `emit` of the column that is offered; with `emit` it waits while
    result_credits(config) results have not left the window, even if its own sum is kept. `returned` counts from the next cycle on.
    Where a block has less than PartialSums.DISTANCE columns the next block begins at the earliest that many cycles
    after the last column whose sum is kept. One column per cycle.
    """

    def __init__(self, config: CoreConfig) -> None:
        self._config = config
        self._layout = column_layout(config.window_lanes, config.partial_depth > 0)
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "start": In(1),
                "i": In(stream.Signature(self._layout)),
                "parameters_ready": In(1),
                "returned": In(1),
                "rows": Out(self._layout["rows"].shape),
                "flow": Out(flow_layout(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        payload = self.i.payload
        flow = self._flow(m)
        taken = flow[0]
        # Room for results that are not promised yet, minus 1: negative if there is none.
        most = result_credits(self._config) - 1
        credit = Signal(signed(1 + most.bit_length()), init=most)
        take, may_begin, result = Signal(), Signal(), Signal()
        m.d.comb += [may_begin.eq(self.parameters_ready), result.eq(payload.emit)]
        if self._config.partial_depth:
            self._blocks(m, take, flow, may_begin, result)
        if self._config.striped_sums:
            self._stripes(m, take, taken)
        m.d.comb += [
            self.i.ready.eq((may_begin | ~payload.start) & (~credit[-1] | ~payload.emit)),
            take.eq(self.i.valid & self.i.ready),
            taken.taken.eq(take),
            taken.begin.eq(take & payload.start),
            taken.emit.eq(take & result),
            taken.last.eq(payload.last),
            taken.rows_cut.eq(payload.rows_cut),
            taken.cols_cut.eq(payload.cols_cut),
        ]
        m.d.sync += credit.eq(credit + self.returned - taken.emit)
        rows = Signal(self._layout["rows"].shape, reset_less=True)
        m.d.sync += rows.eq(payload.rows)
        m.d.comb += self.rows.eq(rows)
        return m

    def _flow(self, m: Module) -> list[data.View[data.StructLayout]]:
        """The flags, a register for each cycle but the first; element 0 is still to be driven."""
        d = self.descriptor
        is_max = Signal()
        m.d.sync += is_max.eq((d.mode != FeedMode.SUM) & (d.op == WindowOp.MAX))
        flow = [Signal(ColumnFlags, name=f"flow_{k}") for k in range(1 + result_at(self._config))]
        for k, (old, new) in enumerate(zip(flow, flow[1:], strict=False)):
            m.d.sync += new.eq(old)
            if k == MAX_AT:
                # A maximum has left here; the next pass may begin before this would arrive at the end.
                m.d.sync += [new.emit.eq(old.emit & ~is_max), new.begin.eq(old.begin & ~is_max)]
        m.d.comb += [self.flow[k].eq(flags) for k, flags in enumerate(flow)]
        return flow

    def _blocks(
        self, m: Module, take: Value, flow: list[data.View[data.StructLayout]], may_begin: Signal, result: Signal
    ) -> None:
        """Kernels of several blocks: only the last one's columns give results."""
        payload = self.i.payload
        # In a short block a column may come so soon after the same one of the block before that its sum is not yet kept.
        short, settled = Signal(), Signal()
        stored = Cat(one.store for one in flow[: PartialSums.DISTANCE - 1])
        m.d.sync += [short.eq(self.descriptor.columns < PartialSums.DISTANCE), settled.eq(~(short & stored.any()))]
        m.d.comb += [
            may_begin.eq(self.parameters_ready & settled),
            result.eq(payload.emit & payload.closes),
            flow[0].add.eq(payload.emit & ~payload.opens),
            flow[0].store.eq(take & payload.emit & ~payload.closes),
        ]

    def _stripes(self, m: Module, take: Value, taken: data.View[data.StructLayout]) -> None:
        """Sums over a map that comes in several passes."""
        d = self.descriptor
        goes_on, fresh = Signal(), Signal()
        m.d.sync += goes_on.eq((d.mode == FeedMode.SUM) & (d.op == SumOp.GO_ON))
        with m.If(self.start):
            m.d.sync += fresh.eq(1)
        with m.Elif(take):
            m.d.sync += fresh.eq(0)
        m.d.comb += [taken.first.eq(take & fresh), taken.go_on.eq(self.i.payload.start & goes_on)]
