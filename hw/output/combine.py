"""Combine: ADD or MUL of the array's results with a second operand, as TensorFlow Lite's reference kernels compute them."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import CombineOp, CombineParameters, Descriptor
from hwgen.hw.kept_modules import COPY_PREFIX
from hwgen.hw.lib.delay import delayed
from hwgen.hw.lib.fifo import StreamFifo
from hwgen.hw.lib.loop import Loop
from hwgen.hw.lib.multiplier import Addend, add_levels, add_tree, partial_products
from hwgen.hw.lib.places import count_places
from hwgen.hw.lib.requantise import FINE_BITS, Requantiser, requantiser_latency

_DIFFERENCE_BITS = 9  # int8 less a zero point
_POINT = (
    11  # bits of the product that the first rounding drops: 31 less the 20 by which ADD shifts its inputs to the left
)
_ADD_SHIFT = 19  # the input of the larger scale: 20 bits to the left, times 1/2
_TERM_BITS = 29  # of the scaled input: its magnitude is at most 255 * 2^19
_SUM_BITS = 29  # of the sum: its magnitude is at most 255 * 2^20
_MULTIPLICAND_BITS = 32  # signed: M, or the other factor of a MUL
_ADDENDS = (_DIFFERENCE_BITS + 1) // 2 + 1
_FIFO_DEPTH = 16  # segments under way at most; enough because a segment takes at least two cycles


def combine_cycles(config: CoreConfig) -> int:
    """Cycles that the combine element takes for a segment."""
    return config.cols // config.combine_lanes


def combine_latency(config: CoreConfig) -> int:
    """Cycles from taking a segment to offering the result, if nothing is held up."""
    return combine_cycles(config) + CombineLane.LATENCY + 1 + StreamFifo.LATENCY


class CombineLane(wiring.Component):
    """One byte of both operands per cycle; docs/arithmetic.md (13) and (18).

    ADD: the input of the smaller scale is multiplied by M and rounded twice, the other one, whose factor is exactly 1/2, is shifted;
    their sum goes through a requantiser. MUL: the product of both differences goes there.

    Parameters:
        multiply: whether MUL is possible.

    Members:
        parameters : In(CombineParameters), op : In(CombineOp), constant while values are under way.
        segment : In(signed(8)), operand : In(signed(8)).
        o : Out(signed(8)).

    Timing: the result of the bytes in cycle t stands at `o` in cycle t + LATENCY; no stall.

    Proven ranges: the factor of the scaled input is at most 1/2, so its term lies within 255 * 2^19, the sum within 255 * 2^20; a
    product of differences within 255^2. So A = 29 saturates nothing.
    """

    LATENCY = 5 + add_levels(_ADDENDS) + requantiser_latency(_SUM_BITS)
    """Differences, multiplicand, partial products, two cycles of shift; the sum of the products; the requantiser."""

    def __init__(self, multiply: bool) -> None:
        self._multiply = multiply
        super().__init__(
            {
                "parameters": In(CombineParameters),
                "op": In(CombineOp),
                "segment": In(signed(8)),
                "operand": In(signed(8)),
                "o": Out(signed(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p = self.parameters
        scaled = Signal(signed(_DIFFERENCE_BITS), reset_less=True)
        other = Signal(signed(_DIFFERENCE_BITS), reset_less=True)
        m.d.sync += [
            scaled.eq(Mux(p.swap, self.segment, self.operand) - p.zero_scaled),
            other.eq(Mux(p.swap, self.operand, self.segment) - p.zero_other),
        ]
        multiplicand = Signal(signed(_MULTIPLICAND_BITS), reset_less=True)
        adds, rounds_twice = Signal(reset_less=True), Signal(reset_less=True)
        m.d.sync += [multiplicand.eq(p.multiplier), adds.eq(1), rounds_twice.eq(p.shift != 0)]
        if self._multiply:
            multiplies = Signal(reset_less=True)
            m.d.sync += [multiplies.eq(self.op == CombineOp.MUL), adds.eq(~multiplies)]
            with m.If(multiplies):
                m.d.sync += [multiplicand.eq(other << _POINT), rounds_twice.eq(0)]
        factor = delayed(m, scaled, 1, "factor")

        # As in the requantiser: a negative value is lowered by one before a half is added, but only if n > 0.
        lower = Signal(reset_less=True)
        m.d.sync += lower.eq(factor[-1] & rounds_twice)
        rows = partial_products(m, platform, "product", factor, multiplicand)
        half = Addend(Cat(1, lower).as_signed(), _POINT - 1, -1, 1)
        product = add_tree(m, "sum", [*rows, half])
        term = self._shifted(m, product.value[_POINT:][:_TERM_BITS].as_signed(), rounds_twice)

        levels = add_levels(_ADDENDS)
        late = delayed(m, other, 1 + 1 + levels + 2, "late")
        m.submodules.requantiser = requantiser = Requantiser(_TERM_BITS, _SUM_BITS)
        # The rounding's half is added with the other term, whose lower bits are 0.
        m.d.comb += [
            requantiser.acc.eq(term[1:].as_signed()),
            requantiser.parameters.bias.eq(
                Cat(term[0], Const(0, _ADD_SHIFT - 1), late.as_unsigned() & adds.replicate(len(late))).as_signed()
            ),
            requantiser.parameters.multiplier.eq(p.out_multiplier),
            requantiser.parameters.shift.eq(p.out_shift),
            requantiser.clamp.eq(p.clamp),
            self.o.eq(requantiser.o),
        ]
        return m

    def _shifted(self, m: Module, value: Value, enable: Value) -> Value:
        """`value` shifted right by n if `enable`, with one bit, the rounding's half, below it; two cycles."""
        shift = Signal(5, reset_less=True)
        m.d.sync += shift.eq(Mux(enable, self.parameters.shift, 0))
        width = len(value) + 1
        wide = Cat(Const(0, 1), value).as_signed()
        coarse = Signal(signed(width), reset_less=True)
        fine = Signal(signed(width), reset_less=True)
        with m.Switch(shift[FINE_BITS:]):
            for i in range(1 << (5 - FINE_BITS)):
                with m.Case(i):
                    m.d.sync += coarse.eq(wide >> (i << FINE_BITS))
        with m.Switch(shift[:FINE_BITS]):
            for i in range(1 << FINE_BITS):
                with m.Case(i):
                    m.d.sync += fine.eq(coarse >> i)
        return fine


class Combine(wiring.Component):
    """Between the collector and the writer: each segment becomes its sum or product with the second operand, byte by byte.

    Segments of array rows without a pixel (see `Writer`) go through with whatever comes of them, and have no operand segment. With `still`
    there is one operand segment for each chunk of a tile, which all its rows use.

    Parameters:
        config: `rows`, `cols`, `combine_lanes`, `combine_multiply`.

    Members:
        descriptor : In(Descriptor), start : In(1), strobe. Nothing is taken before `descriptor.combine` was set for two cycles, or once it
            is not.
        parameters : In(CombineParameters), stable while segments are under way.
        segments : In(stream {data: 8 C}), operands : In(stream {data: 8 C}).
        o : Out(stream {data: 8 C}).

    Timing: a segment takes `combine_cycles` = C / lanes cycles. It is taken, with its operand segment if it has one, in the first cycle in
    which both are valid and that many cycles have passed since the one before; its result is offered `combine_latency` cycles later.
    """

    def __init__(self, config: CoreConfig) -> None:
        self._config = config
        segment = stream.Signature(data.StructLayout({"data": 8 * config.cols}))
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "start": In(1),
                "parameters": In(CombineParameters),
                "segments": In(segment),
                "operands": In(segment),
                "o": Out(segment),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, d = self._config, self.descriptor
        cols, lanes, steps = config.cols, config.combine_lanes, combine_cycles(config)
        # What decides whether a segment can be taken stands in registers, for the collector's FIFO is far away.
        take, free, room, used = Signal(), Signal(), Signal(init=1), Signal()
        wanted = self._operand_wanted(m, take)
        m.d.comb += [
            take.eq(free & room & self.segments.valid & (self.operands.valid | ~wanted)),
            self.segments.ready.eq(free & room & (self.operands.valid | ~wanted)),
            self.operands.ready.eq(free & room & wanted & self.segments.valid),
        ]

        # The registers turn round once per segment, so an operand that stands still is in place again for the next one.
        segment, operand = Signal(8 * cols, reset_less=True), Signal(8 * cols, reset_less=True)
        busy, last = Signal(), Signal()
        left = Signal(range(steps + 1))
        m.d.sync += [used.eq(d.combine.any()), left.eq(left - 1), last.eq(left == 2)]
        m.d.sync += free.eq(used & (~busy | last | (left == 2)))
        with m.If(busy):
            m.d.sync += [register.eq(register.rotate_right(8 * lanes)) for register in (segment, operand)]
        with m.If(last):
            m.d.sync += busy.eq(0)
        with m.If(take):
            m.d.sync += [busy.eq(1), left.eq(steps), last.eq(steps == 1), free.eq(steps == 1)]
            m.d.sync += segment.eq(self.segments.payload.data)
            with m.If(wanted):
                m.d.sync += operand.eq(self.operands.payload.data)

        parameters, op = Signal(CombineParameters, reset_less=True), Signal(CombineOp, reset_less=True)
        m.d.sync += [parameters.eq(self.parameters), op.eq(d.combine)]
        results = []
        for i in range(lanes):
            # Every lane keeps registers of its own for the parameters, though they are equal: lanes are far from each other.
            m.submodules[f"{COPY_PREFIX}lane{i}"] = lane = CombineLane(config.combine_multiply)
            m.d.comb += [
                lane.parameters.eq(parameters),
                lane.op.eq(op),
                lane.segment.eq(segment.word_select(i, 8)),
                lane.operand.eq(operand.word_select(i, 8)),
            ]
            results.append(lane.o)

        complete = Signal(CombineLane.LATENCY + 1)
        m.d.sync += complete.eq(Cat(busy & last, complete[:-1]))
        result = Signal(8 * cols, reset_less=True)
        m.d.sync += result.eq(Cat(result[8 * lanes :], *results))
        m.submodules.fifo = fifo = StreamFifo(data.StructLayout({"data": 8 * cols}), _FIFO_DEPTH)
        m.d.comb += [fifo.i.valid.eq(complete[-1]), fifo.i.payload.data.eq(result)]
        wiring.connect(m, fifo.o, wiring.flipped(self.o))
        promised, given = Signal(range(_FIFO_DEPTH + 1)), Signal()
        m.d.sync += given.eq(self.o.valid & self.o.ready)
        count_places(m, promised, room, take=take, give=given, places=_FIFO_DEPTH)
        return m

    def _operand_wanted(self, m: Module, take: Value) -> Value:
        """Whether the next segment has an operand segment of its own."""
        d, rows = self.descriptor, self._config.rows
        chunk, tile = Loop(m, "chunk", d.chunks), Loop(m, "tile", d.tiles)
        row = Signal(range(rows + 1))  # counted from 1
        row_last, wanted = Signal(), Signal()
        with m.If(take):
            m.d.sync += [row.eq(row + 1), row_last.eq(row == rows - 1)]
            with m.If(d.still | (tile.last & (row == d.last_pixels))):
                m.d.sync += wanted.eq(0)
            with m.If(row_last):
                m.d.sync += [row.eq(1), wanted.eq(1)]
                chunk.advance()
                with m.If(chunk.last):
                    tile.advance()
        with m.If(self.start):
            chunk.restart()
            tile.restart()
            m.d.sync += [row.eq(1), row_last.eq(0), wanted.eq(1)]
        return wanted
