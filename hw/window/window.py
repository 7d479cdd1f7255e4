"""Window: depthwise convolution, pooling and sums over the columns that the fetch reads."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.ecp5.carry import gated_pair
from hwgen.hw.fetch.column import column_layout
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import Descriptor, FeedMode, SumOp, WindowOp
from hwgen.hw.isa.memories import SUM_BITS, SUM_GROUPS
from hwgen.hw.lib.fifo import StreamFifo
from hwgen.hw.lib.multiplier import add_levels, add_tree, partial_products
from hwgen.hw.lib.register_copies import register_copies
from hwgen.hw.lib.requantise import Requantiser, requantiser_latency
from hwgen.hw.lib.table import Table, TableWrite
from hwgen.hw.window.parameters import TAPS, WindowParameters, window_write_layout
from hwgen.hw.window.partial_sums import PartialSums

KERNEL = 3
"""Rows and columns that the window holds."""

_AVERAGE_BITS = 12  # of the sum of 9 int8

# Cycles, all counted from the one in which a column is taken.
_TAPS_AT = 2
_MAC_AT = _TAPS_AT + 1 + add_levels(4 * TAPS)  # partial products (four of eight bits), then their tree
_ACC_AT = _MAC_AT + 3
_MAX_AT = 7


def _flow_layout(config: CoreConfig) -> data.StructLayout:
    """What of a column goes along with it: `store`: its sum is kept for the kernel's next block; `add`: the one of the block before
    counts; with striped sums `first`: of a pass, `go_on`: the sum of the stripe before counts.
    """
    fields = ("taken", "begin", "emit", "last", "rows_cut", "cols_cut", "add", "store")
    return data.StructLayout(dict.fromkeys([*fields, "first", "go_on"] if config.striped_sums else fields, 1))


def window_latency(config: CoreConfig, op: WindowOp, mode: FeedMode = FeedMode.WINDOW) -> int:
    """Cycles from taking a column with `emit` to its result at `o`."""
    if mode == FeedMode.WINDOW and op == WindowOp.MAX:
        return _MAX_AT + StreamFifo.LATENCY
    return _result_at(config) + StreamFifo.LATENCY


def _result_at(config: CoreConfig) -> int:
    return _ACC_AT + requantiser_latency(config.window_clamp_bits) + (Table.LATENCY if config.window_table else 0)


def _credits(config: CoreConfig) -> int:
    """Results under way and waiting: more than the latency plus 1, so that the credit never limits an output that is not held up."""
    return 1 << (_result_at(config) + StreamFifo.LATENCY + 1).bit_length()


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
        d = self.descriptor
        lanes = self._config.window_lanes
        m.submodules.parameters = parameters = WindowParameters(self._config, self._parameters_init)
        is_sum, is_max, is_average = Signal(), Signal(), Signal()
        m.d.sync += [
            is_sum.eq(d.mode == FeedMode.SUM),
            is_max.eq((d.mode != FeedMode.SUM) & (d.op == WindowOp.MAX)),
            is_average.eq((d.mode != FeedMode.SUM) & (d.op == WindowOp.AVERAGE)),
        ]
        column = Signal(self._layout, reset_less=True)
        m.d.sync += column.eq(self.i.payload)
        kept = None
        if self._config.partial_depth:
            m.submodules.kept = kept = PartialSums(self._config.partial_depth, lanes * SUM_BITS)
        flow = self._flow(m, parameters, is_max, is_sum, kept)
        stripes = None
        if self._config.striped_sums:
            m.submodules.stripes = stripes = PartialSums(SUM_GROUPS, lanes * SUM_BITS)
        m.d.comb += [
            parameters.descriptor.eq(d),
            parameters.start.eq(self.start),
            parameters.write.eq(self.write),
            parameters.advance.eq(flow[0].begin),
            parameters.advance_weights.eq(flow[_TAPS_AT - 2].begin),
            parameters.advance_parameters.eq(flow[_ACC_AT - parameters.PARAMETERS_DELAY].begin),
        ]

        # Taps: [row][column], column 2 the newest.
        taps = [
            [Signal(data.ArrayLayout(signed(8), lanes), name=f"tap_{y}_{x}", reset_less=True) for x in range(KERNEL)]
            for y in range(KERNEL)
        ]
        for lane, taken in enumerate(register_copies(m, "taken", flow[_TAPS_AT - 2].taken, lanes)):
            with m.If(taken):
                for y, row in enumerate(taps):
                    m.d.sync += [row[x][lane].eq(row[x + 1][lane]) for x in range(KERNEL - 1)]
                    m.d.sync += row[-1][lane].eq(column.rows[y].word_select(lane, 8).as_signed())

        scale = Signal(6, reset_less=True)
        keep, accumulate = Signal(reset_less=True), Signal(reset_less=True)
        cut = flow[_MAC_AT - 2]
        next_scale = Signal(6, reset_less=True)
        m.d.sync += [
            scale.eq(next_scale),  # a register on the way to the lanes
            next_scale.eq(Mux(is_average, d.average_scale[Cat(cut.rows_cut, cut.cols_cut)], 1)),
            # SUM adds a column to the sum that it keeps, unless it begins one.
            keep.eq(is_sum & ~flow[_ACC_AT - 2].begin),
            accumulate.eq(~is_sum | flow[_ACC_AT - 2].taken),
        ]
        results, maxima, sums = [], [], []
        # The clamp is constant in a pass, and the lanes lie far apart.
        clamps = register_copies(m, "clamp", d.window_clamp, lanes)
        for lane in range(lanes):
            mac = self._products(m, platform, lane, taps, parameters.weights)
            requantiser = Requantiser(SUM_BITS, self._config.window_clamp_bits)
            m.submodules[f"requantiser_{lane}"] = requantiser
            before = None
            for memory, wanted in ((kept, "add"), (stripes, "go_on")):
                if memory is not None:
                    part = memory.read_data[lane * SUM_BITS : (lane + 1) * SUM_BITS]
                    chosen = Mux(flow[_MAC_AT + 1][wanted], part, 0)
                    before = (chosen if before is None else before | chosen).as_signed()
            sums.append(self._accumulator(m, platform, lane, mac, scale, keep, accumulate, before))
            m.d.comb += [
                requantiser.acc.eq(sums[-1]),
                requantiser.parameters.eq(parameters.parameters[lane]),
                requantiser.clamp.eq(clamps[lane]),
            ]
            results.append(requantiser.o)
            bytes_ = [column.rows[y].word_select(lane, 8).as_signed() for y in range(KERNEL)]
            maxima.append(self._maximum(m, lane, bytes_, flow[2].taken, clamps[lane]))
        if kept is not None:
            at = _MAC_AT - PartialSums.LATENCY  # an address is a register, then LATENCY cycles to the data
            m.d.comb += [
                kept.read_begin.eq(flow[at].begin),
                kept.read.eq(flow[at].store | flow[at].emit),
                kept.write_begin.eq(flow[_ACC_AT - 1].begin),
                kept.write.eq(flow[_ACC_AT - 1].store),
                kept.write_data.eq(Cat(*sums)),
            ]
        if stripes is not None:
            at = _MAC_AT - PartialSums.LATENCY
            m.d.comb += [
                stripes.read_begin.eq(flow[at].first),
                stripes.read.eq(flow[at].emit),
                stripes.write_begin.eq(flow[_ACC_AT - 1].first),
                stripes.write.eq(flow[_ACC_AT - 1].emit & is_sum),
                stripes.write_data.eq(Cat(*sums)),
            ]
        if self._config.window_table:
            results = self._look_up(m, results, Cat(p.unused[0] for p in parameters.parameters))

        m.submodules.queue = queue = StreamFifo(self.o.payload.shape(), _credits(self._config))
        early, late = flow[_MAX_AT], flow[-1]
        m.d.comb += [
            queue.i.valid.eq(Mux(is_max, early.emit, late.emit)),
            queue.i.payload.last.eq(Mux(is_max, early.last, late.last)),
            queue.i.payload.data.eq(Mux(is_max, Cat(*maxima), Cat(*results))),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        return m

    def _flow(
        self, m: Module, parameters: WindowParameters, is_max: Value, is_sum: Value, kept: PartialSums | None
    ) -> list[data.View]:
        """Takes columns. What element k holds was taken k cycles ago."""
        payload = self.i.payload
        take = Signal()
        layout = _flow_layout(self._config)
        flow = [Signal(layout, name=f"flow_{k}") for k in range(1 + _result_at(self._config))]
        # Room for results that are not promised yet, minus 1: negative if there is none.
        most = _credits(self._config) - 1
        credit = Signal(signed(1 + most.bit_length()), init=most)
        emit, may_begin = payload.emit, parameters.ready
        if kept is not None:
            # In a short block a column may come so soon after the same one of the block before that its sum is not yet kept.
            short, settled = Signal(), Signal()
            stored = Cat(one.store for one in flow[: PartialSums.DISTANCE - 1])
            m.d.sync += [short.eq(self.descriptor.columns < PartialSums.DISTANCE), settled.eq(~(short & stored.any()))]
            may_begin = may_begin & settled
            emit = emit & payload.closes
            m.d.comb += [
                flow[0].add.eq(payload.emit & ~payload.opens),
                flow[0].store.eq(take & payload.emit & ~payload.closes),
            ]
        if self._config.striped_sums:
            goes_on, fresh = Signal(), Signal()
            m.d.sync += goes_on.eq(is_sum & (self.descriptor.op == SumOp.GO_ON))
            with m.If(self.start):
                m.d.sync += fresh.eq(1)
            with m.Elif(take):
                m.d.sync += fresh.eq(0)
            m.d.comb += [flow[0].first.eq(take & fresh), flow[0].go_on.eq(payload.start & goes_on)]
        m.d.comb += [
            self.i.ready.eq((may_begin | ~payload.start) & (~credit[-1] | ~payload.emit)),
            take.eq(self.i.valid & self.i.ready),
            flow[0].taken.eq(take),
            flow[0].begin.eq(take & payload.start),
            flow[0].emit.eq(take & emit),
            flow[0].last.eq(payload.last),
            flow[0].rows_cut.eq(payload.rows_cut),
            flow[0].cols_cut.eq(payload.cols_cut),
        ]
        m.d.sync += credit.eq(credit + (self.o.valid & self.o.ready) - flow[0].emit)
        for k, (old, new) in enumerate(zip(flow, flow[1:], strict=False)):
            m.d.sync += new.eq(old)
            if k == _MAX_AT:
                # A maximum has left here; the next pass may begin before this would arrive at the end.
                m.d.sync += [new.emit.eq(old.emit & ~is_max), new.begin.eq(old.begin & ~is_max)]
        return flow

    def _products(self, m: Module, platform: object, lane: int, taps: list[list[data.View]], weights: Value) -> Value:
        """Sum of tap times weight, _MAC_AT - _TAPS_AT cycles after the taps."""
        rows = []
        for y in range(KERNEL):
            for x in range(KERNEL):
                name = f"product_{lane}_{y}{x}"
                rows += partial_products(m, platform, name, weights[KERNEL * y + x][lane], taps[y][x][lane])
        rows.sort(key=lambda addend: addend.base)  # neighbours of the same weight make the shortest adders
        total = add_tree(m, f"mac_{lane}", rows)
        assert total.base == 0
        return total.value

    def _accumulator(
        self,
        m: Module,
        platform: object,
        lane: int,
        mac: Value,
        scale: Value,
        keep: Value,
        accumulate: Value,
        before: Value | None,
    ) -> Value:
        """`mac * scale`, plus itself with `keep`; _ACC_AT - _MAC_AT cycles later. A scale above 1 only for _AVERAGE_BITS.

        `before`: what is added too, a cycle after `mac`; 0 with a scale above 1 and with `keep`.
        """
        parts = []
        for i in range(3):
            value = mac if i == 0 else mac[:_AVERAGE_BITS].as_signed()
            pair = gated_pair(m, platform, f"scale_{lane}_{i}", value, (scale[2 * i], scale[2 * i + 1]))
            part = Signal(pair.shape(), name=f"scaled_{lane}_{i}", reset_less=True)
            m.d.sync += part.eq(pair)
            parts.append(part)
        lower = Signal(signed(len(parts[0]) + 1), name=f"scaled_lower_{lane}", reset_less=True)
        upper = Signal.like(parts[2], name=f"scaled_upper_{lane}", reset_less=True)
        acc = Signal(signed(SUM_BITS), name=f"acc_{lane}", reset_less=True)
        m.d.sync += lower.eq(parts[0] + (parts[1] << 2))
        if before is None:
            m.d.sync += upper.eq(parts[2])
            more = upper << 4
        else:
            more = Signal(signed(SUM_BITS), name=f"more_{lane}", reset_less=True)
            m.d.sync += more.eq((parts[2] << 4) | before)
        with m.If(accumulate):
            # With `keep` the scale is 1 and `upper` 0.
            m.d.sync += acc.eq(lower + (more | Mux(keep, acc, 0)))
        return acc

    def _maximum(
        self, m: Module, lane: int, rows: list[Value], taken: Value, clamp: data.View[data.StructLayout]
    ) -> Value:
        """Maximum over the kernel, clamped, _MAX_AT cycles after its newest column: first over rows, then over columns."""
        d = self.descriptor

        def register(name: str) -> Signal:
            return Signal(signed(8), name=f"max_{name}_{lane}", reset_less=True)

        def greatest(x: Value, y: Value) -> Value:
            return Mux(_less(x, y), y, x)

        upper, bottom = register("upper"), register("bottom")
        m.d.sync += [upper.eq(greatest(rows[0], rows[1])), bottom.eq(rows[2])]
        columns = [register(f"column{x}") for x in range(KERNEL)]
        with m.If(taken):
            m.d.sync += [columns[x].eq(columns[x + 1]) for x in range(KERNEL - 1)]
            m.d.sync += columns[-1].eq(greatest(upper, bottom))
        right, left, largest, inside, result = (register(x) for x in ("right", "left", "all", "inside", "clamped"))
        m.d.sync += [
            right.eq(greatest(columns[2], Mux(d.kernel_w[:2] > 1, columns[1], -128))),
            left.eq(Mux(d.kernel_w[:2] > 2, columns[0], -128)),
            largest.eq(greatest(right, left)),
        ]
        below, above = (Signal(name=f"max_{name}_{lane}", reset_less=True) for name in ("below", "above"))
        m.d.sync += [
            below.eq(_less(largest, clamp.low)),
            above.eq(_less(clamp.high, largest)),
            inside.eq(largest),
            result.eq(Mux(below, clamp.low, Mux(above, clamp.high, inside))),
        ]
        return result

    def _look_up(self, m: Module, values: list[Value], wanted: Value) -> list[Value]:
        """The lanes' bytes behind the table; `wanted` comes with the accumulators."""
        for i in range(requantiser_latency(self._config.window_clamp_bits)):
            register = Signal(len(values), name=f"look_up_{i}", reset_less=True)
            m.d.sync += register.eq(wanted)
            wanted = register
        m.submodules.table = table = Table(len(values), self._config.table_slots, self._tables)
        m.d.comb += [
            table.number.eq(self.descriptor.window_table),
            table.write.eq(self.table_write),
            table.look_up.eq(wanted),
        ]
        m.d.comb += [table.i[lane].eq(value) for lane, value in enumerate(values)]
        return [table.o[lane] for lane in range(len(values))]


def _less(x: Value, y: Value) -> Value:
    """x < y, both signed: the sign of the difference. Synthesis makes two carry chains in a row of a signed `<`."""
    return (x - y)[-1]
