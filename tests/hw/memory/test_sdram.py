"""SDRAM controller: every cycle as predicted, no rule of the memory broken, data right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.memory.sdram import SdramController, SdramWrite, sdram_pins
from hwgen.hw.memory.sdram_config import ADDRESS_BITS, SdramConfig, SdramPart
from hwgen.sim.frame.sdram_chip import SDRAM_SOURCE, SdramChip
from hwgen.sim.harness.runner import simulate
from hwgen.sim.timing.sdram import SdramTiming
from tests.support.sdram_configs import BROKEN, CONFIGS, DEPTH, WITHOUT_RAS


class SdramSystem(wiring.Component):
    """Controller and memory; the memory may have other limits than the controller believes."""

    def __init__(self, config: SdramConfig, part: SdramPart | None = None) -> None:
        self.controller = SdramController(config)
        self.chip = SdramChip(config, part=part, depth=DEPTH)
        super().__init__(
            {
                "read": In(stream.Signature(ADDRESS_BITS)),
                "data": Out(16),
                "data_valid": Out(1),
                "write": In(stream.Signature(SdramWrite)),
                "start_frame": In(1),
                "frame_ready": Out(1),
                "initialised": Out(1),
                "violations": Out(32),
                "reads": Out(32),
                "writes": Out(32),
                "refreshes": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.controller = controller = self.controller
        m.submodules.chip = chip = self.chip
        domain = m.d.sync if controller.config.pad_registers else m.d.comb
        for name, member in sdram_pins(controller.config.part).members.items():
            inside, outside = getattr(controller.pins, name), getattr(chip.pins, name)
            domain += outside.eq(inside) if member.flow is Out else inside.eq(outside)
        wiring.connect(m, wiring.flipped(self.read), controller.read)
        wiring.connect(m, wiring.flipped(self.write), controller.write)
        m.d.comb += [
            self.data.eq(controller.data),
            self.data_valid.eq(controller.data_valid),
            controller.start_frame.eq(self.start_frame),
            self.frame_ready.eq(controller.frame_ready),
            self.initialised.eq(controller.initialised),
            self.violations.eq(chip.violations),
            self.reads.eq(chip.reads),
            self.writes.eq(chip.writes),
            self.refreshes.eq(chip.refreshes),
        ]
        return m


LONG = ("105", "113", "130")
"""Clocks that differ from the others in one rule's cycles."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long) if name in LONG else name for name in CONFIGS]
)
def test_controller(name: str, bench_dir: Path) -> None:
    simulate(
        SdramSystem(CONFIGS[name]),
        name=f"sdram_{name}",
        test_module="tests.cocotb.bench_sdram",
        build_dir=bench_dir,
        sources=[SDRAM_SOURCE],
        env={"SDRAM_CONFIG": name},
    )


@pytest.mark.parametrize(
    ("name", "config", "part", "rule"),
    [
        ("100", CONFIGS["100"], SdramPart(rcd=31_000), "tRCD"),
        (WITHOUT_RAS, BROKEN[WITHOUT_RAS], SdramPart(), "tRAS: PRECHARGE too soon"),
    ],
    ids=["rcd", "ras"],
)
def test_a_broken_rule_ends_the_run(
    name: str, config: SdramConfig, part: SdramPart, rule: str, bench_dir: Path
) -> None:
    with pytest.raises(AssertionError, match=rule):
        simulate(
            SdramSystem(config, part),
            name="sdram_fatal",
            test_module="tests.cocotb.bench_sdram",
            build_dir=bench_dir,
            sources=[SDRAM_SOURCE],
            env={"SDRAM_CONFIG": name},
        )


@pytest.mark.parametrize(
    ("mhz", "part", "cycles"),
    [
        (111, SdramPart(), 2),
        (112, SdramPart(), 3),
        (118, SdramPart(), 3),
        (112, SdramPart(ras=0), 2),  # tRAS less tRCD alone asks for 3 here
        (118, SdramPart(ras=0), 2),
        (119, SdramPart(ras=0), 3),  # tRC less tRP and tRCD
        (133, SdramPart(ras=0, rc=0), 2),  # write recovery
        (134, SdramPart(ras=0, rc=0), 3),
        (60, SdramPart(wr=0, ras=0, rc=0, wr_cycles=3), 3),
        (142, SdramPart(), 4),
    ],
)
def test_write_to_precharge(mhz: int, part: SdramPart, cycles: int) -> None:
    """The greatest of write recovery and of what tRAS and tRC leave after an ACTIVATE and a single write."""
    assert SdramConfig(mhz * 1_000_000, part=part).write_to_precharge == cycles


def test_every_number_of_cycles_that_a_rule_may_take_is_simulated() -> None:
    """From the default clock of the boards to the fastest that the slowest memory allows, in steps of 0.1 MHz."""

    def rules(config: SdramConfig) -> tuple[int, ...]:
        return config.rcd, config.rp, config.rrd, config.write_to_precharge, config.cycles(config.part.rfc)

    simulated = {rules(config) for config in CONFIGS.values()}
    for clock_hz in range(90_000_000, 10**12 // SdramPart().cl3, 100_000):
        assert rules(SdramConfig(clock_hz)) in simulated, f"{clock_hz / 1e6} MHz"


@pytest.mark.parametrize(("clock_hz", "cas_latency"), [(90_000_000, 2), (100_000_000, 2), (125_000_000, 3)])
def test_linear_reads_are_nearly_gapless(clock_hz: int, cas_latency: int) -> None:
    config = SdramConfig(clock_hz, cas_latency)
    bursts = 150_000
    firsts = SdramTiming(config).linear(0, bursts)
    halfwords_per_cycle = 8 * bursts / (firsts[-1] + 8)
    assert halfwords_per_cycle >= 0.97
    one_by_one = SdramTiming(config)
    assert [one_by_one.read(0, 8 * i).first for i in range(2000)] == firsts[:2000].tolist()


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"cas_latency": 4}, "cas_latency must be 2 or 3, not 4"),
        ({"clock_hz": 125_000_000, "cas_latency": 2}, "clock_hz must be .* at CAS latency 2, not 125000000"),
        ({"capture_delay": 3}, "capture_delay must be 0, 1 or 2, not 3"),
        ({"init_us": 0}, "init_us must be at least 1, not 0"),
        # A memory that needs one of both pauses longer than the controller makes them.
        ({"part": SdramPart(rrd=60_000)}, "too slow for the controller at 100000000 Hz: rrd 6, write to precharge 2 "),
        ({"part": SdramPart(wr=50_000)}, "too slow for the controller at 100000000 Hz: rrd 2, write to precharge 5 "),
    ],
)
def test_wrong_configuration(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        SdramConfig(**{"clock_hz": 100_000_000, **fields})


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"column_bits": 10},
            "a memory of 64 MB is too large: halfword addresses have 24 bits, so that 32 MB can be used",
        ),
        ({"column_bits": 11, "row_bits": 11}, "column_bits must be 8..10, not 11"),
        ({"bank_bits": 3, "row_bits": 12}, "bank_bits must be 1..2, not 3"),
        ({"row_bits": 14}, "row_bits must be 11..13, not 14"),
        ({"width": 32}, "width must be 16, the data pins that the controller is made for, not 32"),
    ],
)
def test_geometry_that_cannot_be_used(fields: dict[str, int], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        SdramPart(**fields)


def test_geometry() -> None:
    part = SdramPart(column_bits=8, bank_bits=1, row_bits=11)
    assert (part.address_bits, part.address_pins, part.bytes) == (20, 11, 2 << 20)
    assert SdramPart().bytes == 32 << 20
