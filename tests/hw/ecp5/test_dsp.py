"""The multiplier block's wrapper against its behavioural twin."""

from __future__ import annotations

from pathlib import Path

from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from hwgen.hw.ecp5.dsp import MEMBERS, Multiplier8
from hwgen.hw.ecp5.reference import Multiplier8Twin
from hwgen.sim.harness.runner import MODELS, simulate
from tests.cocotb import bench_dsp


class Pair(wiring.Component):
    """The wrapper and its twin side by side."""

    def __init__(self) -> None:
        super().__init__({**MEMBERS, "twin_p": Out(signed(16))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.block = block = Multiplier8()
        m.submodules.twin = twin = Multiplier8Twin()
        for unit, p in ((block, self.p), (twin, self.twin_p)):
            m.d.comb += [unit.a.eq(self.a), unit.b.eq(self.b), p.eq(unit.p)]
        return m


def test_multiplier_equals_twin(bench_dir: Path) -> None:
    assert Multiplier8.LATENCY == bench_dsp.LATENCY
    sources = [MODELS / "MULT18X18D.v"]
    simulate(Pair(), name="dsp", test_module="tests.cocotb.bench_dsp", build_dir=bench_dir, sources=sources)


def test_site_becomes_an_attribute() -> None:
    from hwgen.sim.harness.runner import to_verilog

    assert '(* BEL = "X4/Y10/MULT18_0" *)' in to_verilog(Multiplier8("X4/Y10/MULT18_0"))
    assert "BEL" not in to_verilog(Multiplier8())
