"""The whole system from power-on to result through the serial line, as a host sees it."""

from __future__ import annotations

import json
from pathlib import Path

from hwgen.compiler.frontend.images import quantise_pixels, synthetic_images
from hwgen.compiler.legalise import legalise
from hwgen.compiler.plan.planner import plan
from hwgen.hw.machine import BAUD, Machine
from hwgen.sim.frame.simulate import compare
from hwgen.sim.frame.system import SOURCES, System
from hwgen.sim.frame.trace import read_trace
from hwgen.sim.golden import run
from hwgen.sim.harness.runner import simulate
from hwgen.sim.timing.frame import predict
from tests.support.host_answers import check_answers
from tests.support.host_frame import BUILD, RESOLUTION, SDRAM, SmallBoard, small_network

MOST_BYTES = 8192
"""Of the stream: a byte takes 333 cycles on the line."""


def test_frame_through_the_serial_line(bench_dir: Path, tmp_path: Path) -> None:
    graph = small_network()
    planned = plan(legalise(graph), SmallBoard(), lambda program: predict(program, SDRAM), external=True)
    program = planned.program
    image = quantise_pixels(synthetic_images(1, RESOLUTION, 7)[0], graph.tensors[graph.input])
    golden = run(graph, image)
    stream = program.stream.copy()
    program.write_image(stream, image)
    assert 2 * len(stream) <= MOST_BYTES
    content, out, trace = tmp_path / "stream", tmp_path / "answers.json", tmp_path / "trace"
    content.write_bytes(stream.astype("<u2").tobytes())

    simulate(
        System(Machine(program.config, SDRAM, build=BUILD), 1 << 16),
        name="host_frame",
        test_module="tests.cocotb.bench_host_frame",
        build_dir=bench_dir,
        sources=SOURCES,
        plusargs=[f"+trace={trace}"],
        env={
            "STREAM": str(content),
            "RESULT": json.dumps([(int(bank), int(address)) for bank, address in program.result]),
            "PASSES": str(len(program.names)),
            "BIT_CYCLES": str(SDRAM.clock_hz / BAUD),
            "OUT": str(out),
        },
        optimise=True,
        limit_s=1800,
    )

    answers = json.loads(out.read_text())
    # The same frame as the trace has it: every tensor, and the counters that the host was told.
    result = compare(program, read_trace(trace), golden, 0.0)
    check_answers(answers, result, program, planned.passes, golden[graph.output], BUILD, SDRAM.clock_hz)
    assert len(set(golden[graph.output].ravel().tolist())) > 3  # a result that says something
    assert result.mismatches == 0, result.tensors
    assert abs(planned.cycles - result.cycles) <= 0.02 * result.cycles
