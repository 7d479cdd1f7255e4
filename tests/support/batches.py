"""Batches of frames of a small network."""

from __future__ import annotations

from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.legalise import legalise
from hwgen.compiler.plan.planner import plan
from hwgen.compiler.plan.result import FrameTiming, Plan
from hwgen.compiler.plan.throughput import plan_batch
from hwgen.compiler.program.program import Program
from hwgen.sim.timing.frame import predict
from tests.support.small_board import SDRAM, SmallBoard


def batch(graph: QGraph, frames: int) -> Plan:
    """A plan for batches on a small part."""

    def model(program: Program) -> FrameTiming:
        return predict(program, SDRAM)

    return plan_batch(plan(legalise(graph), SmallBoard(28, 108), model), model, frames)
