"""`hwgen sim` around the simulator: what is compared, told, kept for the report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hwgen.compiler.frontend import tflite
from hwgen.hw.isa.counters import RECORD_WORDS, Counter
from hwgen.reports.cycle_breakdown import CycleBreakdown
from hwgen.sim import golden
from hwgen.sim.frame.simulate import FrameResult, PassResult
from tests.support.command_line import run
from tests.support.tflite_networks import network

ARGUMENTS = ["sim", "shufflenet_v2", "--width", "0.5", "--resolution", "32", "--image", "photo.png"]


def counted(passes: list[PassResult]) -> np.ndarray:
    """Counters of a machine whose array issued all the time but for a cycle of every pass."""
    records = np.zeros((len(passes), RECORD_WORDS), np.int64)
    ends = [0, *(entry.done for entry in passes)]
    records[:, Counter.WAIT] = [entry.start - end for entry, end in zip(passes, ends, strict=False)]
    records[:, Counter.CYCLES] = [entry.cycles for entry in passes]
    records[:, Counter.ISSUING] = records[:, Counter.CYCLES] - 1
    records[:, Counter.CHAINS] = 1
    return records


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[int, int], list[Any]]:
    """Replaces the simulator by one that agrees with the models but for some bytes and cycles; gives its calls."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 256, (50, 60, 3), dtype=np.uint8)).save("photo.png")

    def prepare(wrong_bytes: int, late_cycles: int) -> list[Any]:
        calls: list[Any] = []

        def simulate_frame(
            program: Any, sdram: Any, image: Any, values: Any, build_dir: Path, **options: Any
        ) -> FrameResult:
            from hwgen.sim.timing.frame import predict

            calls.append((image, build_dir, options))
            timing = predict(program, sdram)
            passes = [PassResult(entry.name, entry.start, entry.start + entry.cycles, 0) for entry in timing.passes]
            passes[1] = PassResult(passes[1].name, passes[1].start, passes[1].done + late_cycles, wrong_bytes)
            passes[2:] = [
                PassResult(entry.name, entry.start + late_cycles, entry.done + late_cycles, 0) for entry in passes[2:]
            ]
            tensors = dict.fromkeys(values, 0) | {program.result_tensor: wrong_bytes}
            return FrameResult(
                cycles=timing.cycles + late_cycles,
                passes=passes,
                compared=1000,
                tensors=tensors,
                seconds=1.5,
                compile_seconds=440.2,
                output=values[program.result_tensor],
                counters=counted(passes),
            )

        monkeypatch.setattr("hwgen.sim.frame.simulate.simulate_frame", simulate_frame)
        return calls

    return prepare


def test_agreement(simulated: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    calls = simulated(0, 0)
    code, out, _ = run(capsys, *ARGUMENTS, "--json", "--waves", "w.vcd")
    result = json.loads(out)
    assert code == 0
    assert (result["mismatches"], result["wrong"]) == (0, [])
    assert (result["seconds"], result["compile_seconds"]) == (1.5, 440.2)
    assert result["cycles"] == result["predicted"]
    assert all(entry["predicted"] == entry["simulated"] for entry in result["passes"])
    image, build_dir, options = calls[0]
    assert (image.shape, image.dtype) == ((32, 32, 3), np.int8)
    assert build_dir.is_absolute()
    assert options["waves"] == tmp_path / "w.vcd"
    assert sum(result["cycle_breakdown"].values()) == result["cycles"]
    assert (result["cycle_breakdown"]["chains"], result["cycle_breakdown"]["room"]) == (len(result["passes"]), 0)
    stored = json.loads((tmp_path / "build" / "shufflenet_v2_0.5_32" / "simulation.json").read_text())
    assert stored["simulated"] == {
        "cycles": result["cycles"],
        "frames": 1,
        "mismatches": 0,
        "cycle_breakdown": result["cycle_breakdown"],
    }


def test_disagreement(simulated: Any, capsys: pytest.CaptureFixture[str]) -> None:
    simulated(5, 7)
    code, out, _ = run(capsys, *ARGUMENTS)
    lines = out.splitlines()
    assert code == 1
    assert lines[0].startswith("shufflenet_v2_0.5_32: 5 mismatches over ")
    assert "weights: random, seed 0" in lines
    assert "simulation 2 s, compilation of the simulator before it 440 s" in lines
    assert len([line for line in lines if line.endswith(" predicted")]) == 1, "the one pass that took other cycles"
    counted = lines[lines.index("cycles by cause, counted by the machine:") + 1 :][:6]
    assert [line.split()[0] for line in counted] == ["issuing", "pixels", "room", "chains", "outside", "wait"]
    simulated_cycles = int(lines[2].split()[0].replace(",", ""))
    assert sum(int(line.split()[1].replace(",", "")) for line in counted) == simulated_cycles


def test_more_passes_than_counters() -> None:
    cycle_breakdown = CycleBreakdown(issuing=60, pixels=20, room=10, chains=5, outside=3, wait=2)
    assert "the first 585 of 586 passes" in cycle_breakdown.lines(586)[0]
    assert cycle_breakdown.lines(585)[0] == "cycles by cause, counted by the machine:"
    assert cycle_breakdown.lines(1)[1].split()[:3] == ["issuing", "60", "60.0"]


def test_a_model_from_an_array(simulated: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The machine's tensor, finished by the host, is the model's output; its greatest elements have names."""
    simulated(0, 0)
    data = network("head")
    (tmp_path / "m.tflite").write_bytes(data)
    graph = tflite.parse(data, "m.tflite")
    x = np.random.default_rng(2).integers(-128, 128, graph.host.input_shape).astype(np.int8)
    np.save("x.npy", x)
    Path("labels.txt").write_text("".join(f"name{i}\n" for i in range(10)))
    files = ["--input", "x.npy", "--output", "y.npy", "--labels", "labels.txt"]
    code, out, _ = run(capsys, "sim", "m.tflite", *files)
    assert code == 0
    expected = golden.predict(graph, x)
    np.testing.assert_array_equal(np.load("y.npy"), expected)
    lines = out.splitlines()
    assert lines[0].startswith("m: 0 mismatches over ")
    best = [line.split() for line in lines if "name" in line]
    order = np.argsort(-expected.ravel().astype(int), kind="stable")[:5]
    assert [(int(index), name) for _, index, name in best] == [(i, f"name{i}") for i in order]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input", "absent.npy"], "absent.npy: no such file"),
        (["--input", "x.npy"], "input must be int8"),
        (["--input", "x.npy", "--output", "absent/y.npy"], "absent/y.npy: its folder must exist"),
        (["--input", "good.npy", "--labels", "labels.txt"], "labels.txt: 2 labels"),
    ],
)
def test_wrong_input(
    simulated: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], message: str
) -> None:
    """One line before anything is planned or compiled."""
    calls = simulated(0, 0)
    data = network("head")
    (tmp_path / "m.tflite").write_bytes(data)
    np.save("x.npy", np.zeros((2, 2), np.int8))
    np.save("good.npy", np.zeros(tflite.parse(data, "m").host.input_shape, np.int8))
    Path("labels.txt").write_text("a\nb\n")
    code, _, err = run(capsys, "sim", "m.tflite", *arguments)
    assert code == 2 and not calls
    assert message in err.splitlines()[-1]
