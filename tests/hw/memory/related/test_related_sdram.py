"""The SDRAM beside the core as the host sees it: what it writes it reads, byte by byte, whatever the clocks."""

from __future__ import annotations

from pathlib import Path

import pytest
from amaranth.hdl import DomainRenamer, Module, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.memory.clock_ratio import MEMORY_DOMAIN
from hwgen.hw.memory.related.related_sdram import RelatedSdram
from hwgen.hw.memory.sdram import SdramWrite
from hwgen.hw.memory.sdram_config import ADDRESS_BITS, SdramConfig
from hwgen.sim.frame.sdram_chip import SDRAM_SOURCE, SdramChip
from hwgen.sim.harness.runner import simulate
from tests.support.dma_system import MEMORIES


class HostSystem(wiring.Component):
    """Memory and controller; the DMA does not read."""

    def __init__(self, config: SdramConfig) -> None:
        self.memory = RelatedSdram(config)
        super().__init__(
            {
                "read": In(stream.Signature(unsigned(ADDRESS_BITS))),
                "write": In(stream.Signature(SdramWrite)),
                "data": Out(16),
                "data_valid": Out(1),
                "initialised": Out(1),
                "violations": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = self.memory
        chip = SdramChip(memory.config, depth=1 << 16)
        m.submodules.chip = DomainRenamer(MEMORY_DOMAIN)(chip)
        wiring.connect(m, memory.pins, chip.pins)
        wiring.connect(m, wiring.flipped(self.read), memory.read)
        wiring.connect(m, wiring.flipped(self.write), memory.write)
        m.d.comb += [
            self.data.eq(memory.data),
            self.data_valid.eq(memory.data_valid),
            self.initialised.eq(memory.initialised),
            self.violations.eq(chip.violations),
        ]
        return m


@pytest.mark.parametrize("clocks", ["4:3", pytest.param("8:7", marks=pytest.mark.long)])
def test_the_host_reads_what_it_wrote(clocks: str, bench_dir: Path) -> None:
    simulate(
        HostSystem(MEMORIES[clocks]),
        name="related_sdram",
        test_module="tests.cocotb.bench_related_sdram",
        build_dir=bench_dir,
        sources=[SDRAM_SOURCE],
        env={"CLOCKS": clocks},
    )
