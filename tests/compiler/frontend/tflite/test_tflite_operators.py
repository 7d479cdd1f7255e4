"""Each TensorFlow Lite operator alone against scalar reference kernels, and what is reported about models that cannot be built."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hwgen.compiler.frontend import tflite
from hwgen.compiler.int8.nodes import QShuffle
from hwgen.errors import HwgenError, ModelError, UnsupportedOpError
from hwgen.sim import golden
from tests.support.make_tflite import Maker
from tests.support.tflite_examples import OPERATORS, example
from tests.support.tflite_net import Net
from tests.support.tflite_reference import run

SEEDS = 5


@pytest.mark.parametrize("op", OPERATORS)
def test_operator(op: str) -> None:
    """Random models of one operator: exact, but softmax, whose definition in real numbers its fixed point meets to one step."""
    for seed in range(SEEDS):
        data = example(op, seed)
        graph = tflite.parse(data, f"{op}.tflite")
        rng = np.random.default_rng(seed)
        x = rng.integers(0, 256, graph.host.input_shape).astype(np.uint8).view(graph.host.input_type)
        result, expected = golden.predict(graph, x), run(data, x)
        assert result.shape == expected.shape and result.dtype == expected.dtype
        if op == "SOFTMAX":
            assert np.abs(result.astype(int) - expected).max() <= 1
        else:
            np.testing.assert_array_equal(result, expected)


def test_transposition_becomes_a_shuffle() -> None:
    assert [type(node) for node in tflite.parse(example("TRANSPOSE", 0), "m.tflite").nodes] == [QShuffle]


def test_a_shuffled_map_is_flattened_by_its_reader() -> None:
    """FULLY_CONNECTED takes all of its input, in the order that the file gives it."""
    net = Net()
    x = net.tensor((1, 3, 2, 6))
    data = net.m.finish([x], [net.dense(net.shuffle(x, 2), 4)])
    frame = np.random.default_rng(1).integers(-128, 128, (1, 3, 2, 6)).astype(np.int8)
    try:
        graph = tflite.parse(data, "m.tflite")
    except HwgenError as error:
        pytest.fail(str(error))
    np.testing.assert_array_equal(golden.predict(graph, frame), run(data, frame))


@pytest.mark.parametrize("op", ["STRIDED_SLICE", "SPLIT", "SPLIT_V"])
def test_a_part_of_what_has_no_size(op: str) -> None:
    """The tensor that is cut has the problem, not the cut."""
    net = Net()
    x = net.tensor((1, 4, 4, 2))
    y = net.one("RELU", x, (1, -4, 4, 2))
    z = net.tensor((1, 2, 4, 2))
    constants = {
        "STRIDED_SLICE": [y, *(net.m.constant(values) for values in ([0] * 4, [1, 2, 4, 2], [1] * 4))],
        "SPLIT": [net.m.constant(1), y],
        "SPLIT_V": [y, net.m.constant([2, 2]), net.m.constant(1)],
    }
    options = {"BeginMask": 0} if op == "STRIDED_SLICE" else {"NumSplits": 2}
    other = [] if op == "STRIDED_SLICE" else [net.tensor((1, 2, 4, 2))]
    net.m.operator(op, constants[op], [z, *other], **options)
    with pytest.raises(HwgenError, match="1 problem: relu_0 .*: tensor 't1' has a dynamic shape"):
        tflite.parse(net.m.finish([x], [z]), "m.tflite")


def test_names_of_several_lines_are_shown_in_one() -> None:
    net = Net()
    x = net.tensor((1, 2, 2, 1))
    y = net.one("RELU", x)
    for tensor in (x, y):
        net.m.tensors[tensor]["name"] = f"a\n\tb\r{tensor}"
    net.m.tensors[y]["zero_points"] = np.array([200])
    with pytest.raises(ModelError, match=r"\(to 'a\\n\\tb\\r1'\): tensor 'a\\n\\tb\\r1' has zero point 200") as caught:
        tflite.parse(net.m.finish([x], [y]), "m.tflite")
    assert len(str(caught.value).splitlines()) == 1


def simple(**changes: object) -> bytes:
    """x -> RELU -> y with one thing changed."""
    m = Maker()
    settings: dict[str, Any] = {
        "shape": (1, 4, 4, 2),
        "scale": 0.1,
        "zero_point": 3,
        "signature": None,
        "kind": "INT8",
    } | changes
    x = m.tensor(**settings)
    y = m.tensor((1, 4, 4, 2), 0.1, 3, kind=str(settings["kind"]))
    m.operator("RELU", [x], [y])
    return m.finish([x], [y])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"\x89PNG" + bytes(100), "not a TensorFlow Lite file"),
        (simple()[:100], "damaged or truncated"),
        (simple(scale=0.0), "tensor 't0' has scale 0; needed: a positive number"),
        (simple(scale=-1.0), "has scale -1"),
        (simple(scale=float("nan")), "has scale nan"),
        (simple(zero_point=200), "has zero point 200; allowed: -128 .. 127"),
        (simple(scale=[0.1, 0.2]), "has 2 scales and 2 zero points; needed: one of each"),
        (simple(signature=(-1, -1, -1, 2)), "dynamic shape"),
        (simple(shape=(1, 0, 4, 2)), "allowed: sizes of 1 to"),
        (simple(shape=(2, 4, 4, 2)), "a batch of 2"),
        (simple(kind="FLOAT32"), "a float model .nothing in it is quantised.; convert it again with full-integer"),
        (
            simple(kind="INT16"),
            "its activations are int16 .quantised to 16x8 bits., not int8; convert it again with full-int",
        ),
    ],
)
def test_bad_input(data: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        tflite.parse(data, "m.tflite")


def test_open_batch_is_one_frame() -> None:
    """A batch that was left open when converting is 1."""
    tflite.parse(simple(signature=(-1, 4, 4, 2)), "m.tflite")


def test_all_problems_at_once() -> None:
    """Every unsupported operator with the nearest supported form, and what follows each."""
    m = Maker()
    tensors = [m.tensor((1, 4, 4, 2), 0.1, 0) for _ in range(5)]
    for op, source, target in zip(("RELU", "PRELU", "ELU", "SUB"), tensors, tensors[1:], strict=False):
        m.operator(op, [source], [target])
    with pytest.raises(UnsupportedOpError) as caught:
        tflite.parse(m.finish([tensors[0]], [tensors[4]]), "m.tflite")
    assert caught.value.headline == "m.tflite: the model cannot be imported, 3 problems"
    assert caught.value.details[0] == "prelu_1 (to 't2'): operator PRELU is not supported; nearest: LEAKY_RELU"
    assert [detail.split()[0] for detail in caught.value.details] == ["prelu_1", "elu_2", "sub_3"]


def test_one_line_for_all_layers_of_a_cause() -> None:
    """Of a model with uint8 weights, say: the layers are counted, what is wrong is said once."""
    m = Maker()
    x = first = m.tensor((1, 4, 4, 2), 0.1, 0)
    for _ in range(6):
        w = m.tensor((2, 1, 1, 2), 0.1, 0, data=np.ones((2, 1, 1, 2), np.int8), kind="UINT8")
        y = m.tensor((1, 4, 4, 2), 0.1, 0)
        m.operator("CONV_2D", [x, w], [y], StrideH=1, StrideW=1, DilationHFactor=1, DilationWFactor=1)
        x = y
    m.operator("ELU", [x], [last := m.tensor((1, 4, 4, 2), 0.1, 0)])
    with pytest.raises(UnsupportedOpError) as caught:
        tflite.parse(m.finish([first], [last]), "m.tflite")
    assert caught.value.headline == "m.tflite: the model cannot be imported, 2 problems"
    assert caught.value.details[0] == (
        "conv_2d_0 (to 't2'), conv_2d_1, conv_2d_2, conv_2d_3, and 2 more: its weights of type UINT8; nearest: INT8"
    )


def test_int16_activations_inside_a_float_interface() -> None:
    """Float at both ends, 16x8 bits within: no float model."""
    m = Maker()
    x, y = (m.tensor((1, 4, 4, 2), None, kind="FLOAT32") for _ in range(2))
    q, r = (m.tensor((1, 4, 4, 2), 0.001, 0, kind="INT16") for _ in range(2))
    for op, source, target in (("QUANTIZE", x, q), ("RELU", q, r), ("DEQUANTIZE", r, y)):
        m.operator(op, [source], [target])
    with pytest.raises(
        ModelError, match="^m.tflite: its activations are int16 .quantised to 16x8 bits., not int8; convert"
    ):
        tflite.parse(m.finish([x], [y]), "m.tflite")


def test_softmax_inside_is_refused() -> None:
    m = Maker()
    x, s, y = m.tensor((1, 8), 0.1, 0), m.tensor((1, 8), 1 / 256, -128), m.tensor((1, 8), 1 / 128, 0)
    m.operator("SOFTMAX", [x], [s], Beta=1.0)
    m.operator("ADD", [s, x], [y])
    with pytest.raises(HwgenError, match="SOFTMAX as the last operator"):
        tflite.parse(m.finish([x], [y]), "m.tflite")


def test_malformed_bias_axis_is_noted() -> None:
    """A bias with quantized_dimension 3, as in a well-known file, changes nothing."""
    results = []
    for axis in (0, 3):
        m = Maker()
        x, y = m.tensor((1, 4, 4, 2), 0.1, 0), m.tensor((1, 4, 4, 2), 0.5, 0)
        w = m.tensor((2, 1, 1, 2), [0.1, 0.2], data=np.array([1, 2, 3, 4], np.int8))
        b = m.tensor((2,), [0.01, 0.02], data=np.array([5, 6], np.int32), axis=axis)
        m.operator("CONV_2D", [x, w, b], [y], StrideH=1, StrideW=1, DilationHFactor=1, DilationWFactor=1)
        graph = tflite.parse(m.finish([x], [y]), "m.tflite")
        results.append(golden.predict(graph, np.full((1, 4, 4, 2), 9, np.int8)))
        assert len(graph.notes) == (axis == 3)
    first, second = results
    np.testing.assert_array_equal(first, second)


def test_work_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    data = example("CONV_2D", 0)
    macs = tflite.parse(data, "m.tflite").macs
    monkeypatch.setattr("hwgen.compiler.frontend.tflite.importer.MOST_WORK", macs - 1)
    with pytest.raises(
        UnsupportedOpError, match=f"{macs:,} multiply-accumulates a frame; at most {macs - 1:,} are possible"
    ):
        tflite.parse(data, "m.tflite")


def test_an_output_in_another_order_is_refused_by_name() -> None:
    m = Maker()
    x, y = m.tensor((1, 4, 6, 8), 0.1, 0), m.tensor((1, 8, 4, 6), 0.1, 0)
    m.operator("TRANSPOSE", [x, m.constant([0, 3, 1, 2])], [y])
    with pytest.raises(
        UnsupportedOpError, match=r"1 problem: transpose_0 \(to 't\d'\): the model's output is transposed in a way"
    ):
        tflite.parse(m.finish([x], [y]), "m.tflite")
