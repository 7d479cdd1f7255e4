"""ONNX files: what is wrong with one is said in one line, and the commands take the others as they take the zoo's networks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx as onnx_package
import pytest
from onnx import TensorProto, external_data_helper, helper
from PIL import Image

import hwgen
from hwgen.compiler.frontend import onnx
from hwgen.compiler.frontend.onnx import convert
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.errors import ModelError, UnsupportedOpError
from hwgen.flow.agreement import compare
from hwgen.reports.prediction import Agreement
from hwgen.sim import golden
from tests.support.command_line import run
from tests.support.int8_networks import load_network
from tests.support.make_onnx import Build, Maker, made, save
from tests.support.onnx_form import as_float
from tests.support.onnx_networks import gemm
from tests.support.onnx_small import small


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "small.onnx"
    save(made(small, (1, 3, 16, 16)), path)
    return path


def refused(build_model: onnx_package.ModelProto, resolution: int | None = None) -> str:
    with pytest.raises((ModelError, UnsupportedOpError)) as caught:
        convert(build_model, "m.onnx", resolution)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Sizes.


def test_an_open_batch_is_taken_as_one() -> None:
    network = as_float(convert(made(small, ("N", 3, 16, 16)), "m.onnx"))
    assert network.input_shape == (1, 3, 16, 16)
    assert network.notes == ("batch N of the input is taken as 1: the machine computes frame by frame",)


def test_a_fixed_batch_is_taken_as_one_where_frames_are_independent() -> None:
    assert as_float(convert(made(small, (4, 3, 16, 16)), "m.onnx")).input_shape == (1, 3, 16, 16)
    text = refused(made(lambda m, x: m.add("ReduceMean", x, axes=[0, 2, 3], keepdims=1), (4, 3, 8, 8)))
    assert "works across the 4 frames of a batch; nearest: a model exported with batch size 1" in text


def test_open_height_and_width() -> None:
    model = made(small, ("N", 3, "h", "w"))
    assert "input 'x' has the open shape N x 3 x h x w; give a resolution, or export" in refused(model)
    assert as_float(convert(model, "m.onnx", 32)).graph.input.shape == (32, 32, 3)
    assert "open shape 1 x ? x 8 x 8; export the model with a fixed shape" in refused(made(small, (1, None, 8, 8)))


def test_another_resolution() -> None:
    network = as_float(convert(made(small, (1, 3, 16, 16)), "m.onnx", 24))
    assert network.graph.input.shape == (24, 24, 3)
    assert network.notes == ("the input's 16 x 16 pixels are replaced by 24 x 24, the resolution asked for",)
    fixed = made(lambda m, x: gemm(m, m.add("Reshape", x, m.integers(1, 192)), 192), (1, 3, 8, 8))
    assert "it makes [1, 192] of [1, 3, 16, 16]; nearest: as many elements as before" in refused(fixed, 16)


# Nodes.


def test_all_unsupported_nodes_at_once() -> None:
    def build(m: Maker, x: str) -> str:
        y = m.add("Elu", m.conv(x, 3, 8))
        y = m.add("Resize", y, "", m.floats([1, 1, 2, 2]))
        y = m.add("MaxPool", y, kernel_shape=[3, 3], dilations=[2, 2])
        return m.add("Mystery", m.add("Softplus", y), domain="com.example")

    with pytest.raises(UnsupportedOpError) as caught:
        maker = Maker()
        convert(maker.model(build(maker, "x"), (1, 3, 8, 8), domains=["com.example"]), "m.onnx")
    assert caught.value.headline == "m.onnx: the model cannot be imported, 4 problems"
    found = [line.split(": ")[0] for line in caught.value.details]
    assert found == ["Elu_1 (Elu)", "Resize_2 (Resize)", "MaxPool_3 (MaxPool)", "Mystery_5 (com.example.Mystery)"]
    assert all("nearest: " in line for line in caught.value.details)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda m, x: m.add("Conv", x, m.add("Identity", x)),
            "no constant weights, but values computed at run time; nearest: a constant",
        ),
        (
            lambda m, x: m.add("Add", x, m.random(1, 3, 8, 8)),
            "a constant of its own for each pixel; nearest: one value",
        ),
        (lambda m, x: m.add("Transpose", x, perm=[0, 2, 1, 3]), None),
        (
            lambda m, x: m.conv(m.add("Transpose", x, perm=[0, 1, 3, 2]), 3, 4),
            "it moves values between pixels and chan",
        ),
        (lambda m, x: m.add("Pad", x, m.integers(0, 1, 0, 0, 0, 0, 0, 0)), "pads of height and width only"),
        (lambda m, x: m.add("Pad", x, m.integers(0, 0, 1, 1, 0, 0, 1, 1), mode="reflect"), "mode 'constant'"),
        (
            lambda m, x: m.add("Softmax", x, axis=2),
            "a softmax over the axes [2] of [1, 3, 8, 8]; nearest: over the chan",
        ),
        (lambda m, x: m.add("ReduceMean", x, axes=[1]), "it works along the axes [1]"),
        (
            lambda m, x: m.add("MatMul", x, x),
            "no constant second operand, but values computed at run time; nearest: a constant",
        ),
        (lambda m, x: m.add("Exp", x), "as it stands it is no function of the machine; nearest: Relu"),
    ],
)
def test_unsupported_forms(build: Build, message: str | None) -> None:
    if message is None:
        assert as_float(convert(made(build, (1, 3, 8, 8)), "m.onnx")).output_order is not None
    else:
        assert message in refused(made(build, (1, 3, 8, 8)))


def test_a_transposed_output_is_evaluated_but_not_quantised(tmp_path: Path) -> None:
    save(made(lambda m, x: m.add("Transpose", x, perm=[0, 1, 3, 2]), (1, 3, 8, 8)), tmp_path / "m.onnx")
    with pytest.raises(UnsupportedOpError, match="m: the model transposes its output; nearest: batch x channels"):
        load_network(str(tmp_path / "m.onnx"))


# Files.


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not an ONNX model, or a damaged one (it has no nodes)"),
        (b"text in a file", "not an ONNX model, or a damaged one"),
        (bytes(1000), "not an ONNX model, or a damaged one"),
    ],
)
def test_no_model_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes, message: str) -> None:
    (tmp_path / "m.onnx").write_bytes(data)
    code, out, err = run(capsys, "plan", str(tmp_path / "m.onnx"))
    assert (code, out) == (2, "") and message in err and len(err.splitlines()) == 1


def test_a_missing_file(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "plan", "nothing.onnx")
    assert (code, out, err) == (2, "", "hwgen: nothing.onnx: no such file\n")


def test_operator_sets_out_of_range() -> None:
    model = made(small, (1, 3, 16, 16))
    for version in (5, 999):
        model.opset_import[0].version = version
        with pytest.raises(ModelError, match=f"operator set {version}; supported are 6 to .*export it again"):
            onnx.parse(model.SerializeToString(), "m.onnx")


def external(tmp_path: Path) -> Path:
    model = made(small, (1, 3, 16, 16))
    external_data_helper.convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
    save(model, tmp_path / "m.onnx")
    return tmp_path / "m.onnx"


def test_external_data(tmp_path: Path) -> None:
    path = external(tmp_path)
    x = np.random.default_rng(0).normal(size=(1, 3, 16, 16)).astype(np.float32)
    expected = as_float(convert(made(small, (1, 3, 16, 16)), "m.onnx")).predict(x)
    assert np.array_equal(onnx.load_float(path).predict(x), expected)
    weights = tmp_path / "weights.bin"
    weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(ModelError, match=r"missing external data: weights.bin has .* bytes, .* are needed"):
        onnx.load(path)
    weights.unlink()
    with pytest.raises(
        ModelError, match="missing external data: weights.bin is not in .*; it belongs beside the model"
    ):
        onnx.load(path)


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/hostname", ""])
def test_external_data_elsewhere(tmp_path: Path, location: str) -> None:
    path = external(tmp_path)
    model = onnx_package.load(path, load_external_data=False)
    model.graph.initializer[0].external_data[0].value = location
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="is no file beside the model"):
        onnx.load(path)


def test_two_inputs_and_integers() -> None:
    model = made(lambda m, x: m.add("Add", x, "y"), (1, 3, 8, 8))
    model.graph.input.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 3, 8, 8)))
    assert refused(model) == "m.onnx: 2 inputs ('x', 'y'); a model needs exactly one input"
    maker = Maker()
    assert "its input is no float tensor" in refused(
        maker.model(maker.add("Neg", "x"), (1, 3), dtype=TensorProto.INT32)
    )


def test_local_functions_are_inlined() -> None:
    """As the newer exporters write modules."""
    body = [helper.make_node("Sigmoid", ["a"], ["s"]), helper.make_node("Mul", ["a", "s"], ["b"])]
    opsets = [helper.make_opsetid("", 17)]
    function = helper.make_function("local", "Silu", ["a"], ["b"], body, opsets)
    maker = Maker()
    model = maker.model(maker.add("Silu", "x", domain="local"), (1, 3, 8, 8), domains=["local"])
    model.functions.append(function)
    network = as_float(onnx.parse(model.SerializeToString(), "m.onnx"))
    assert [node.op for node in network.graph.nodes] == ["input", "swish"]


# Commands.


def test_predict_agrees_with_the_float_model(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(3)
    folder = tmp_path / "calibration"
    folder.mkdir()
    for index in range(4):
        np.save(folder / f"{index}.npy", rng.normal(size=(1, 3, 16, 16)).astype(np.float32))
    x = np.load(folder / "0.npy")
    arguments = ["predict", str(model), "--calibrate", str(folder), "--input", str(folder / "0.npy"), "--json"]
    code, out, _ = run(capsys, *arguments, "--output", str(tmp_path / "y.npy"))
    assert code == 0 and json.loads(out)["weights"] == "file small.onnx"
    assert json.loads(out)["agreement"]["snr_db"] > 25
    found, expected = np.load(tmp_path / "y.npy"), onnx.load_float(model).predict(x)
    assert found.shape == expected.shape == (1, 5) and found.dtype == np.float32
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()


def test_predict_a_picture(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (20, 20), (255, 0, 128)).save(tmp_path / "p.png")
    code, out, _ = run(capsys, "predict", str(model), "--input", str(tmp_path / "p.png"))
    assert code == 0 and "output float32 1x5" in out
    assert "against the float model on this input: " in out and " dB signal to noise" in out


def test_what_synthetic_calibration_cost(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Inputs of a hundredth of the size that the quantiser was prepared for leave it some 2 of 8 bits."""
    x = (0.01 * np.random.default_rng(3).normal(size=(1, 3, 16, 16))).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    arguments = ["predict", str(model), "--input", str(tmp_path / "x.npy"), "--json"]
    told = json.loads(run(capsys, *arguments)[1])
    assert told["suited_snr_db"] > told["agreement"]["snr_db"] + 6
    assert any(note.startswith("calibrated on 8 synthetic images") for note in told["notes"])
    network = hwgen.load(model)
    prediction = hwgen.predict(network, x)
    assert prediction.suited_snr_db == pytest.approx(told["suited_snr_db"])
    line = f"calibrated on synthetic images; on this input alone it would be {told['suited_snr_db']:.1f} dB"
    assert prediction.text().splitlines()[-1] == line
    own = hwgen.predict(network.quantise(calibrate=tmp_path / "x.npy"), x)
    assert own.suited_snr_db is None and own.agreement is not None
    assert own.agreement.snr_db == pytest.approx(told["suited_snr_db"], abs=3)


def test_agreement() -> None:
    wanted = np.arange(10.0)[None]
    found = wanted.copy()
    found[0, 9] = 0
    assert compare(wanted, wanted) == Agreement(None, True, 5)
    assert compare(wanted, found) == Agreement(10 * np.log10(28.5 / 8.1), False, 4)
    assert compare(wanted.reshape(1, 1, 2, 5), found.reshape(1, 1, 2, 5)).top1 is None


def test_a_map_as_output(tmp_path: Path) -> None:
    """Channels first, as the model has it."""
    save(made(lambda m, x: m.conv(x, 3, 4, 3), (1, 3, 6, 5)), tmp_path / "m.onnx")
    x = np.random.default_rng(0).uniform(-2, 2, (1, 3, 6, 5)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    network = load_network(str(tmp_path / "m.onnx"), NetworkOptions(calibrate=tmp_path / "x.npy"))
    expected = onnx.load_float(tmp_path / "m.onnx").predict(x)
    found = golden.predict(network, x)
    assert found.shape == (1, 4, 6, 5)
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()


def test_plan(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "plan", str(model), "--json", "--resolution", "32")
    assert code == 0 and json.loads(out)["weights"] == "file small.onnx"


@pytest.mark.parametrize(
    ("options", "unwanted"),
    [(["--width", "0.5"], "width"), (["--weights", "w.npz", "--seed", "1"], "weights and seed")],
)
def test_options_of_other_networks(
    model: Path, capsys: pytest.CaptureFixture[str], options: list[str], unwanted: str
) -> None:
    code, out, err = run(capsys, "plan", str(model), *options)
    assert (code, out) == (2, "") and err.rstrip().endswith(f"leave out {unwanted}") and len(err.splitlines()) == 1


def test_inputs_that_are_no_pictures(tmp_path: Path) -> None:
    save(made(lambda m, x: m.conv(x, 8, 4, 3), (1, 8, 6, 5)), tmp_path / "m.onnx")
    with pytest.raises(ModelError, match="the input has 8 channels and is no picture; calibrate it on a folder"):
        load_network(str(tmp_path / "m.onnx"))
    np.save(tmp_path / "a.npy", np.ones((1, 8, 6, 5), np.float32))
    assert load_network(str(tmp_path / "m.onnx"), NetworkOptions(calibrate=tmp_path / "a.npy")).tensors[
        "input"
    ].shape == (6, 5, 8)
