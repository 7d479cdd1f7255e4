"""`hwgen quantise`: figures against a direct computation, reasons, images that cannot be read, .graph files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hwgen.compiler.frontend.load import load_float
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.graph.parameters import Weights
from hwgen.compiler.graph.text import parse
from hwgen.compiler.int8 import arithmetic
from hwgen.compiler.quantise.calibrate import float_tensors
from hwgen.compiler.quantise.options import QuantiseOptions
from hwgen.compiler.quantise.quantiser import quantise_network
from hwgen.flow.quality import measure
from hwgen.reports.quality import TensorQuality
from hwgen.sim import golden
from tests.support.command_line import mistake, run

GRAPH = """\
graph tiny
%x : 8x8x1 = input shape=8,8,1
%a : 4x4x8 = conv2d(%x) channels=8 kernel=3,3 stride=2,2 pad=1,1,1,1 weight=a.w bias=a.b activation=relu
%p : 1x1x8 = global_avg_pool(%a)
%f : 1x1x6 = fully_connected(%p) channels=6 weight=f.w bias=f.b
return %f
"""


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """tiny.graph in an empty folder, with a folder of five pictures, one of them damaged."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.graph").write_text(GRAPH)
    Path("pictures").mkdir()
    rng = np.random.default_rng(0)
    for i in range(4):
        Image.fromarray(rng.integers(0, 256, (8, 8)).astype(np.uint8)).save(f"pictures/{i}.png")
    Path("pictures/3b.png").write_bytes(b"\x89PNG cut off")
    Path("empty").mkdir()
    return tmp_path


def test_figures_are_those_of_the_two_networks() -> None:
    network = load_float("shufflenet_v2", NetworkOptions(width=0.5, resolution=32, seed=3, classes=9))
    made = network.quantised(QuantiseOptions())
    quality = measure(made, network.inputs)
    signal = noise = same = 0.0
    last, first = made.network.tensors["fc"], made.network.tensors["image"]
    for x in network.inputs:
        real = dict(float_tensors(made.graph, made.layers, x))["fc"]
        q = golden.run(made.network, arithmetic.quantise_real(x, first.scale, first.zero_point))["fc"]
        found = arithmetic.dequantise(q, last.scale, last.zero_point)
        signal, noise = signal + (real**2).sum(), noise + ((found - real) ** 2).sum()
        same += float(found.argmax() == real.argmax())
    assert quality.snr_db == pytest.approx(10 * np.log10(signal / noise))
    assert quality.top1 == same / len(network.inputs) and quality.top5 is not None and quality.top5 >= quality.top1
    assert {entry.name for entry in quality.tensors} == {node.name for node in made.graph.nodes}
    assert quality.weakest[0].snr_db == min(entry.snr_db for entry in quality.tensors if entry.snr_db is not None)


def tensor_of(
    text: str, weights: dict[str, np.ndarray], images: list[np.ndarray], other: list[np.ndarray], name: str
) -> TensorQuality:
    made = quantise_network(parse(text), Weights(weights, "random, seed 0"), images)
    return next(entry for entry in measure(made, other).tensors if entry.name == name)


def test_reasons() -> None:
    rng = np.random.default_rng(4)
    images = [rng.normal(size=(6, 6, 4)) for _ in range(4)]
    conv = "graph g\n%x : 6x6x4 = input shape=6,6,4\n%c : 6x6x4 = conv2d(%x) channels=4 kernel=1,1 weight=w\n"
    even = {"w": np.eye(4, dtype=np.float32)[:, :, None, None]}
    saturated = tensor_of(f"{conv}return %c", even, images, [3 * x for x in images], "c")
    assert saturated.saturated > 0.01 and "% of the values saturate" in saturated.reason
    uneven = {"w": even["w"] * np.array([50, 1, 1, 1], np.float32)[:, None, None, None]}
    wide = tensor_of(f"{conv}%h : 6x6x4 = tanh(%c)\nreturn %h", uneven, images, images, "c")
    assert 30 < wide.uneven < 80
    tied = tensor_of(f"{conv}%s : 6x6x2 = slice(%c) offset=2 channels=2\nreturn %s", uneven, images, images, "s")
    assert tied.widened > 20 and "shares its scale with tensors" in tied.reason
    shaken = tensor_of(f"{conv}%m : 6x6x4 = max_pool(%c) kernel=1,1\nreturn %m", even, images, images, "m")
    assert "noise of its input c" in shaken.reason


def test_command(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "quantise", "tiny.graph", "--calibrate", "pictures", "--report")
    assert code == 0
    assert "note: calibration file left out: pictures/3b.png: not an image" in out
    assert "calibrated on 4 images of pictures, minmax" in out and "measured on these 4 images of pictures" in out
    assert "weights: random, seed 0" in out and "same class as the float network: " in out
    assert all(f" {name} " in out for name in "xapf")
    code, out, _ = run(capsys, "quantise", "tiny.graph", "--images", "pictures/1.png", "--calibration", "mse", "--json")
    report = json.loads(out)
    assert code == 0 and report["measured"] == "1 images of pictures/1.png"
    assert report["calibrated"].startswith("8 synthetic images") and report["calibrated"].endswith(", mse")
    assert [entry["name"] for entry in report["quality"]["tensors"]] == list("xapf")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--calibrate", "empty"], "empty: no calibration images in this folder"),
        (["--calibrate", "absent"], "absent: no such image file, or folder"),
        (["--calibrate", "pictures/3b.png"], "pictures/3b.png: not an image that can be read"),
        (["--images", "empty"], "empty: no calibration images in this folder"),
        (["--width", "0.5"], "tiny.graph: a .graph file has its size; leave out width"),
        (["--weights", "absent.npz"], "absent.npz: no such weights file"),
        (["--calibration", "best"], "'best' is not one of 'minmax', 'percentile', 'mse'"),
    ],
)
def test_mistakes(tiny: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert message in mistake(capsys, "quantise", "tiny.graph", *arguments)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.graph", b"graph g\nreturn %x", "a graph's text begins with"),
        ("a.graph", b"\xff\xfe\x00", "not the text of a graph"),
        ("a.graph", GRAPH.replace("8x8x1", "9" * 5000 + "x8x1").encode(), "not the text of a graph"),
        ("a.graph", GRAPH.replace("kernel=3,3", "kernel=2,2").encode(), "a: shape (4, 4, 8) should be"),
        ("a.graph", b"x" * (2 << 20), "larger than 1,048,576 bytes"),
        (
            "a.graph",
            GRAPH.replace("channels=6", "channels=99999999999").replace("1x1x6", "1x1x99999999999").encode(),
            "at most",
        ),
        ("a.tflite", b"", "is quantised already"),
    ],
)
def test_files_that_are_no_float_network(
    tiny: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, message: str
) -> None:
    Path(name).write_bytes(content)
    assert message in mistake(capsys, "quantise", name)
