"""The core from the collector's output to the activation memory, wired as in the core, without what comes before."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.core import Core, Trace
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import Descriptor
from hwgen.hw.memory.activation_memory import ActivationMemory
from hwgen.hw.output.combine import Combine
from hwgen.hw.output.operand import OperandFetch
from hwgen.hw.output.writer import Writer


class OperandPath(wiring.Component):
    """Operand fetch, combine element (if the core has one), writer and the activation memory between them.

    Members:
        descriptor : In(Descriptor), start : In(1), as the elements have them.
        segments : In(stream {data: 8 C}), from the collector.
        done : Out(1), of the writer.
    """

    def __init__(self, config: CoreConfig) -> None:
        self._config = config
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "start": In(1),
                "segments": In(stream.Signature(data.StructLayout({"data": 8 * config.cols}))),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, d = self._config, self.descriptor
        m.submodules.memory = memory = ActivationMemory(config)
        m.submodules.operand = operand = OperandFetch(config, memory.PORT_B_LATENCY)
        m.submodules.writer = writer = Writer(config, memory.WRITE_TO_READ)
        elements: list[OperandFetch | Writer | Combine] = [operand, writer]
        wiring.connect(m, operand.memory, memory.operand)
        m.d.comb += [memory.writer.eq(writer.request), self.done.eq(writer.done)]
        if config.combine_lanes:
            m.submodules.combine = combine = Combine(config)
            elements.append(combine)
            core: Any = SimpleNamespace(trace=Signal(Trace))
            collector: Any = SimpleNamespace(o=wiring.flipped(self.segments))
            Core._combine(core, m, combine, d.combine.any(), collector, operand, writer)
        else:
            wiring.connect(m, wiring.flipped(self.segments), writer.segments)
            wiring.connect(m, operand.o, writer.operands)
        for element in elements:
            m.d.comb += [element.descriptor.eq(d), element.start.eq(self.start)]
        return m
