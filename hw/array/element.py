"""Elements of the systolic array: a multiplier block with an accumulator and a link of the drain chain, for one or two steps a cycle."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Shape, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.ecp5.dsp import BlockMultiplier
from hwgen.hw.lib.multiplier import add_levels, add_tree, partial_products

OPERAND_BITS = 8
"""Width of activations and weights, bits."""

CONTROL_DELAY = 3
"""Cycles by which control enters an element after its operands: it steers the accumulator without any delay line."""

LATENCY = 5
"""Cycles from operands to the drain chain: operand registers, multiplier input, multiplier output, fabric register, drain register."""

_CONTROL = {"step_i": In(1), "step_o": Out(1), "last_i": In(1), "last_o": Out(1)}


def product_bits(steps: int) -> int:
    """Width of what an element adds up in a cycle with so many steps: of int8 operands, or of two sums of two each."""
    return 2 * (OPERAND_BITS + steps - 1)


OperandPair = data.StructLayout({"even": signed(OPERAND_BITS), "odd": signed(OPERAND_BITS)})
"""Operands of two successive steps; no array, whose fields' names in the netlist yosys takes for those of single bits."""


def operands(steps: int) -> Shape | data.StructLayout:
    """Operands of one step, or of two, int8 each."""
    return signed(OPERAND_BITS) if steps == 1 else OperandPair


def accumulate(m: Module, element: wiring.Component, product: Value) -> None:
    """Control registers, accumulator and drain register of an `element` whose `product` is LATENCY - 1 cycles behind its operands.

    The last sum goes straight to the drain register while the accumulator is cleared: the clear is the register's own synchronous
    reset, where a multiplexer before the adder would cost a LUT per bit. The sum is exact if it fits into the accumulator, whatever the
    partial sums do (they wrap around).
    """
    ports: Any = element
    step, last = Signal(reset_less=True), Signal(reset_less=True)
    m.d.sync += [step.eq(ports.step_i), last.eq(ports.last_i)]
    m.d.comb += [ports.step_o.eq(step), ports.last_o.eq(last)]
    shape = ports.drain.shape()
    accumulator, drain = Signal(shape, reset_less=True), Signal(shape, reset_less=True)
    total = Signal(shape)
    m.d.comb += [total.eq(accumulator + product), ports.drain.eq(drain)]
    m.d.sync += drain.eq(Mux(last, total, ports.below))
    with m.If(step):
        m.d.sync += accumulator.eq(Mux(last, 0, total))


class ProcessingElement(wiring.Component):
    """One element: passes its operands on, multiplies, accumulates, and hands the finished sum to the drain chain.

    With two steps a cycle, the even one 0 and the odd one 1, it adds up (a0 + w1)(a1 + w0) = a0 w0 + a1 w1 + a0 a1 + w0 w1: one
    multiplication for two products (S. Winograd, A New Algorithm for Inner Product, IEEE Trans. Computers C-17, 1968). The sum of a0 a1
    is the same in a whole row (`ActivationProducts`), that of w0 w1 a constant of the output channel.

    Parameters:
        acc_bits: width of the accumulator.
        steps: 1 or 2 steps a cycle.
        bel: site of the multiplier block, or None.

    Members:
        a_i : In(operands(steps)), a_o : Out(operands(steps)): activations, from the left, to the right.
        w_i : In(operands(steps)), w_o : Out(operands(steps)): weights, from above, downwards.
        step_i : In(1), step_o : Out(1): accumulate the product of the operands that entered `CONTROL_DELAY` cycles ago; downwards.
        last_i : In(1), last_o : Out(1): with `step`: this product completes the sum; downwards.
        below : In(signed(acc_bits)), drain : Out(signed(acc_bits)): drain chain, from below, upwards.

    Timing: operands and control leave one cycle after they entered. Operands in cycle t, control in cycle t + CONTROL_DELAY, completed
    sum on `drain` in cycle t + LATENCY; in all other cycles `drain` repeats `below` of the cycle before.
    """

    def __init__(self, acc_bits: int, steps: int = 1, bel: str | None = None) -> None:
        self._steps = steps
        self._bel = bel
        super().__init__(
            {
                "a_i": In(operands(steps)),
                "a_o": Out(operands(steps)),
                "w_i": In(operands(steps)),
                "w_o": Out(operands(steps)),
                **_CONTROL,
                "below": In(signed(acc_bits)),
                "drain": Out(signed(acc_bits)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a, w = Signal(operands(self._steps), reset_less=True), Signal(operands(self._steps), reset_less=True)
        m.d.sync += [a.eq(self.a_i), w.eq(self.w_i)]
        m.d.comb += [self.a_o.eq(a), self.w_o.eq(w)]

        m.submodules.multiplier = multiplier = BlockMultiplier(OPERAND_BITS + self._steps - 1, self._bel)
        factors = (a, w) if self._steps == 1 else (a.even + w.odd, a.odd + w.even)
        product = Signal(multiplier.p.shape(), reset_less=True)
        m.d.comb += [multiplier.a.eq(factors[0]), multiplier.b.eq(factors[1])]
        m.d.sync += product.eq(multiplier.p)
        accumulate(m, self, product)
        return m


class ActivationProducts(wiring.Component):
    """Of a row's activations, two a cycle, the sum of a0 a1, with the timing of a `ProcessingElement` and a drain chain like its.

    Its multiplier is made of LUTs: there is one for each row, not one for each element.

    Parameters:
        acc_bits: width of the accumulator, as of the elements.

    Members:
        a : In(OperandPair); step_i, step_o, last_i, last_o, below, drain: as of `ProcessingElement`.
    """

    def __init__(self, acc_bits: int) -> None:
        super().__init__(
            {
                "a": In(OperandPair),
                **_CONTROL,
                "below": In(signed(acc_bits)),
                "drain": Out(signed(acc_bits)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a = Signal(OperandPair, reset_less=True)
        m.d.sync += a.eq(self.a)
        rows = partial_products(m, platform, "product", a.even, a.odd)
        assert 2 + add_levels(len(rows)) == LATENCY - 1
        accumulate(m, self, add_tree(m, "sum", rows).value)
        return m
