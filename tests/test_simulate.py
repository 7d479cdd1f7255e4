"""`hwgen sim` around the simulator: what is compared, told, kept for the report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hwgen import cli
from sim.machine import FrameResult, PassResult

ARGUMENTS = ["sim", "shufflenet_v2", "--width", "0.5", "--resolution", "32", "--image", "photo.png"]


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[int, int], list[Any]]:
    """Replaces the simulator by one that agrees with the models but for some bytes and cycles; gives its calls."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 256, (50, 60, 3), dtype=np.uint8)).save("photo.png")

    def prepare(wrong_bytes: int, late_cycles: int) -> list[Any]:
        calls: list[Any] = []

        def simulate_frame(
            program: Any, sdram: Any, image: Any, golden: Any, build_dir: Path, **options: Any
        ) -> FrameResult:
            from sim.timing import predict

            calls.append((image, build_dir, options))
            timing = predict(program, sdram)
            passes = [PassResult(entry.name, entry.start, entry.start + entry.cycles, 0) for entry in timing.passes]
            passes[3] = PassResult(passes[3].name, passes[3].start, passes[3].done + late_cycles, wrong_bytes)
            tensors = dict.fromkeys(golden, 0) | {program.result_tensor: wrong_bytes}
            return FrameResult(
                cycles=timing.cycles + late_cycles,
                passes=passes,
                compared=1000,
                tensors=tensors,
                seconds=1.5,
                output=np.zeros(1000, np.int8),
            )

        monkeypatch.setattr("sim.machine.simulate_frame", simulate_frame)
        return calls

    return prepare


def run(capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as status:
        cli.main([*ARGUMENTS, *more])
    assert isinstance(status.value.code, int)
    return status.value.code, capsys.readouterr().out


def test_agreement(simulated: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    calls = simulated(0, 0)
    code, out = run(capsys, "--json", "--waves", "w.vcd")
    result = json.loads(out)
    assert code == 0
    assert (result["mismatches"], result["wrong"]) == (0, [])
    assert result["cycles"] == result["predicted"]
    assert all(entry["predicted"] == entry["simulated"] for entry in result["passes"])
    image, build_dir, options = calls[0]
    assert (image.shape, image.dtype) == ((32, 32, 3), np.int8)
    assert build_dir.is_absolute()
    assert options["waves"] == tmp_path / "w.vcd"
    stored = json.loads((tmp_path / "build" / "shufflenet_v2_0.5_32" / "simulation.json").read_text())
    assert stored["simulated"] == {"cycles": result["cycles"], "frames": 1, "mismatches": 0}


def test_disagreement(simulated: Any, capsys: pytest.CaptureFixture[str]) -> None:
    simulated(5, 7)
    code, out = run(capsys)
    lines = out.splitlines()
    assert code == 1
    assert lines[0].startswith("shufflenet_v2_0.5_32: 5 mismatches over ")
    assert "weights: random, seed 0" in lines
    assert len([line for line in lines if line.startswith("  ")]) == 1, "the one pass that took other cycles"
