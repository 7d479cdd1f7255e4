"""Small files that ask for much: refused soon, in one line, and without much memory."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import onnx as onnx_package
import pytest
from onnx import TensorProto, helper

from hwgen.compiler.frontend.onnx import builder, fold, functions, importer, parse, views
from hwgen.compiler.frontend.onnx.model import Folded
from hwgen.compiler.frontend.onnx.problems import Unsupported
from hwgen.errors import HwgenError, ModelError
from tests.support.bounds import bounded
from tests.support.make_onnx import Build, Maker, made

SECONDS, BYTES = 3.0, 1 << 28


def refused(model: onnx_package.ModelProto) -> str:
    """The error's text."""
    data = model.SerializeToString()
    assert len(data) < 1 << 20
    tracemalloc.start()
    start = time.process_time()
    try:
        with pytest.raises(HwgenError) as caught:
            parse(data, "m.onnx")
        assert time.process_time() - start < SECONDS and tracemalloc.get_traced_memory()[1] < BYTES
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def with_functions(depth: int, last: str) -> onnx_package.ModelProto:
    """Each function calls the next one twice; the last one calls `last`."""
    functions = []
    for level in range(depth):
        called = f"f{level + 1}" if level + 1 < depth else last
        nodes = [
            helper.make_node(called, ["x"], ["y"], domain="own"),
            helper.make_node(called, ["y"], ["z"], domain="own"),
        ]
        if level + 1 == depth and last == "Relu":
            nodes = [helper.make_node("Relu", ["x"], ["z"])]
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
        functions.append(helper.make_function("own", f"f{level}", ["x"], ["z"], nodes, opsets))
    maker = Maker()
    model = maker.model(maker.add("f0", "x", domain="own"), (1, 3, 4, 4), domains=["own"])
    model.functions.extend(functions)
    return model


def test_functions_that_double() -> None:
    assert "nodes with its functions written out; at most 65,536 are possible" in refused(with_functions(18, "Relu"))
    assert "calls itself; the file is damaged" in refused(with_functions(3, "f1"))


def doubled(m: Maker, x: str) -> str:
    """Functions of one value, each of the two before it: as many evaluations as Fibonacci's numbers."""
    left, right = str(m.add("Sigmoid", x)), str(m.add("Tanh", x))
    for _ in range(15):
        left, right = right, str(m.add("Add", left, right))
    return right


def chained(m: Maker, x: str) -> str:
    for _ in range(300):
        x = m.add("Sigmoid", x)
    return x


def filled(m: Maker, x: str) -> str:
    """A constant of 512 MB."""
    made = m.add("ConstantOfShape", m.integers(1 << 27), value=helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0]))
    return str(m.add("Mul", x, m.add("ReduceMax", made, keepdims=0)))


def expanded(m: Maker, x: str) -> str:
    """Constants of 64 MB each."""
    for _ in range(40):
        wide = m.add("Expand", m.floats([1.0]), m.integers(1 << 24))
        x = (
            m.add("Mul", x, m.add("ReduceMax", wide, m.integers(0), keepdims=0))
            if m.opset > 17
            else m.add("Mul", x, wide)
        )
    return x


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (doubled, "more than 256 functions of the same value behind each other; nearest: a layer"),
        (chained, "Sigmoid_256 (Sigmoid): more than 256 functions of the same value"),
        (filled, "its constant result has 134,217,728 elements, all up to it 134,217,728; at most 33,554,432"),
        (expanded, "its constant result has 16,777,216 elements, all up to it 50,331,648; at most 33,554,432"),
    ],
)
def test_files_that_grow(build: Build, message: str) -> None:
    assert message in refused(made(build, (1, 3, 8, 8)))


def test_maps_and_weights_beyond_any_board() -> None:
    assert "input 'x' has 16,793,604 elements; at most 16,777,216" in refused(
        made(lambda m, x: m.add("Relu", x), (1, 1, 4098, 4098))
    )
    model = made(lambda m, x: m.add("AveragePool", x, kernel_shape=[2049, 2049]), (1, 1, 4096, 4096))
    assert "AveragePool_0 (AveragePool): up to there" in refused(model)


def test_moved_elements_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of each takes memory."""
    monkeypatch.setattr(builder, "MOST_MOVED", 1000)

    def build(m: Maker, x: str) -> str:
        for _ in range(3):
            x = m.add("Transpose", x, perm=[0, 2, 3, 1])
        return m.conv(x, 3, 4)

    assert "Transpose_1 (Transpose), Transpose_2 (Transpose): more than 1,000 elements are moved in all" in refused(
        made(build, (1, 3, 16, 16))
    )


def test_weights_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "LARGEST_WEIGHTS", 1000)
    model = made(lambda m, x: m.conv(m.conv(x, 3, 8, 5), 8, 8, 3), (1, 3, 8, 8))
    assert "Conv_1 (Conv): 1,184 weights up to there; nearest: at most 1,000, which fill a board's memory" in refused(
        model
    )


def test_nodes_of_one_name() -> None:
    """A free number is not looked for from the first one on each time."""

    class Counting(dict[str, tuple[int, ...]]):
        asked = 0

        def __contains__(self, name: object) -> bool:
            self.asked += 1
            return super().__contains__(name)

    made_up = builder.Builder(Folded("m", 17, "x", "y"))
    shapes = made_up.graph.shapes = Counting()
    for number in range(1, 200):
        name = made_up.fresh("conv")
        assert name == ("conv" if number == 1 else f"conv.{number}")
        shapes[name] = (1, 1, 1)
    assert shapes.asked < 3 * 200


def test_one_line_a_cause() -> None:
    """Not one for each node that has it."""
    maker, x = Maker(), "x"
    for _ in range(500):
        x = maker.add("Elu", x)
    text = refused(maker.model(x, (1, 3, 4, 4)))
    assert text == (
        "m.onnx: the model cannot be imported, 1 problem: Elu_0 (Elu), Elu_1 (Elu), Elu_2 (Elu), Elu_3 (Elu), and 496 more: not "
        "supported; nearest: LeakyRelu or HardSwish"
    )


def test_nodes_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any function is written out."""
    model = with_functions(8, "Relu")
    functions.check_nodes(model, "m")
    monkeypatch.setattr(functions, "MOST_NODES", 127)
    with pytest.raises(ModelError, match="m: 128 nodes with its functions written out; at most 127 are possible"):
        functions.check_nodes(model, "m")
    with pytest.raises(ModelError, match="m: its function 'f[12]' calls itself; the file is damaged"):
        functions.check_nodes(with_functions(3, "f1"), "m")


def test_constants_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "LARGEST_CONSTANTS", 1000)

    def build(m: Maker, x: str) -> str:
        for _ in range(2):
            x = m.add("Mul", x, m.add("Expand", m.floats([1.0]), m.integers(600)))
        return x

    assert "its constant result has 600 elements, all up to it 1,200; at most 1,000 are possible" in refused(
        made(build, (1, 1, 1, 600))
    )


def test_work_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "MOST_WORK", 10_000)
    found = refused(made(lambda m, x: m.conv(m.conv(x, 3, 8, 3), 8, 8, 3), (1, 3, 8, 8)))
    assert "Conv_0 (Conv): up to there 14,016 multiply-accumulates" in found and "at most 10,000 and" in found


def test_an_order_of_another_shape_takes_no_memory() -> None:
    """Elements in another number of pixels: their channels times these pixels would be 3 billion."""
    order = np.arange(3 * 256 * 256, dtype=np.int32)[::-1].copy()
    try:
        with bounded(growth=1 << 28):
            views.arrange("x", (256, 256, 3), order, (2, 2, 49152), lambda *_, **__: "y")
    except Unsupported as error:
        assert "it moves values between pixels and channels" in str(error)
    except MemoryError as error:
        pytest.fail(str(error))
