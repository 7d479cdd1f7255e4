"""Multipliers in LUTs: every pair of operands, in the behavioural form and on carry cells side by side."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from amaranth import Cat, Const, Fragment, Module, Shape, Signal, Value, signed, unsigned
from amaranth.back import rtlil
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator, SimulatorContext

from hwgen.hw.lib.multiplier import Addend, add_levels, add_tree, partial_products
from hwgen.sim.harness.runner import MODELS, simulate


class Product(wiring.Component):
    """Product of a signed and any other operand, 1 + add_levels(rows) cycles later."""

    def __init__(self, a: int, b: Shape) -> None:
        super().__init__({"a": In(signed(a)), "b": In(b), "o": Out(signed(a + b.width))})
        self.latency = 1 + add_levels((a + 1) // 2)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        product = add_tree(m, "sum", partial_products(m, platform, "product", self.a, self.b))
        assert product.base == 0
        m.d.comb += self.o.eq(product.value)
        return m


class BothForms(wiring.Component):
    """The same product twice: behavioural, and on carry cells."""

    def __init__(self, a: int, b: Shape) -> None:
        self._forms = [Product(a, b), Product(a, b)]
        self.latency = self._forms[0].latency
        width = signed(a + b.width)
        super().__init__({"a": In(signed(a)), "b": In(b), "behavioural": Out(width), "on_cells": Out(width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plain, cells = self._forms
        m.submodules.plain, m.submodules.cells = plain, Fragment.get(cells, "ecp5")
        m.d.comb += [inner.a.eq(self.a) for inner in self._forms] + [inner.b.eq(self.b) for inner in self._forms]
        m.d.comb += [self.behavioural.eq(plain.o), self.on_cells.eq(cells.o)]
        return m


@pytest.mark.parametrize(
    ("a", "b"), [(8, signed(8)), (8, unsigned(6)), (5, unsigned(7)), (2, signed(3)), (1, unsigned(4))]
)
def test_every_product(bench_dir: Path, a: int, b: Shape) -> None:
    design = BothForms(a, b)
    env = {"A": a, "B": b.width, "B_SIGNED": int(b.signed), "LATENCY": design.latency}
    simulate(
        design,
        name="multiplier",
        test_module="tests.cocotb.bench_multiplier",
        build_dir=bench_dir,
        env={key: str(value) for key, value in env.items()},
        sources=[MODELS / "ecp5" / "CCU2C.v"],
    )


@pytest.mark.parametrize(
    ("low", "high", "shape"),
    [
        (0, 0, unsigned(1)),
        (0, 7, unsigned(3)),
        (-1, 0, signed(1)),
        (-8, 7, signed(4)),
        (-9, 7, signed(5)),
        (-1, 8, signed(5)),
    ],
)
def test_addend_takes_the_narrowest_shape(low: int, high: int, shape: Shape) -> None:
    assert Addend(Value.cast(0), 0, low, high).shape == shape


def test_levels() -> None:
    assert [add_levels(n) for n in (1, 2, 3, 4, 5, 12, 13, 36)] == [0, 1, 2, 2, 3, 4, 4, 6]


@pytest.mark.parametrize(("addends", "held"), [(3, ["sum_0_1"]), (5, ["sum_0_2", "sum_1_1"])])
def test_constant_bits_are_constant_from_the_start(addends: int, held: list[str]) -> None:
    """Bits that are always 1 are 1 at power-on too in the registers that wait for the other addends: synthesis leaves them out."""
    m = Module()
    x, o = Signal(4), Signal(8)
    always = Addend(Cat(Const(1, 1), x[0]), 0, 0, 3, ones=1)
    m.d.comb += o.eq(add_tree(m, "sum", [Addend(x, 0, 0, 15)] * (addends - 1) + [always]).value)
    text = rtlil.convert(m, ports=[x, o])
    starts = {
        name: bits
        for bits, name in re.findall(
            r"attribute \\init (\S+)\n(?: *attribute .*\n)* *wire(?: width \d+)? \\(\w+)", text
        )
    }
    assert [starts[name] for name in held] == ["2'01"] * len(held)


@pytest.mark.parametrize("bases", [(0, 3), (3, 0)])
def test_the_lower_addend_needs_no_adder(bases: tuple[int, int]) -> None:
    """Whichever comes first: its lower bits are the sum's."""
    m = Module()
    x, y = Signal(5), Signal(4)
    first, second = Addend(x, bases[0], 0, 31), Addend(y, bases[1], 0, 15)
    total = add_tree(m, "sum", [first, second])
    assert total.base == 0 and (total.low, total.high) == (0, (31 << bases[0]) + (15 << bases[1]))

    async def bench(ctx: SimulatorContext) -> None:
        for a in range(32):
            for b in range(16):
                ctx.set(x, a)
                ctx.set(y, b)
                await ctx.tick()
                assert ctx.get(total.value) == (a << bases[0]) + (b << bases[1])

    simulator = Simulator(m)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
