"""The simulated system of a network that stays in block RAM whole: the machine as it is synthesised, its image, the trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from amaranth import ClockSignal, Instance, Module, ResetSignal
from amaranth.lib import wiring

from hwgen.compiler.program.program import Program
from hwgen.hw.isa.config import BANKS
from hwgen.hw.resident_machine import ResidentMachine
from hwgen.sim.frame.system import BUILD_NUMBER_SOURCE, number_build, trace_writer
from hwgen.sim.frame.system_ports import SYSTEM_PORTS
from hwgen.sim.harness.runner import MODELS, PRIMITIVES

SOURCES = [MODELS / "image_loader.v", BUILD_NUMBER_SOURCE, MODELS / "trace.v", *PRIMITIVES]
"""Verilog models that a simulation of the system needs."""


class ResidentSystem(wiring.Component):
    """The machine with everything around it that a frame needs.

    Parameters:
        machine: the machine; if its build number is a signal, it is the run's `+build=N`.
        loads_image: the image is in memory after reset, else the host writes it.

    Members:
        rx : In(1), tx : Out(1), serial line of the host.
        initialised : Out(1), the image is in memory.
        frame_done : Out(1), strobe.
        passes_done : Out(16).
        violations : Out(32), 0: there is no SDRAM whose rules could be broken.

    Run with `+image_hex=FILE` and `+image_words=N` (see `write_image`), and `+trace=FILE`.
    """

    def __init__(self, machine: ResidentMachine, *, loads_image: bool = True) -> None:
        self.machine = machine
        self.loads_image = loads_image
        super().__init__(SYSTEM_PORTS)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.machine = machine = self.machine
        m.submodules.trace = trace_writer(machine.trace)
        number_build(m, machine.build)
        if not self.loads_image:
            m.d.comb += self.initialised.eq(machine.initialised)
        else:
            image = machine.image
            m.submodules.loader = Instance(
                "image_loader",
                p_MOST=BANKS * machine.config.activation_depth,
                i_clk=ClockSignal(),
                i_rst=ResetSignal(),
                o_valid=image.valid,
                o_bank=image.payload.bank,
                o_addr=image.payload.addr,
                o_data=image.payload.data,
                i_ready=image.ready,
                o_loaded=self.initialised,
            )
        m.d.comb += [
            machine.rx.eq(self.rx),
            self.tx.eq(machine.tx),
            self.frame_done.eq(machine.trace.frame_done),
            self.passes_done.eq(machine.passes_done),
        ]
        return m


def write_image(program: Program, image: np.ndarray, path: Path) -> int:
    """Write an image's words for the loader; returns how many."""
    lines = [
        f"{bank:01x}{addr + i:04x}{word:016x}"
        for (bank, addr), row in zip(program.image_places, program.image_words(image).tolist(), strict=True)
        for i, word in enumerate(row)
    ]
    path.write_text("\n".join(lines) + "\n")
    return len(lines)
