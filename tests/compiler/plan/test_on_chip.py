"""Networks that stay in block RAM: planned by themselves, checked, simulated without SDRAM, in exactly the predicted cycles."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from hwgen.boards.ecp5.family import ECP5
from hwgen.boards.ulx3s import ULX3S
from hwgen.compiler.frontend import tflite
from hwgen.compiler.frontend.images import quantise_pixels, synthetic_images
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.legalise import legalise
from hwgen.compiler.plan import on_chip
from hwgen.compiler.plan.planner import plan
from hwgen.compiler.plan.result import Plan
from hwgen.compiler.program.check import ProgramError, check_program
from hwgen.compiler.weight_schedule.residence import Needs
from hwgen.errors import ResourceError
from hwgen.hw.core import check_content
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.resident_machine import ResidentMachine
from hwgen.reports.plan import plan_json, plan_text
from hwgen.sim.frame.resident_system import SOURCES, ResidentSystem
from hwgen.sim.frame.simulate import FrameResult, simulate_frame
from hwgen.sim.golden import decode, encode, run, run_host
from hwgen.sim.timing.frame import predict
from tests.support import small_board
from tests.support.host_frame import BUILD, RESOLUTION, SDRAM, SmallBoard, small_network
from tests.support.host_run import run_by_host
from tests.support.paths import MODELS
from tests.support.tflite_classifier import classifier

pytestmark = pytest.mark.plan

REAL = ("person_detect", "kws_ds_cnn")
MOST_CYCLES = {"person_detect": 80_000, "kws_ds_cnn": 25_000}

needs_models = pytest.mark.skipif(
    not all((MODELS / f"{name}.tflite").exists() for name in REAL),
    reason=f"no {' and '.join(REAL)} in {MODELS} (set HWGEN_MODELS to their folder)",
)


def planned(graph: QGraph, board: Any) -> Plan:
    found = plan(legalise(graph), board, lambda program: predict(program, SDRAM))
    assert found.on_chip and found.program.stream_bytes == 0
    check_program(found.lowered, found.fit.steps, found.program)
    return found


def assert_exact(found: Plan, result: FrameResult, golden: dict[str, np.ndarray]) -> None:
    assert result.mismatches == 0, result.tensors
    assert set(result.tensors) == {node.output for node in found.graph.nodes}
    assert np.array_equal(result.output, golden[found.graph.output])
    starts = [(entry.name, entry.start, entry.cycles) for entry in result.passes]
    assert starts == [(entry.name, entry.start, entry.cycles) for entry in found.passes]
    assert result.cycles == found.cycles


@pytest.mark.parametrize(("dsp", "least"), [(16, 0), (156, 0), (64, 0), (156, 6)])
def test_arrays_without_sdram(dsp: int, least: int) -> None:
    """Every array of 16 multipliers and more, of 2 to 16 rows."""
    found = list(on_chip._shapes(small_board.SmallBoard(dsp, 208).part, lambda cols: least))
    arrays = {(rows, cols) for cols in (4, 8, 12, 16) for rows in range(max(2, least), 17) if 16 <= rows * cols <= dsp}
    assert sorted(found) == sorted((array, lanes) for array in arrays for lanes in (4, 8))


@pytest.mark.parametrize(("tables", "slots"), [(0, 2), (1, 2), (2, 4), (7, 8), (8, 16), (15, 16)])
def test_memories_of_just_what_is_needed(tables: int, slots: int) -> None:
    found = on_chip._core_of(Needs(3000, 600, 70, tables), CoreConfig(), ECP5)
    assert (found.weight_depth, found.parameter_depth, found.window_depth, found.table_slots) == (
        3072,
        1024,
        1024,
        slots,
    )
    nothing = on_chip._core_of(Needs(0, 0, 0, tables), CoreConfig(), ECP5)
    assert (nothing.weight_depth, nothing.parameter_depth, nothing.window_depth) == (1024, 512, 512)


def test_too_many_tables() -> None:
    with pytest.raises(ResourceError, match="16 tables are needed, the core has 15"):
        on_chip._core_of(Needs(1, 1, 1, 16), CoreConfig(), ECP5)


@pytest.mark.parametrize(("more", "tried"), [(0, True), (1, False)])
def test_weights_that_fill_the_block_ram(more: int, tried: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """No search for what has more weights than bytes of block RAM."""
    board, seen = small_board.SmallBoard(156, 20), []
    weights = np.zeros(20 * ECP5.block_bytes + more, np.int8)
    graph = cast(QGraph, SimpleNamespace(convs=lambda: [SimpleNamespace(weights=weights)]))

    def folds(graph: QGraph, kernel: int) -> list[Any]:
        seen.append(kernel)
        return []

    monkeypatch.setattr(on_chip, "image_folds", folds)
    monkeypatch.setattr(on_chip, "lower", lambda graph, **_: None)
    monkeypatch.setattr(on_chip._Search, "run", lambda *_: None)
    assert on_chip.plan_on_chip(graph, board, cast(Any, None), cast(Any, None)) is None
    assert bool(seen) == tried


@pytest.fixture(scope="module")
def keyword_model(tmp_path_factory: pytest.TempPathFactory) -> QGraph:
    path = tmp_path_factory.mktemp("model") / "keyword.tflite"
    path.write_bytes(classifier())
    return tflite.load(path)


def test_frame_without_sdram(keyword_model: QGraph, bench_dir: Path) -> None:
    found = planned(keyword_model, SmallBoard())
    image = np.random.default_rng(4).integers(-128, 128, keyword_model.tensors[keyword_model.input].shape)
    golden = run(keyword_model, image.astype(np.int8))
    assert len(set(golden[keyword_model.output].ravel().tolist())) > 3  # a result that says something
    result = simulate_frame(found.program, SDRAM, image.astype(np.int8), golden, bench_dir)
    assert_exact(found, result, golden)


def test_frame_with_several_tables(tmp_path: Path, bench_dir: Path) -> None:
    """Activations by table: all tables are in block RAM, and every pass names its own."""
    (tmp_path / "functions.tflite").write_bytes(classifier(functions=True))
    graph = tflite.load(tmp_path / "functions.tflite")
    found = planned(graph, SmallBoard())
    content = found.program.resident
    assert content is not None and (len(content.array_tables), len(content.window_tables)) == (2, 1)
    assert found.config.table_slots == 4
    image = np.random.default_rng(6).integers(-128, 128, graph.tensors[graph.input].shape).astype(np.int8)
    golden = run(found.graph, image)
    result = simulate_frame(found.program, SDRAM, image, golden, bench_dir)
    assert result.mismatches == 0, result.tensors
    assert [entry.cycles for entry in result.passes] == [entry.cycles for entry in found.passes]
    assert result.cycles == found.cycles
    assert np.array_equal(result.output, golden[found.graph.output])

    swapped = dataclasses.replace(content, array_tables=content.array_tables[::-1])
    with pytest.raises(ProgramError, match="table .* is not in place"):
        check_program(found.lowered, found.fit.steps, dataclasses.replace(found.program, resident=swapped))


def test_frames_through_the_serial_line(bench_dir: Path, tmp_path: Path) -> None:
    """Image, START, result, counters; and once more, since nothing is loaded again between frames."""
    graph = small_network()
    found = planned(graph, SmallBoard())
    program, resident = found.program, found.program.resident
    assert resident is not None
    image = quantise_pixels(synthetic_images(1, RESOLUTION, 7)[0], graph.tensors[graph.input])
    golden = run(graph, image)
    rows = [
        (bank, addr, row.tobytes().hex())
        for (bank, addr), row in zip(program.image_places, program.image_words(image), strict=True)
    ]
    (tmp_path / "image").write_text(json.dumps(rows))
    system = ResidentSystem(ResidentMachine(program.config, resident, SDRAM.clock_hz, build=BUILD), loads_image=False)
    environment = {"IMAGE": str(tmp_path / "image"), "FRAMES": "2"}
    result = run_by_host(system, SOURCES, found, golden, environment, folder=tmp_path, bench_dir=bench_dir)
    assert_exact(found, result, golden)


def test_image_pixel_by_pixel(keyword_model: QGraph) -> None:
    """An image that is not folded lies in memory as the fetch expects it: pixels of whole words, or two of three channels in one."""
    found = planned(small_network(), SmallBoard())
    image = np.arange(RESOLUTION * RESOLUTION * 3).astype(np.int8).reshape(RESOLUTION, RESOLUTION, 3)
    unpacked = dataclasses.replace(found.program, image_fold=None, image_unpack=True).image_words(image)
    octets = unpacked.view(np.int8).reshape(RESOLUTION, RESOLUTION, 4)
    assert np.array_equal(octets[:, :, :3], image) and not octets[:, :, 3].any()
    plain = dataclasses.replace(found.program, image_fold=None, image_unpack=False).image_words(image)
    octets = plain.view(np.int8).reshape(RESOLUTION, RESOLUTION, 8)
    assert np.array_equal(octets[:, :, :3], image) and not octets[:, :, 3:].any()


def test_replay_finds_wrong_content(keyword_model: QGraph) -> None:
    found = planned(keyword_model, SmallBoard())
    program, steps = found.program, found.fit.steps
    assert program.resident is not None
    for name, message in (("weights", "WEIGHTS"), ("parameters", "PARAMETERS"), ("window", "WINDOW")):
        words = list(getattr(program.resident, name))
        words[5] ^= 1
        wrong = dataclasses.replace(program.resident, **{name: tuple(words)})
        with pytest.raises(ProgramError, match=message):
            check_program(found.lowered, steps, dataclasses.replace(program, resident=wrong))
    wrong = dataclasses.replace(program.resident, descriptors=program.resident.descriptors[::-1])
    with pytest.raises(ProgramError, match="descriptor 0"):
        check_program(found.lowered, steps, dataclasses.replace(program, resident=wrong))
    places = [*program.image_places[1:], program.image_places[0]]
    with pytest.raises(ProgramError, match="row 0"):
        check_program(found.lowered, steps, dataclasses.replace(program, image_places=places))


def test_content_must_suit_the_core(keyword_model: QGraph) -> None:
    found = planned(keyword_model, SmallBoard())
    with pytest.raises(ValueError, match=f"resident must hold {len(found.passes)} descriptors, not 0"):
        check_content(found.config, None)


def test_plan_says_so(keyword_model: QGraph) -> None:
    found = planned(keyword_model, SmallBoard())
    assert "no SDRAM" in plan_text(found) and "Command stream" not in plan_text(found)
    assert plan_json(found)["weight_memory"] == "block RAM"
    streamed = plan(legalise(small_network()), SmallBoard(), lambda program: predict(program, SDRAM), external=True)
    assert not streamed.on_chip and plan_json(streamed)["weight_memory"] == "SDRAM"
    assert found.resources.ebr <= SmallBoard.part.ebr


def test_other_weights_make_another_plan(tmp_path: Path, keyword_model: QGraph) -> None:
    """The same core, but another content: another digest, so another build."""
    (tmp_path / "keyword.tflite").write_bytes(classifier(seed=1))
    other = planned(tflite.load(tmp_path / "keyword.tflite"), SmallBoard())
    found = planned(keyword_model, SmallBoard())
    assert found.digest() != other.digest()
    assert found.digest() == planned(keyword_model, SmallBoard()).digest()


@pytest.mark.long
@needs_models
@pytest.mark.parametrize("name", REAL)
def test_real_models(name: str, bench_dir: Path) -> None:
    """Every tensor of a recorded frame, in exactly the predicted cycles; the host's softmax gives the recorded chances."""
    graph = tflite.load(MODELS / f"{name}.tflite")
    found = planned(graph, ULX3S)
    assert found.cycles <= MOST_CYCLES[name]
    recorded = np.load(MODELS / f"{name}.goldens.npz")
    image = encode(graph, recorded["x_0"])
    golden = run(found.graph, image)
    result = simulate_frame(found.program, SDRAM, image, golden, bench_dir)
    assert_exact(found, result, golden)
    chances = decode(graph, run_host(found.graph, result.output)[graph.result.name])
    assert np.array_equal(chances, recorded["y_0_0"])
