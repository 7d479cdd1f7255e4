"""The simulated system: the machine as it is synthesised, registers as in the board's pads, the SDRAM, the trace."""

from __future__ import annotations

from typing import Any

from amaranth import ClockSignal, DomainRenamer, Instance, Module, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out

from hwgen.hw.core import Trace
from hwgen.hw.machine import Machine
from hwgen.hw.memory.clock_ratio import MEMORY_DOMAIN
from hwgen.hw.memory.sdram import sdram_pins
from hwgen.sim.frame.sdram_chip import SDRAM_SOURCE, SdramChip
from hwgen.sim.frame.system_ports import SYSTEM_PORTS
from hwgen.sim.harness.runner import MODELS, PRIMITIVES

BUILD_NUMBER_SOURCE = MODELS / "build_number.v"
"""Must be among the sources of a simulated machine whose build number is a signal."""

SOURCES = [SDRAM_SOURCE, BUILD_NUMBER_SOURCE, MODELS / "trace.v", *PRIMITIVES]
"""Verilog models that a simulation of the system needs."""


def trace_writer(trace: data.View[Any]) -> Instance:
    """The Verilog model that writes the trace; its ports are named as the fields of `hwgen.hw.core.Trace`."""
    return Instance("trace_writer", i_clk=ClockSignal(), **{f"i_{name}": trace[name] for name, _ in Trace})


def number_build(m: Module, build: int | Value) -> None:
    """A build number that is a signal comes from the run: `+build=N`."""
    if isinstance(build, Value):
        m.submodules.build = Instance("build_number", o_number=build)


class System(wiring.Component):
    """The machine with everything around it that a frame needs.

    Parameters:
        machine: the machine; its SDRAM configuration must count `pad_registers` = 2; if its build number is a signal, it is the
            run's `+build=N`.
        depth: halfwords of the SDRAM that exist.

    Members:
        rx : In(1), tx : Out(1), serial line of the host.
        initialised : Out(1), the SDRAM is ready.
        frame_done : Out(1), strobe.
        passes_done : Out(16).
        violations : Out(32), rules of the SDRAM that were broken (0: none).

    Run with `+sdram_hex=FILE` (content of the SDRAM) and `+trace=FILE`.
    """

    def __init__(self, machine: Machine, depth: int) -> None:
        if machine.sdram_config.pad_registers != 2:
            raise ValueError("the machine must count two pad registers, one each way")
        self.machine = machine
        self.depth = depth
        super().__init__(SYSTEM_PORTS)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.machine = machine = self.machine
        domain = "sync" if machine.sdram_config.ratio.same else MEMORY_DOMAIN
        chip = SdramChip(machine.sdram_config, depth=self.depth)
        m.submodules.chip = DomainRenamer(domain)(chip)
        m.submodules.trace = trace_writer(machine.trace)
        number_build(m, machine.build)
        for name, member in sdram_pins(machine.sdram_config.part).members.items():
            inside, outside = getattr(machine.sdram, name), getattr(chip.pins, name)
            source, sink = (inside, outside) if member.flow is Out else (outside, inside)
            m.d[domain] += sink.eq(source)
        m.d.comb += [
            machine.rx.eq(self.rx),
            self.tx.eq(machine.tx),
            self.initialised.eq(machine.initialised),
            self.frame_done.eq(machine.trace.frame_done),
            self.passes_done.eq(machine.passes_done),
            self.violations.eq(chip.violations),
        ]
        return m
