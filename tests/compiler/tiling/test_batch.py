"""Throughput mode: order, memory and weights of a batch, and what the command line says of it."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from hwgen.compiler.frontend import tflite
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.legalise import legalise
from hwgen.compiler.lower.lower import lower
from hwgen.compiler.plan.batch_estimate import BatchEstimate
from hwgen.compiler.plan.result import Plan
from hwgen.compiler.program.assemble import build_program
from hwgen.compiler.program.check import ProgramError, check_program
from hwgen.compiler.tiling.batch import Batch, Grouping, tail_of
from hwgen.compiler.tiling.fit import fit, with_channel_tiles
from hwgen.compiler.tiling.fusion_groups import GivenFusion
from hwgen.compiler.tiling.memory import place_rows
from hwgen.compiler.tiling.spill import Gap, spill
from hwgen.compiler.tiling.stripes import FusionGroup
from hwgen.compiler.tiling.striping import Weights
from hwgen.compiler.weight_schedule.schedule import schedule, streamed_bytes
from hwgen.errors import ToolError
from hwgen.flow.simulate import batch_of
from hwgen.flow.source import NetworkSource
from hwgen.flow.target import BEST_BATCH, Target
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import BANKS
from hwgen.reports.plan import plan_json, plan_text
from tests.support.batches import batch
from tests.support.command_line import run
from tests.support.int8_networks import load_network
from tests.support.residual_network import inverted, residual
from tests.support.small_board import SDRAM
from tests.support.small_machine import CONFIG

pytestmark = pytest.mark.plan

FRAMES = 3


@pytest.fixture(scope="module")
def planned() -> Plan:
    graph = load_network("shufflenet_v2", NetworkOptions(width=0.5, resolution=32, classes=20))
    return batch(graph, FRAMES)


def test_order() -> None:
    """Frame by frame, then in turns, then all at once; the last group has what is left."""
    fusion_groups = [FusionGroup(0, 2, (4,)), FusionGroup(2, 3, (4,)), FusionGroup(3, 4, (1,)), FusionGroup(4, 5, (1,))]
    runs = Grouping(3, 2, 2, 4).runs(fusion_groups, 3)
    assert [(one.first, frames) for one, frames in runs] == [
        *((0, (0,)), (0, (1,)), (2, (0, 1)), (3, (0, 1))),
        *((0, (2,)), (2, (2,)), (3, (2,))),
        (4, ()),
    ]


def test_weights_come_once(planned: Plan) -> None:
    assert planned.single is not None
    once = streamed_bytes(planned.single.loads, planned.config)
    assert streamed_bytes(planned.loads, planned.config) == once > 300_000
    assert planned.cycles_per_frame < 0.6 * planned.single.cycles
    assert planned.fps == pytest.approx(SDRAM.clock_hz * FRAMES / planned.cycles)


def test_parts_serve_one_frame_after_the_other(planned: Plan) -> None:
    """Where frames take turns, every part of a pass is computed for all of them before the next part's weights are used."""
    parts: dict[tuple[str, int], list[int]] = {}
    for step in planned.fit.steps:
        parts.setdefault((step.source.name, step.first_channel), []).append(step.index)
    turns = [indices for (name, _), indices in parts.items() if name.startswith("stage4") and len(indices) == FRAMES]
    assert len(turns) > 3
    assert all(indices == list(range(indices[0], indices[0] + FRAMES)) for indices in turns)


def test_the_tail_takes_all_frames_at_once(planned: Plan) -> None:
    last = [step for step in planned.fit.steps if step.source.name == "fc"]
    assert {step.rows for step in last} == {FRAMES}
    assert sum(step.channels for step in last) == 20
    assert planned.program.result_shape == (FRAMES, 1, 20)
    assert planned.program.image_shape == (FRAMES * 32, 32, 3)
    assert len(set(planned.program.image_rows.tolist())) == FRAMES * 32


def test_no_two_live_rows_share_a_word(planned: Plan) -> None:
    fitted = planned.fit
    rows = {name: place_rows(fitted.layouts[name], life) for name, life in fitted.lives.items()}
    taken = np.zeros((len(fitted.steps) + 1, BANKS, planned.config.activation_depth), bool)
    for placed in rows.values():
        for bank, low, high, start, end in zip(
            placed.bank, placed.low, placed.high, placed.start, placed.end, strict=True
        ):
            assert not taken[start : end + 1, bank, low:high].any()
            taken[start : end + 1, bank, low:high] = True


def test_replay(planned: Plan) -> None:
    program, steps, lowered = planned.program, planned.fit.steps, planned.lowered
    check_program(lowered, steps, program)
    rows = program.image_rows.copy()
    rows[[0, 32]] = rows[[32, 0]]
    with pytest.raises(ProgramError, match="image#0"):
        check_program(lowered, steps, dataclasses.replace(program, image_rows=rows))
    with pytest.raises(ProgramError):
        check_program(lowered, steps, dataclasses.replace(program, stream=np.roll(program.stream, 4)))


def test_the_estimate_is_about_right(planned: Plan) -> None:
    """It is there to choose: the order of the figures counts, and their size within some per cent."""
    assert planned.single is not None
    single = planned.single
    tail = tail_of(single.lowered, single.fit.fusion_groups)
    assert [item.name for item in single.lowered.passes[tail:]] == ["fc"]
    estimate = BatchEstimate(single)
    alone, together = (
        estimate(Grouping(FRAMES, start, group, tail))
        for start, group in ((tail, 1), (single.fit.fusion_groups[0].first, 3))
    )
    assert together < 0.7 * alone
    assert together == pytest.approx(planned.cycles, rel=0.1)


@pytest.mark.parametrize("data", [residual(size=12, channels=12), inverted(size=16)])
@pytest.mark.parametrize("spilled", [False, True])
def test_other_networks(data: bytes, spilled: bool) -> None:
    """Residual sums, and tensors that go to the SDRAM: everything is found in place, weights come once a group."""
    config = dataclasses.replace(CONFIG, spill=spilled, weight_depth=8192, activation_depth=4096)
    lowered = lower(legalise(tflite.parse(data, "model.tflite")))
    if spilled:
        middle = lowered.passes[len(lowered.passes) // 2].output.buffer
        lowered = spill(lowered, [Gap(middle, 0)])
        assert lowered.copies
    words = [ceil_div(item.channels, config.cols) * item.depth for item in lowered.passes]
    found = fit(lowered, config.activation_depth, Weights(words, config.weight_depth, 2))
    grouping = Grouping(5, found.fusion_groups[1].first, 2, tail_of(lowered, found.fusion_groups))
    batch = Batch(lowered, found.fusion_groups, grouping)
    assert batch.possible
    unit, ranges = batch.network(2)
    words = [ceil_div(item.channels, config.cols) * item.depth for item in unit.passes]
    first = fit(
        unit, config.activation_depth, Weights(words, config.weight_depth, 2), fusion=GivenFusion(tuple(ranges))
    )
    fusion_groups, layouts = batch.unrolled(first.fusion_groups, first.layouts)
    whole = batch.network(5)[0]
    assert whole.frames == len(whole.images) == 5
    fitted = with_channel_tiles(whole, dataclasses.replace(first, fusion_groups=fusion_groups, layouts=layouts), {})
    program = build_program(whole, fitted.steps, fitted.layouts, schedule(fitted.steps, config), config)
    check_program(whole, fitted.steps, program)
    for step, before in itertools.pairwise(fitted.steps):
        assert step.index + 1 == before.index


def test_report(planned: Plan) -> None:
    text = plan_text(planned)
    assert planned.single is not None
    for line in ("cycles per batch of 3 frames", "latency, from the first image", "one frame at a time"):
        assert line in text
    assert f"{planned.single.cycles:,} cycles" in text
    value = json.loads(json.dumps(plan_json(planned)))
    assert value["frames"] == FRAMES and value["cycles"] == planned.cycles
    assert value["cycles_per_frame"] == pytest.approx(planned.cycles / FRAMES)
    assert value["one_at_a_time"]["cycles"] == planned.single.cycles
    assert plan_json(planned.single)["one_at_a_time"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plan", "shufflenet_v2", "--throughput", "0"], "throughput: a batch has 2 to 32 frames, not 0"),
        (["plan", "shufflenet_v2", "--throughput", "1"], "throughput: a batch has 2 to 32 frames, not 1"),
        (["build", "shufflenet_v2", "--throughput", "33"], "throughput: a batch has 2 to 32 frames, not 33"),
        (["plan", "--throughput", "shufflenet_v2"], "'shufflenet_v2' is not a valid integer"),
        (["plan", "shufflenet_v2", "--search", "--throughput"], "leave out --throughput"),
        (["plan", "shufflenet_v2", "--fastest", "--search"], "leave out one of them"),
        (["plan", "ds_cnn", "--throughput"], "a batch would gain nothing; leave out throughput"),
    ],
)
def test_mistakes(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *arguments)
    lines = [line for line in err.splitlines() if line.startswith("hwgen: ")]
    assert code == 2 and out == "" and len(lines) == 1 and message in lines[0]
    assert list(tmp_path.iterdir()) == []


def test_names_of_builds() -> None:
    assert Target(throughput=BEST_BATCH).suffix == "_throughput"
    assert Target(throughput=4).suffix == "_throughput_4"
    assert Target(throughput=4, fastest=True).suffix == "_fastest_throughput_4"
    assert "throughput" not in NetworkSource("shufflenet_v2").to_json()


def test_frames_of_a_batch() -> None:
    given = [np.full((4, 4, 3), 127, np.int8), np.zeros((4, 4, 3), np.int8)]
    frames = batch_of(given, 5)
    assert frames[:2] == given and len(frames) == 5
    assert all(frame.dtype == np.int8 and frame.shape == (4, 4, 3) for frame in frames)
    assert not np.array_equal(frames[2], frames[0]) and not np.array_equal(frames[3], frames[1])
    with pytest.raises(ToolError, match="2 inputs are given for one frame at a time"):
        batch_of(given, 1)
    with pytest.raises(ToolError, match="5 inputs are given for a batch of 4 frames"):
        batch_of(frames, 4)
