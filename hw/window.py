"""Window: depthwise convolution, pooling and sums over the columns that the fetch reads."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.column import column_layout
from hw.config import RingConfig
from hw.descriptor import Descriptor, FeedMode, WindowOp
from hw.multiplier import Addend, add_levels, add_tree, partial_products
from hw.requantise import Requantiser, requantiser_latency
from hw.window_parameters import TAPS, WindowParameters, window_write_layout

KERNEL = 3
"""Rows and columns that the window holds."""

_SUM_BITS = 25
"""Of an int8 sum over a whole map: 2^17 elements of magnitude 2^7, and a sign."""

_TAP_STAGES = 1
_PRODUCT_STAGES = 1 + add_levels(4 * TAPS)  # partial products (four of eight bits), then their tree
_SCALE_STAGES = 2
_AVERAGE_BITS = 12  # of the sum of 9 int8
_MAX_STAGES = 5  # four levels of comparisons, the clamp
_FIFO_DEPTH = 64


def window_latency(clamp_bits: int, op: WindowOp) -> int:
    """Cycles from taking a column with `emit` to its result at `o`."""
    if op == WindowOp.MAX:
        return _TAP_STAGES + _MAX_STAGES + 1
    return _TAP_STAGES + _PRODUCT_STAGES + _SCALE_STAGES + requantiser_latency(clamp_bits) + 1


class Window(wiring.Component):
    """Keeps the last three columns of three rows and computes L channels of an output for every column that asks for one.

    - MAC: sum of tap times weight, requantised with the lane's parameters.
    - MAX: maximum of the kernel_h x kernel_w taps, clamped.
    - AVERAGE: sum of tap times weight (weights are 1) times `average_scale[{columns cut, rows cut}]`, requantised.
    - SUM (feed mode): sum of row 0 from `start` to `emit`, requantised.

    The newest column is tap column 2: tap (ky, kx) of a kernel kernel_w wide has index 3 ky + 3 - kernel_w + kx among the
    parameter memory's weights. Taps outside the kernel need zero weights in MAC and AVERAGE; MAX leaves them out by itself.

    Parameters:
        config: `window_lanes` (L), `window_clamp_bits`, `window_depth`.

    Members:
        descriptor : In(Descriptor), start : In(1).
        write : In(window_write_layout(config)), parameters from the DMA.
        i : In(stream of column_layout(L)).
        o : Out(stream of {data: 8 L, last: 1}), in the order of the columns with `emit`.

    Timing: a column with `emit` taken in cycle t gives a result at `o` in cycle t + window_latency(clamp_bits, op) if `o` is not held up.
    One column per cycle. A column with `start` is taken at the earliest WindowParameters.PERIOD cycles after the pass's `start` or
    after the `start` column before it. Inside, nothing stalls: a column with `emit` is taken only when there is room for its result.

    Proven ranges: |9 * 127 * 128| < 2^18; sums of SUM stay below 2^24 for maps of 2^17 elements.
    """

    def __init__(self, config: RingConfig) -> None:
        self._config = config
        self._layout = column_layout(config.window_lanes)
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "start": In(1),
                "write": In(window_write_layout(config)),
                "i": In(stream.Signature(self._layout)),
                "o": Out(stream.Signature(data.StructLayout({"data": 8 * config.window_lanes, "last": 1}))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        d = self.descriptor
        lanes = self._config.window_lanes
        m.submodules.parameters = parameters = WindowParameters(self._config)
        payload = self.i.payload
        take, emit = Signal(), Signal()
        room = Signal()
        m.d.comb += [
            parameters.descriptor.eq(d),
            parameters.start.eq(self.start),
            parameters.write.eq(self.write),
            parameters.advance.eq(take & payload.start),
            self.i.ready.eq((parameters.ready | ~payload.start) & (room | ~payload.emit)),
            take.eq(self.i.valid & self.i.ready),
            emit.eq(take & payload.emit),
        ]

        # Taps: [row][column], column 2 the newest.
        taps = [
            [Signal(data.ArrayLayout(signed(8), lanes), name=f"tap_{y}_{x}", reset_less=True) for x in range(KERNEL)]
            for y in range(KERNEL)
        ]
        for y, row in enumerate(taps):
            with m.If(take):
                m.d.sync += [row[x].eq(row[x + 1]) for x in range(KERNEL - 1)]
                m.d.sync += row[-1].as_value().eq(payload.rows[y])
        is_sum, is_max, is_average = Signal(), Signal(), Signal()
        m.d.sync += [
            is_sum.eq(d.mode == FeedMode.SUM),
            is_max.eq((d.mode != FeedMode.SUM) & (d.op == WindowOp.MAX)),
            is_average.eq((d.mode != FeedMode.SUM) & (d.op == WindowOp.AVERAGE)),
        ]

        # Which results are on their way: valid and last, and the class of the average.
        stages = _TAP_STAGES + _PRODUCT_STAGES + _SCALE_STAGES + requantiser_latency(self._config.window_clamp_bits)
        flags = data.StructLayout({"valid": 1, "last": 1})
        flow = [Signal(flags, name=f"flow_{i}") for i in range(stages)]
        m.d.sync += [flow[0].valid.eq(emit), flow[0].last.eq(payload.last)]
        m.d.sync += [flow[i + 1].eq(flow[i]) for i in range(stages - 1)]
        cut = [Signal(2, name=f"cut_{i}", reset_less=True) for i in range(_TAP_STAGES + _PRODUCT_STAGES)]
        m.d.sync += cut[0].eq(Cat(payload.rows_cut, payload.cols_cut))
        m.d.sync += [new.eq(old) for old, new in zip(cut, cut[1:], strict=False)]
        scale = d.average_scale[cut[-1]]
        begin = [Signal(name=f"begin_{i}") for i in range(_TAP_STAGES + _PRODUCT_STAGES + _SCALE_STAGES - 1)]
        m.d.sync += begin[0].eq(take & payload.start)
        m.d.sync += [new.eq(old) for old, new in zip(begin, begin[1:], strict=False)]
        m.d.comb += parameters.advance_parameters.eq(begin[-1])

        results = []
        for lane in range(lanes):
            mac = self._products(m, platform, lane, taps, parameters.weights)
            total = self._sum(m, lane, take, payload.start, payload.rows[0].word_select(lane, 8).as_signed())
            scaled = self._scaled(m, lane, mac, scale, is_average)
            acc = Signal(signed(_SUM_BITS), name=f"acc_{lane}")
            m.d.comb += acc.eq(Mux(is_sum, total, scaled))
            requantiser = Requantiser(_SUM_BITS, self._config.window_clamp_bits)
            m.submodules[f"requantiser_{lane}"] = requantiser
            m.d.comb += [
                requantiser.acc.eq(acc),
                requantiser.parameters.eq(parameters.parameters[lane]),
                requantiser.clamp.eq(d.window_clamp),
            ]
            largest = self._maximum(m, lane, taps)
            results.append(Mux(is_max, largest, requantiser.o))

        early = flow[_TAP_STAGES + _MAX_STAGES - 1]
        push, last = Signal(), Signal()
        m.d.comb += [
            push.eq(Mux(is_max, early.valid, flow[-1].valid)),
            last.eq(Mux(is_max, early.last, flow[-1].last)),
        ]
        self._queue(m, push, Cat(*results, last), emit, room)
        return m

    def _products(self, m: Module, platform: object, lane: int, taps: list[list[data.View]], weights: Value) -> Value:
        """Sum of tap times weight, _PRODUCT_STAGES cycles after the taps."""
        rows = []
        for y in range(KERNEL):
            for x in range(KERNEL):
                name = f"product_{lane}_{y}{x}"
                rows += partial_products(m, platform, name, weights[KERNEL * y + x][lane], taps[y][x][lane])
        rows.sort(key=lambda addend: addend.base)  # neighbours of the same weight make the shortest adders
        total = add_tree(m, f"mac_{lane}", rows)
        assert total.base == 0
        return total.value

    def _sum(self, m: Module, lane: int, take: Value, start: Value, value: Value) -> Value:
        """Sum since the last `start`, as late as the scaled products: it changes only with a column taken later."""
        taken, begins = Signal(name=f"sum_taken_{lane}"), Signal(name=f"sum_begins_{lane}", reset_less=True)
        x = Signal(signed(8), name=f"sum_x_{lane}", reset_less=True)
        total = Signal(signed(_SUM_BITS), name=f"sum_{lane}", reset_less=True)
        m.d.sync += [taken.eq(take), begins.eq(start), x.eq(value)]
        with m.If(taken):
            m.d.sync += total.eq(Mux(begins, 0, total) + x)
        delayed: Value = total
        for i in range(_PRODUCT_STAGES + _SCALE_STAGES - 1):
            register = Signal(signed(_SUM_BITS), name=f"sum_{lane}_{i}", reset_less=True)
            m.d.sync += register.eq(delayed)
            delayed = register
        return delayed

    def _scaled(self, m: Module, lane: int, mac: Value, scale: Value, is_average: Value) -> Value:
        """The sum of products, times `scale` in AVERAGE, _SCALE_STAGES cycles later."""
        held, out = Signal(mac.shape(), name=f"mac_held_{lane}", reset_less=True), Signal(
            signed(_SUM_BITS), name=f"scaled_{lane}", reset_less=True
        )
        short = mac[:_AVERAGE_BITS].as_signed()
        low = Signal(signed(_AVERAGE_BITS + 3), name=f"scale_low_{lane}", reset_less=True)
        high = Signal(signed(_AVERAGE_BITS + 3), name=f"scale_high_{lane}", reset_less=True)
        m.d.sync += [
            held.eq(mac),
            low.eq(_times3(short, scale[:3])),
            high.eq(_times3(short, scale[3:])),
            out.eq(Mux(is_average, low + (high << 3), held)),
        ]
        return out

    def _maximum(self, m: Module, lane: int, taps: list[list[data.View]]) -> Value:
        """Maximum over the kernel, clamped, _MAX_STAGES cycles after the taps."""
        d = self.descriptor
        level: list[Value] = []
        for y in range(KERNEL):
            for x in range(KERNEL):
                used = (d.kernel_h > y) & (d.kernel_w >= KERNEL - x)
                level.append(Mux(used, taps[y][x][lane], -128))
        depth = 0
        while len(level) > 1:
            following: list[Value] = []
            for i in range(0, len(level), 2):
                register = Signal(signed(8), name=f"max_{lane}_{depth}_{i}", reset_less=True)
                pair = level[i : i + 2]
                m.d.sync += register.eq(pair[0] if len(pair) == 1 else Mux(pair[0] > pair[1], pair[0], pair[1]))
                following.append(register)
            level, depth = following, depth + 1
        assert depth == _MAX_STAGES - 1
        result = Signal(signed(8), name=f"max_{lane}", reset_less=True)
        low, high = d.window_clamp.low, d.window_clamp.high
        m.d.sync += result.eq(Mux(level[0] < low, low, Mux(level[0] > high, high, level[0])))
        return result

    def _queue(self, m: Module, push: Value, value: Value, emit: Value, room: Signal) -> None:
        """Results wait here for `o`; room is promised when a column with `emit` is taken."""
        m.submodules.queue = queue = Memory(shape=len(value), depth=_FIFO_DEPTH, init=[])
        write, read = queue.write_port(), queue.read_port(domain="comb")
        head, tail = Signal(range(_FIFO_DEPTH)), Signal(range(_FIFO_DEPTH))
        used, promised = Signal(range(_FIFO_DEPTH + 1)), Signal(range(_FIFO_DEPTH + 1))
        pop = Signal()
        m.d.comb += [
            write.en.eq(push),
            write.addr.eq(tail),
            write.data.eq(value),
            read.addr.eq(head),
            Cat(self.o.payload.data, self.o.payload.last).eq(read.data),
            self.o.valid.eq(used != 0),
            pop.eq(self.o.valid & self.o.ready),
            room.eq(promised != _FIFO_DEPTH),
        ]
        m.d.sync += [
            head.eq(head + pop),
            tail.eq(tail + push),
            used.eq(used + push - pop),
            promised.eq(promised + emit - pop),
        ]


def _times3(value: Value, factor: Value) -> Value:
    """value times a factor of three bits: two adders."""
    return Mux(factor[0], value, 0) + Mux(factor[1], value << 1, 0) + Mux(factor[2], value << 2, 0)
