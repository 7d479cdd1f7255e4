"""A machine with a host at its serial line: what the host is told, and every tensor, against program, timing model and golden model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from amaranth.hdl import Elaboratable

from hwgen.compiler.plan.result import Plan
from hwgen.hw.isa.host_protocol import BAUD
from hwgen.sim.frame.simulate import FrameResult, compare
from hwgen.sim.frame.trace import read_trace
from hwgen.sim.harness.runner import simulate
from tests.support.host_answers import check_answers
from tests.support.host_frame import BUILD, SDRAM


def run_by_host(
    system: Elaboratable,
    sources: Sequence[Path],
    planned: Plan,
    golden: Mapping[str, np.ndarray],
    environment: Mapping[str, str],
    *,
    folder: Path,
    bench_dir: Path,
) -> FrameResult:
    """Run `tests.cocotb.bench_host_frame` on a system of `BUILD` and `SDRAM`; the frame as its trace has it.

    Args:
        environment: of the bench, what differs between machines.
        folder: for the files that the bench reads and writes.
    """
    program = planned.program
    out, trace = folder / "answers.json", folder / "trace"
    simulate(
        system,
        name="host_frame",
        test_module="tests.cocotb.bench_host_frame",
        build_dir=bench_dir,
        sources=sources,
        plusargs=[f"+trace={trace}"],
        env={
            **environment,
            "RESULT": json.dumps([(int(bank), int(address)) for bank, address in program.result]),
            "PASSES": str(len(program.names)),
            "BIT_CYCLES": str(SDRAM.clock_hz / BAUD),
            "OUT": str(out),
        },
        optimise=True,
        limit_s=1800,
    )
    result = compare(program, read_trace(trace), golden, 0.0)
    output = golden[planned.graph.output]
    check_answers(json.loads(out.read_text()), result, program, planned.passes, output, BUILD, SDRAM.clock_hz)
    return result
