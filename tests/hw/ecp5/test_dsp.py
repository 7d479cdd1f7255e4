"""The multiplier block's wrapper against its behavioural reference model."""

from __future__ import annotations

from pathlib import Path

from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from hwgen.hw.ecp5.dsp import MEMBERS, Multiplier8
from hwgen.sim.harness.runner import MODELS, simulate
from tests.support.reference_primitives import Multiplier8Reference


class Pair(wiring.Component):
    """The wrapper and its reference model side by side."""

    def __init__(self) -> None:
        super().__init__({**MEMBERS, "reference_p": Out(signed(16))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.block = block = Multiplier8()
        m.submodules.reference = reference = Multiplier8Reference()
        for unit, p in ((block, self.p), (reference, self.reference_p)):
            m.d.comb += [unit.a.eq(self.a), unit.b.eq(self.b), p.eq(unit.p)]
        return m


def test_multiplier_equals_reference(bench_dir: Path) -> None:
    assert Multiplier8.LATENCY == 2
    sources = [MODELS / "ecp5" / "MULT18X18D.v"]
    simulate(Pair(), name="dsp", test_module="tests.cocotb.bench_dsp", build_dir=bench_dir, sources=sources)


def test_site_becomes_an_attribute() -> None:
    from hwgen.hw.verilog import to_verilog

    assert '(* BEL = "X4/Y10/MULT18_0" *)' in to_verilog(Multiplier8("X4/Y10/MULT18_0"))
    assert "BEL" not in to_verilog(Multiplier8())
