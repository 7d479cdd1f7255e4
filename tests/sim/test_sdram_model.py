"""The SDRAM model: every rule, broken alone, is noticed and named; the least legal distances are not."""

from __future__ import annotations

from pathlib import Path

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.memory.sdram_config import SdramConfig, SdramPart
from hwgen.sim.frame.sdram_chip import SDRAM_SOURCE, SdramChip
from hwgen.sim.harness.runner import simulate

# At 100 MHz every limit has a number of cycles of its own: rcd 2, rrd 3, rp 4, wr 5, ras 9, rc 15, rfc 11, mrd 6.
PART = SdramPart(
    rcd=20_000,
    rp=40_000,
    rc=150_000,
    ras=90_000,
    ras_max=3_000_000,
    rrd=30_000,
    rfc=110_000,
    wr=50_000,
    mrd_cycles=6,
    refresh=7_000_000,
    init=2_000_000,
    cl3=12_000,
)
CONFIG = SdramConfig(100_000_000, 2, 0, init_us=2)


class BareChip(wiring.Component):
    """The memory's pins as ports."""

    def __init__(self, config: SdramConfig = CONFIG, part: SdramPart = PART) -> None:
        self.chip = SdramChip(config, part=part, depth=1 << 12, fatal=False)
        super().__init__(
            {
                "command": In(3),
                "cke": In(1, init=1),
                "ba": In(2),
                "a": In(13),
                "dqm": In(2),
                "dq": In(16),
                "dq_oe": In(1),
                "q": Out(16),
                "violations": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.chip = chip = self.chip
        m.d.comb += [
            chip.pins.ras_n.eq(self.command[2]),
            chip.pins.cas_n.eq(self.command[1]),
            chip.pins.we_n.eq(self.command[0]),
            chip.pins.cs_n.eq(0),
            chip.pins.cke.eq(self.cke),
            chip.pins.ba.eq(self.ba),
            chip.pins.a.eq(self.a),
            chip.pins.dqm.eq(self.dqm),
            chip.pins.dq_o.eq(self.dq),
            chip.pins.dq_oe.eq(self.dq_oe),
            self.q.eq(chip.pins.dq_i),
            self.violations.eq(chip.violations),
        ]
        return m


def test_model(bench_dir: Path) -> None:
    simulate(
        BareChip(),
        name="sdram_model",
        test_module="tests.cocotb.bench_sdram_model",
        build_dir=bench_dir,
        sources=[SDRAM_SOURCE],
    )
