"""Sequencer with its counters: order, exact start cycles, records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from amaranth import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.control.counters import Counters
from hwgen.hw.control.sequencer import Sequencer
from hwgen.hw.isa.descriptor import Descriptor
from hwgen.sim.harness.runner import MODELS, simulate
from tests.support.port_widths import port_widths
from tests.support.resident_descriptors import descriptors


class SequencerWithCounters(wiring.Component):
    """Both connected as in the core."""

    def __init__(self, resident: Sequence[int] = ()) -> None:
        self._resident = resident
        super().__init__(
            {
                "push": In(data.StructLayout({"valid": 1, "data": 16})),
                "room": Out(1),
                "frame_start": In(1),
                "done": In(1),
                "issuing": In(1),
                "start": Out(1),
                "descriptor": Out(Descriptor),
                "passes_done": Out(16),
                "frame_done": Out(1),
                "frame_cycles": Out(32),
                "read_addr": In(12),
                "read_data": Out(32),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.sequencer = sequencer = Sequencer(self._resident)
        m.submodules.counters = counters = Counters()
        m.d.comb += [
            sequencer.push.eq(self.push),
            self.room.eq(sequencer.room),
            sequencer.frame_start.eq(self.frame_start),
            sequencer.done.eq(self.done),
            self.start.eq(sequencer.start),
            self.descriptor.eq(sequencer.descriptor),
            self.passes_done.eq(sequencer.passes_done),
            self.frame_done.eq(sequencer.frame_done),
            counters.frame_start.eq(self.frame_start),
            counters.start.eq(sequencer.start),
            counters.done.eq(self.done),
            counters.issuing.eq(self.issuing),
            counters.working.eq(self.issuing),
            self.frame_cycles.eq(counters.frame_cycles),
            counters.read_addr.eq(self.read_addr),
            self.read_data.eq(counters.read_data),
        ]
        return m


def test_halfwords_are_pushed() -> None:
    assert port_widths(Sequencer())["push"] == 1 + 16


def test_sequencer(bench_dir: Path) -> None:
    simulate(SequencerWithCounters(), name="sequencer", test_module="tests.cocotb.bench_sequencer", build_dir=bench_dir)


@pytest.mark.parametrize("passes", [1, 5])
def test_resident_descriptors(passes: int, bench_dir: Path) -> None:
    simulate(
        SequencerWithCounters(descriptors(passes)),
        name=f"sequencer-{passes}",
        test_module="tests.cocotb.bench_resident_sequencer",
        build_dir=bench_dir,
        sources=[MODELS / "ecp5" / "DP16KD.v"],
        env={"PASSES": str(passes)},
    )
