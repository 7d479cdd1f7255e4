"""`hwgen predict` and `hwgen verify` on .tflite files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import cast

import numpy as np
import pytest
from PIL import Image

from hwgen.compiler.frontend import tflite
from hwgen.compiler.int8.graph import QGraph
from hwgen.flow import verify
from hwgen.sim import golden
from tests.support.command_line import run
from tests.support.make_tflite import Maker
from tests.support.tflite_examples import example
from tests.support.tflite_net import Net


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "soft.tflite"
    path.write_bytes(example("SOFTMAX", 1))
    return path


def test_predict_array(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = tflite.load(model)
    x = np.random.default_rng(0).integers(-128, 128, graph.host.input_shape).astype(np.int8)
    np.save(tmp_path / "x.npy", x)
    labels = tmp_path / "labels.txt"
    labels.write_text("".join(f"name{i}\n" for i in range(x.size)))
    arguments = ["predict", str(model), "--input", str(tmp_path / "x.npy"), "--labels", str(labels), "--json"]
    code, out, _ = run(capsys, *arguments, "--output", str(tmp_path / "y.npy"))
    expected = golden.predict(graph, x)
    assert code == 0
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)
    first = json.loads(out)["top"][0]
    assert (first["index"], first["label"]) == (int(expected.argmax()), f"name{expected.argmax()}")


def test_predict_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Brightness 0 .. 255 spans the input's int8 values."""
    m = Maker()
    x, y = m.tensor((1, 4, 4, 1), 1 / 255, -128), m.tensor((1, 4, 4, 1), 1 / 255, -128)
    m.operator("RELU", [x], [y])
    (tmp_path / "m.tflite").write_bytes(m.finish([x], [y]))
    Image.new("RGB", (8, 8), (200, 200, 200)).save(tmp_path / "p.png")
    arguments = [
        "predict",
        str(tmp_path / "m.tflite"),
        "--input",
        str(tmp_path / "p.png"),
        "--output",
        str(tmp_path / "y.npy"),
    ]
    assert run(capsys, *arguments)[0] == 0
    assert (np.load(tmp_path / "y.npy") == 200 - 128).all()


@pytest.mark.parametrize("content", [b"", b"text", b"\x93NUMPY" + bytes(20)])
def test_bad_array(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    (tmp_path / "x.npy").write_bytes(content)
    code, out, err = run(capsys, "predict", str(model), "--input", str(tmp_path / "x.npy"))
    assert (code, out) == (2, "") and "not a .npy array" in err and len(err.splitlines()) == 1


def test_verify_names_the_first_difference(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Against a stand-in for an interpreter: equal, then with one element off; and without any."""
    wrong = 0

    def open_reference(data: bytes) -> SimpleNamespace:
        def tensors(graph: object, frame: np.ndarray) -> dict[str, np.ndarray]:
            values = {name: value.copy() for name, value in verify.golden_tensors(tflite.load(model), frame).items()}
            values["t1"].ravel()[0] ^= wrong
            return values

        return SimpleNamespace(label="stand-in 1.0", run=tensors, rounds_once=False)

    monkeypatch.setattr(verify.Reference, "open", open_reference)
    code, out, _ = run(capsys, "verify", str(model))
    assert code == 0 and "0 differing elements in 3 tensors of 3 frames" in out
    wrong = 1
    code, out, _ = run(capsys, "verify", str(model))
    assert code == 1 and "first tensor that differs: t1: 1 of" in out


def test_verify_of_an_interpreter_that_rounds_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its FULLY_CONNECTED may be a step apart, and is listed; what reads that is compared on it, as exactly as everything else."""
    net = Net()
    x = net.tensor((1, 4))
    y = net.dense(x, 6)
    (tmp_path / "m.tflite").write_bytes(net.m.finish([x], [net.one("RELU", y)]))
    steps = 1

    def tensors(graph: QGraph, frame: np.ndarray) -> dict[str, np.ndarray]:
        (name,) = verify.loose_nodes(graph)
        apart = np.where(verify.golden_tensors(graph, frame)[name] > 0, -steps, steps).astype(np.int8)
        given = {name: verify.golden_tensors(graph, frame)[name] + apart}
        return verify.golden_tensors(graph, frame, given) | given

    standin = SimpleNamespace(label="stand-in 1.0", run=tensors, rounds_once=True)
    monkeypatch.setattr(verify.Reference, "open", lambda data: standin)
    code, out, _ = run(capsys, "verify", str(tmp_path / "m.tflite"))
    assert code == 0 and "0 differing elements in 4 tensors of 3 frames" in out
    assert "not compared bit by bit, but within one step: fully_connected_0; ai-edge-litert from 1.3.0" in " ".join(
        out.split()
    )
    steps = 2
    assert run(capsys, "verify", str(tmp_path / "m.tflite"))[0] == 1


@pytest.mark.parametrize(
    ("label", "once"),
    [
        ("ai_edge_litert 1.2.0", False),
        ("ai_edge_litert 1.3.0", True),
        ("ai_edge_litert 2.3.0", True),
        ("tensorflow 2.20.0", False),
        ("tensorflow 2.21.0rc1", True),
        ("tflite_runtime 2.14.0", False),
        ("ai_edge_litert", False),
    ],
)
def test_which_interpreters_round_otherwise(label: str, once: bool) -> None:
    module = SimpleNamespace(
        Interpreter=lambda **options: SimpleNamespace(allocate_tensors=lambda: None),
        OpResolverType=SimpleNamespace(BUILTIN_REF=0),
    )
    assert verify.Reference(module, label, b"").rounds_once == once


def test_verify_without_an_interpreter_fails(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What compares nothing is no success."""
    monkeypatch.setattr(verify, "INTERPRETERS", ("no_such_package.interpreter",))
    code, out, err = run(capsys, "verify", str(model))
    assert (code, out) == (2, "")
    assert err == (
        "hwgen: nothing can be compared: no TensorFlow Lite interpreter is installed; "
        "run `pip install 'hwgen[verify]'`\n"
    )


def test_verify_tells_what_an_interpreter_refuses(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interpreter:
        def __init__(self, **options: object) -> None:
            self.refuses = refuses

        def allocate_tensors(self) -> None:
            if self.refuses == "model":
                raise RuntimeError("no such\noperator")

        def get_input_details(self) -> list[dict[str, object]]:
            return [{"index": 0, "shape": (-1,)}]

        get_output_details = get_input_details

        def set_tensor(self, index: int, value: np.ndarray) -> None:
            raise ValueError("no such\ninput")

    package = SimpleNamespace(__name__="standin", __version__="1.0")
    module = SimpleNamespace(Interpreter=Interpreter, OpResolverType=SimpleNamespace(BUILTIN_REF=0))
    monkeypatch.setitem(sys.modules, "standin", cast(ModuleType, package))
    monkeypatch.setitem(sys.modules, "standin.interpreter", cast(ModuleType, module))
    monkeypatch.setattr(verify, "INTERPRETERS", ("standin.interpreter",))
    for refuses, said in (("model", "no such operator"), ("input", "no such input")):
        code, _, err = run(capsys, "verify", str(model))
        assert (code, err) == (2, f"hwgen: standin 1.0 refuses the {refuses}: {said}\n")


@pytest.mark.parametrize(
    ("options", "unwanted"),
    [(["--width", "0.5"], "width"), (["--resolution", "96", "--seed", "1"], "resolution and seed")],
)
def test_a_file_has_no_options(
    model: Path, capsys: pytest.CaptureFixture[str], options: list[str], unwanted: str
) -> None:
    code, out, err = run(capsys, "plan", str(model), *options)
    assert (code, out) == (2, "") and err.rstrip().endswith(f"leave out {unwanted}") and len(err.splitlines()) == 1
