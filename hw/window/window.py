"""Window: depthwise convolution, pooling and sums over the columns that the fetch reads."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.fetch.column import column_layout
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import Descriptor, FeedMode, WindowOp
from hwgen.hw.isa.memories import SUM_BITS, SUM_GROUPS
from hwgen.hw.lib.fifo import StreamFifo
from hwgen.hw.lib.register_copies import register_copies
from hwgen.hw.lib.table import TableWrite
from hwgen.hw.window.accumulator import SCALE_BITS, Accumulator
from hwgen.hw.window.cycles import ACC_AT, COLUMN_AT, MAC_AT, MAX_AT, TAPS_AT, result_at, result_credits
from hwgen.hw.window.intake import Intake
from hwgen.hw.window.maximum import Maximum
from hwgen.hw.window.multiply_accumulate import MultiplyAccumulate
from hwgen.hw.window.parameters import WindowParameters, window_write_layout
from hwgen.hw.window.partial_sums import PartialSums
from hwgen.hw.window.requantise import RequantiseStage
from hwgen.hw.window.taps import KERNEL, Taps


class Window(wiring.Component):
    """Keeps the last three columns of three rows and computes L channels of an output for every column that asks for one.

    - MAC: sum of tap times weight, requantised with the lane's parameters.
    - MAX: maximum of the kernel_h x kernel_w taps, clamped; rows beyond kernel_h must read as -128.
    - AVERAGE: sum of tap times weight (weights are 1) times `average_scale[rows_cut + 2 cols_cut]`, requantised.
    - MAC of several blocks: a block's sums are kept, and added to those of the next block; the last one's are requantised.
    - SUM (feed mode): sum of row 0 from `start` to `emit`, requantised; the weights of the subgroup are not used. With `striped_sums`
      the sums of up to SUM_GROUPS subgroups are kept too, and with SumOp.GO_ON those of the SUM pass before are added, so that the
      results are those of all rows so far.

    The newest column is tap column 2: tap (ky, kx) of a kernel kernel_w wide has index 3 ky + 3 - kernel_w + kx among the
    parameter memory's weights. Taps outside the kernel need zero weights in MAC and AVERAGE. In a core with a window table,
    requantised channels whose parameters have bit 0 of `unused` set go through the table.

    Parameters:
        config: `window_lanes` (L), `window_clamp_bits`, `window_depth`, `window_table`, `partial_depth`, `striped_sums`.
        parameters_init: initial content of the parameter memory.
        tables: tables that are there from power-on.

    Members:
        descriptor : In(Descriptor), start : In(1).
        write : In(window_write_layout(config)), parameters from the DMA.
        table_write : In(TableWrite), ignored without a table.
        i : In(stream of column_layout(L)), no column before the cycle after `start`.
        o : Out(stream of {data: 8 L, last: 1}), in the order of the columns with `emit`.

    Timing: a column with `emit` taken in cycle t gives a result at `o` in cycle t + window_latency(config, op, mode) if `o` is not
    held up: 9 for MAX, else 14 + requantiser_latency (+ Table.LATENCY). One column per cycle. A column with `start` is taken at the
    earliest WindowParameters.PERIOD cycles after the pass's `start` or after the `start` column before it. Inside, nothing stalls:
    a column with `emit` is taken only when there is room for its result.

    A sum that is kept gives no result. Where a block has less than PartialSums.DISTANCE columns the next block begins at the earliest
    that many cycles after the last column whose sum is kept; without stalls that is never later than the above.

    Proven ranges: |9 * 128 * 128| < 2^18; AVERAGE's sum of 9 taps fits 12 bits, times a scale of 6 bits fits 18; sums of SUM stay
    within 25 bits for maps of 2^17 elements, sums of blocks for kernels of 1024 taps.
    """

    def __init__(
        self, config: CoreConfig, parameters_init: Sequence[int] = (), tables: Sequence[Sequence[int]] = ()
    ) -> None:
        self._config = config
        self._tables = tables
        self._parameters_init = parameters_init
        self._layout = column_layout(config.window_lanes, config.partial_depth > 0)
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "start": In(1),
                "write": In(window_write_layout(config)),
                "table_write": In(TableWrite),
                "i": In(stream.Signature(self._layout)),
                "o": Out(stream.Signature(data.StructLayout({"data": 8 * config.window_lanes, "last": 1}))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        d, config = self.descriptor, self._config
        lanes = config.window_lanes
        is_max = Signal()
        m.d.sync += is_max.eq((d.mode != FeedMode.SUM) & (d.op == WindowOp.MAX))

        m.submodules.intake = intake = Intake(config)
        flow = intake.flow
        m.submodules.parameters = parameters = WindowParameters(config, self._parameters_init)
        wiring.connect(m, wiring.flipped(self.i), intake.i)
        m.d.comb += [
            intake.descriptor.eq(d),
            intake.start.eq(self.start),
            intake.parameters_ready.eq(parameters.ready),
            intake.returned.eq(self.o.valid & self.o.ready),
            parameters.descriptor.eq(d),
            parameters.start.eq(self.start),
            parameters.write.eq(self.write),
            parameters.advance.eq(flow[0].begin),
            parameters.advance_weights.eq(flow[TAPS_AT - 2].begin),
            parameters.advance_parameters.eq(flow[ACC_AT - parameters.PARAMETERS_DELAY].begin),
        ]

        # The clamp is constant in a pass, and the lanes lie far apart.
        clamps = register_copies(m, "clamp", d.window_clamp, lanes)
        sums = self._sums(m, intake, parameters.weights)
        maxima = self._maxima(m, intake, clamps)
        m.submodules.requantise = requantise = RequantiseStage(config, self._tables)
        m.submodules.queue = queue = StreamFifo(self.o.payload.shape(), result_credits(config))
        early, late = flow[MAX_AT], flow[result_at(config)]
        m.d.comb += [
            requantise.descriptor.eq(d),
            requantise.table_write.eq(self.table_write),
            requantise.acc.eq(Cat(*sums)),
            requantise.parameters.eq(parameters.parameters),
            requantise.clamps.eq(Cat(*clamps)),
            queue.i.valid.eq(Mux(is_max, early.emit, late.emit)),
            queue.i.payload.last.eq(Mux(is_max, early.last, late.last)),
            queue.i.payload.data.eq(Mux(is_max, Cat(*maxima), requantise.o)),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        return m

    def _sums(self, m: Module, intake: Intake, weights: data.View[data.ArrayLayout]) -> list[Value]:
        """Every lane's accumulator, ACC_AT cycles after the column: taps, their sum with the weights, what is kept of sums before."""
        lanes = self._config.window_lanes
        flow = intake.flow
        m.submodules.taps = taps = Taps(lanes)
        m.d.comb += [taps.rows.eq(intake.rows), taps.taken.eq(flow[TAPS_AT - 2].taken)]
        scale, keep, accumulate = self._steering(m, flow)
        adds = bool(self._config.partial_depth or self._config.striped_sums)
        accumulators = [Accumulator(adds=adds) for _ in range(lanes)]
        before = self._sums_before(m, flow, [accumulator.acc for accumulator in accumulators])
        for lane, accumulator in enumerate(accumulators):
            m.submodules[f"mac_{lane}"] = mac = MultiplyAccumulate()
            m.submodules[f"accumulator_{lane}"] = accumulator
            m.d.comb += [
                mac.taps.eq(Cat(taps.taps[y][x][lane] for y in range(KERNEL) for x in range(KERNEL))),
                mac.weights.eq(Cat(weights[tap][lane] for tap in range(KERNEL * KERNEL))),
                accumulator.mac.eq(mac.o),
                accumulator.scale.eq(scale),
                accumulator.before.eq(before[lane]),
                accumulator.accumulate.eq(accumulate),
                accumulator.keep.eq(keep),
            ]
        return [accumulator.acc for accumulator in accumulators]

    def _steering(self, m: Module, flow: data.View[data.ArrayLayout]) -> tuple[Signal, Signal, Signal]:
        """Registers of the accumulators: scale at MAC_AT, keep and accumulate at ACC_AT - 1."""
        d = self.descriptor
        is_sum, is_average = Signal(), Signal()
        scale, next_scale = Signal(SCALE_BITS, reset_less=True), Signal(SCALE_BITS, reset_less=True)
        keep, accumulate = Signal(reset_less=True), Signal(reset_less=True)
        cut, column = flow[MAC_AT - 2], flow[ACC_AT - 2]
        m.d.sync += [
            is_sum.eq(d.mode == FeedMode.SUM),
            is_average.eq((d.mode != FeedMode.SUM) & (d.op == WindowOp.AVERAGE)),
            scale.eq(next_scale),  # a register on the way to the lanes
            next_scale.eq(Mux(is_average, d.average_scale[Cat(cut.rows_cut, cut.cols_cut)], 1)),
            # SUM adds a column to the sum that it keeps, unless it begins one.
            keep.eq(is_sum & ~column.begin),
            accumulate.eq(~is_sum | column.taken),
        ]
        return scale, keep, accumulate

    def _sums_before(self, m: Module, flow: data.View[data.ArrayLayout], sums: list[Value]) -> list[Value]:
        """Every lane's sum of the block, or of the stripe, before the present one, at MAC_AT + 1; 0 where there is none."""
        config = self._config
        read, wanted, write = flow[MAC_AT - PartialSums.LATENCY], flow[MAC_AT + 1], flow[ACC_AT - 1]
        parts = []
        if config.partial_depth:
            m.submodules.kept = kept = PartialSums(config.partial_depth, config.window_lanes * SUM_BITS)
            m.d.comb += [
                kept.read_begin.eq(read.begin),
                kept.read.eq(read.store | read.emit),
                kept.write_begin.eq(write.begin),
                kept.write.eq(write.store),
                kept.write_data.eq(Cat(*sums)),
            ]
            parts.append(Mux(wanted.add, kept.read_data, 0))
        if config.striped_sums:
            is_sum = Signal(name="sums_are_kept")
            m.d.sync += is_sum.eq(self.descriptor.mode == FeedMode.SUM)
            m.submodules.stripes = stripes = PartialSums(SUM_GROUPS, config.window_lanes * SUM_BITS)
            m.d.comb += [
                stripes.read_begin.eq(read.first),
                stripes.read.eq(read.emit),
                stripes.write_begin.eq(write.first),
                stripes.write.eq(write.emit & is_sum),
                stripes.write_data.eq(Cat(*sums)),
            ]
            parts.append(Mux(wanted.go_on, stripes.read_data, 0))
        total: Value = Signal(config.window_lanes * SUM_BITS, name="sums_before")
        for part in parts:  # at most one of them is not 0
            total = total | part
        return [total.word_select(lane, SUM_BITS).as_signed() for lane in range(config.window_lanes)]

    def _maxima(self, m: Module, intake: Intake, clamps: list[data.View[data.StructLayout]]) -> list[Value]:
        """Every lane's maximum, MAX_AT cycles after the column."""
        results = []
        for lane, clamp in enumerate(clamps):
            m.submodules[f"maximum_{lane}"] = maximum = Maximum()
            m.d.comb += [
                maximum.rows.eq(Cat(intake.rows[y].word_select(lane, 8) for y in range(KERNEL))),
                maximum.taken.eq(intake.flow[COLUMN_AT + 1].taken),
                maximum.kernel_w.eq(self.descriptor.kernel_w[:2]),
                maximum.clamp.eq(clamp),
            ]
            results.append(maximum.o)
        return results
