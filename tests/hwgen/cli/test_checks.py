"""What is wrong is told before any work is done, all of it at once; what the machine refuses `predict` tells too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import hwgen
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.plan import on_chip
from hwgen.compiler.plan.result import Plan
from hwgen.flow import network as networks
from hwgen.hw.isa.config import CoreConfig
from tests.support.command_line import mistake, run
from tests.support.tflite_networks import network

TINY = ["shufflenet_v2", "--width", "0.5", "--resolution", "32"]
NOT_WRITTEN = "its folder must exist and be writable, and it must be no folder and not read-only"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a picture and an empty folder, where no network may be loaded."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save("good.png")
    Path("empty").mkdir()
    return tmp_path


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network may be loaded: all is told before."""

    def loaded(*arguments: object, **options: object) -> None:
        raise AssertionError("work was begun")

    monkeypatch.setattr("hwgen.compiler.frontend.load.load", loaded)
    monkeypatch.setattr("hwgen.compiler.frontend.load.load_float", loaded)


EMPTY = "empty: no calibration images in this folder"
SEVERAL = [
    (
        ["sim", *TINY, "--image", "a.jpg", "--waves", "absent/w.vcd", "--output", "absent/x.npy", "--board", "ulx3"],
        ["unknown board 'ulx3'", "a.jpg: no such image file", "absent/w.vcd: its folder", "absent/x.npy: its folder"],
    ),
    (
        ["predict", *TINY, "--input", "x.npy", "--labels", "names", "--calibrate", "empty", "--output", "empty"],
        [EMPTY, "x.npy: no such file", "names: no such file of labels", "cannot write empty: "],
    ),
    (
        ["plan", "resnet50", "--weights", "w.npz", "--clock", "1"],
        ["unknown network", "w.npz: no such weights", "clock"],
    ),
    (["build", "m.tflite", "--throughput", "99"], ["m.tflite: no such file", "a batch has 2 to 32 frames, not 99"]),
    (["quantise", *TINY, "--weights", "w.txt", "--images", "empty"], ["weights must be a .npz or", EMPTY]),
]


@pytest.mark.parametrize(("arguments", "problems"), SEVERAL)
def test_all_at_once(
    idle: None, folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], problems: list[str]
) -> None:
    code, out, err = run(capsys, *arguments)
    lines = err.splitlines()
    assert (code, out, lines[0]) == (2, "", f"hwgen: {len(problems)} things are wrong")
    assert len(lines) == 1 + len(problems)
    for problem, line in zip(problems, lines[1:], strict=True):
        assert problem in line
    assert {path.name for path in folder.iterdir()} == {"good.png", "empty"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sim", *TINY, "--image", "good.png", "--waves", "absent/w.vcd"], f"cannot write absent/w.vcd: {NOT_WRITTEN}"),
        (["sim", *TINY, "--image", "good.png", "--output", "absent/x"], f"cannot write absent/x: {NOT_WRITTEN}"),
        (["predict", *TINY, "--input", "good.png", "--output", "empty"], f"cannot write empty: {NOT_WRITTEN}"),
        (
            ["sim", *TINY, *["--image", "good.png"] * 2],
            "2 inputs are given for one frame at a time; a batch (throughput)",
        ),
        (
            ["sim", *TINY, *["--image", "good.png"] * 3, "--throughput", "2"],
            "3 inputs are given for a batch of 2 frames",
        ),
        (["plan", *TINY, "--calibrate", "empty"], EMPTY),
        (["quantise", *TINY, "--images", "empty"], EMPTY),
    ],
)
def test_before_any_work(idle: None, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert message in mistake(capsys, *arguments)


def test_an_option_that_a_file_does_not_take(capsys: pytest.CaptureFixture[str]) -> None:
    """It is refused for itself, not for the absent file that it names."""
    Path("m.tflite").write_bytes(network("head"))
    line = mistake(capsys, "plan", "m.tflite", "--weights", "w.npz", "--calibrate", "absent")
    assert line.endswith("leave out weights and calibrate")


def test_the_interface_checks_folders_first(monkeypatch: pytest.MonkeyPatch) -> None:
    options = NetworkOptions(width=0.5, resolution=32)
    tiny = hwgen.load("shufflenet_v2", options)

    def begun(*arguments: object, **more: object) -> None:
        raise AssertionError("work was begun")

    monkeypatch.setattr("hwgen.compiler.frontend.weights.random", begun)
    monkeypatch.setattr("hwgen.compiler.frontend.load.FloatNetwork.quantised", begun)
    with pytest.raises(hwgen.ModelError, match=EMPTY):
        networks.load("shufflenet_v2", NetworkOptions(width=0.5, resolution=32, calibrate="empty"))
    with pytest.raises(hwgen.ModelError, match=EMPTY):
        hwgen.quality(tiny, Path("empty"))


def test_batches_in_block_ram_are_refused_before_the_search(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One core that keeps all weights is enough to know."""
    Path("m.tflite").write_bytes(network("head"))
    planned: list[object] = []
    real = on_chip._Search._plan

    def counted(search: on_chip._Search, config: CoreConfig) -> Plan:
        planned.append(config)
        return real(search, config)

    monkeypatch.setattr(on_chip._Search, "_plan", counted)
    for more in ([], ["--fastest"]):
        planned.clear()
        line = mistake(capsys, "plan", "m.tflite", "--throughput", *more)
        assert "all weights stay in block RAM" in line and line.endswith("leave out throughput")
        assert len(planned) == 1


def test_predict_says_what_no_machine_does(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Path("m.tflite").write_bytes(network("head"))
    np.save("x.npy", np.zeros((1, 6, 7, 5), np.int8))
    arguments = ["predict", "m.tflite", "--input", "x.npy"]
    assert "note" not in run(capsys, *arguments)[1]

    def refused(graph: object) -> None:
        raise hwgen.UnsupportedOpError("m: no such\noperation")

    monkeypatch.setattr("hwgen.compiler.lower.lower.lower", refused)
    code, out, _ = run(capsys, *arguments)
    assert code == 0 and out.startswith("note: no machine can be planned for this network: m: no such operation\n")
