"""The whole system from power-on to result through the serial line, as a host sees it."""

from __future__ import annotations

from pathlib import Path

from hwgen.compiler.frontend.images import quantise_pixels, synthetic_images
from hwgen.compiler.legalise import legalise
from hwgen.compiler.plan.planner import plan
from hwgen.hw.machine import Machine
from hwgen.sim.frame.system import SOURCES, System
from hwgen.sim.golden import run
from hwgen.sim.timing.frame import predict
from tests.support.host_frame import BUILD, RESOLUTION, SDRAM, SmallBoard, small_network
from tests.support.host_run import run_by_host

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
    content = tmp_path / "stream"
    content.write_bytes(stream.astype("<u2").tobytes())
    system = System(Machine(program.config, SDRAM, build=BUILD), 1 << 16)
    result = run_by_host(
        system, SOURCES, planned, golden, {"STREAM": str(content)}, folder=tmp_path, bench_dir=bench_dir
    )
    assert len(set(golden[graph.output].ravel().tolist())) > 3  # a result that says something
    assert result.mismatches == 0, result.tensors
    assert abs(planned.cycles - result.cycles) <= 0.02 * result.cycles
