"""The trained MobileNet v2 planned for a board: expanded tensors in stripes, weights streamed, sums in the projections' passes."""

from __future__ import annotations

import pytest

from hwgen.boards.registry import find_board
from hwgen.compiler.frontend import tflite
from hwgen.compiler.int8.nodes import QAdd
from hwgen.compiler.legalise import legalise
from hwgen.compiler.plan.planner import plan
from hwgen.compiler.plan.result import Plan
from hwgen.compiler.program.check import check_program
from hwgen.compiler.tiling.memory import window_rows
from hwgen.compiler.weight_schedule.schedule import streamed_bytes
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import BANKS, WORD_BYTES
from hwgen.reports.plan import plan_json, plan_text
from hwgen.sim.timing.frame import predict
from tests.support.paths import MODELS

MODEL = MODELS / "mobilenet_v2_1.0_224_ptq.tflite"
MOST_CYCLES = 3_600_000

pytestmark = pytest.mark.skipif(
    not MODEL.exists(), reason=f"no {MODEL.name} in {MODELS} (set HWGEN_MODELS to its folder)"
)


@pytest.fixture(scope="module")
def planned() -> Plan:
    board = find_board("ulx3s")
    memory = board.memory.config(board.default_clock_hz)
    return plan(legalise(tflite.load(MODEL)), board, lambda program: predict(program, memory))


def test_cycles(planned: Plan) -> None:
    assert planned.cycles <= MOST_CYCLES
    assert not planned.resources.short(planned.part)


def test_what_is_too_large_is_never_whole(planned: Plan) -> None:
    """Tensors larger than the memory, the greatest of 1.2 MB, are circular buffers of a few rows."""
    memory = BANKS * WORD_BYTES * planned.config.activation_depth
    large = [buffer for buffer in planned.lowered.buffers.values() if buffer.size > memory]
    assert max(buffer.size for buffer in large) == 112 * 112 * 96
    for buffer in large:
        assert window_rows(planned.fit.lives[buffer.name]) * buffer.row_words * WORD_BYTES < memory / 2
    assert planned.fit.peak * WORD_BYTES <= memory


def test_sums_cost_no_pass(planned: Plan) -> None:
    adds = [node for node in planned.graph.nodes if isinstance(node, QAdd)]
    combined = [item for item in planned.lowered.passes if item.combine is not None]
    assert [item.tensor for item in combined] == [node.output for node in adds] and len(adds) == 10
    assert all(item.combine is not None and item.combine.inner is not None for item in combined)


def test_program_finds_everything_in_place(planned: Plan) -> None:
    """Weights are streamed once a frame, in the order of use; the replay finds every row, weight and parameter where it is read."""
    check_program(planned.lowered, planned.fit.steps, planned.program)
    once = sum(ceil_div(item.channels, planned.config.cols) * item.depth for item in planned.lowered.passes)
    assert streamed_bytes(planned.loads, planned.config) <= 1.02 * once * planned.config.cols


def test_report_says_what_combines(planned: Plan) -> None:
    assert "2, for sums of tensors" in plan_text(planned)
    assert plan_json(planned)["core"]["combine_lanes"] == 2
