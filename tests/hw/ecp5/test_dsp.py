"""The multiplier block's wrapper against its behavioural reference model."""

from __future__ import annotations

from pathlib import Path

import pytest
from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from hwgen.hw.ecp5.dsp import BLOCK_BITS, BlockMultiplier, multiplier_members
from hwgen.sim.harness.runner import MODELS, simulate
from tests.support.reference_primitives import MultiplierReference


class Pair(wiring.Component):
    """The wrapper and its reference model side by side."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        super().__init__({**multiplier_members(bits), "reference_p": Out(signed(2 * bits))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.block = block = BlockMultiplier(self._bits)
        m.submodules.reference = reference = MultiplierReference(self._bits)
        for unit, p in ((block, self.p), (reference, self.reference_p)):
            m.d.comb += [unit.a.eq(self.a), unit.b.eq(self.b), p.eq(unit.p)]
        return m


@pytest.mark.parametrize("bits", [8, 9, BLOCK_BITS])
def test_multiplier_equals_reference(bits: int, bench_dir: Path) -> None:
    assert BlockMultiplier.LATENCY == 2
    sources = [MODELS / "ecp5" / "MULT18X18D.v"]
    simulate(
        Pair(bits),
        name=f"dsp_{bits}",
        test_module="tests.cocotb.bench_dsp",
        build_dir=bench_dir,
        sources=sources,
        env={"BITS": str(bits)},
    )


def test_site_becomes_an_attribute() -> None:
    from hwgen.hw.verilog import to_verilog

    assert '(* BEL = "X4/Y10/MULT18_0" *)' in to_verilog(BlockMultiplier(8, "X4/Y10/MULT18_0"))
    assert "BEL" not in to_verilog(BlockMultiplier(8))
