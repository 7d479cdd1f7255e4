"""Damaged ONNX files: one line of error or a sound graph, soon and without much memory, never anything else."""

from __future__ import annotations

import functools
import resource
import time
import warnings

import numpy as np
import pytest
from onnx import AttributeProto, ModelProto

from hwgen.compiler.frontend.onnx import FloatModel, importer, parse
from hwgen.errors import HwgenError
from tests.support.make_onnx import Build, Maker, made
from tests.support.onnx_form import SHAPE
from tests.support.onnx_functions import hard_swish_as_chain
from tests.support.onnx_networks import (
    classifier,
    flattened,
    gemm,
    matmul,
    norm,
    reshaped,
    shuffle_with_shapes,
    squeeze_excite,
)
from tests.support.onnx_quantised import Quantised, network, qlinear


def pooled(m: Maker, x: str) -> str:
    left, right = m.add("Split", m.add("Pad", x, m.integers(0, 0, 1, 0, 0, 0, 0, 1)), axis=1, outputs=2)
    left = m.add("MaxPool", left, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1)
    right = m.add("AveragePool", right, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)
    return m.add("Softmax", m.add("ReduceMean", m.add("Concat", right, left, axis=1), axes=[2, 3]), axis=1)


MODELS: dict[str, Build] = {
    "shuffle": lambda m, x: norm(m, shuffle_with_shapes(m, x)),
    "squeeze": lambda m, x: m.add("Add", squeeze_excite(m, x), hard_swish_as_chain(m, x)),
    "pooled": pooled,
    "classifier": classifier(reshaped, gemm),
    "tokens": lambda m, x: m.add("Transpose", matmul(m, m.add("Transpose", x, perm=[0, 2, 3, 1])), perm=[0, 3, 1, 2]),
    "slices": lambda m, x: m.add("Tanh", m.add("Slice", x, m.integers(1), m.integers(5), m.integers(1), m.integers(2))),
    "flattened": lambda m, x: m.add("Clip", gemm(m, flattened(m, x)), m.floats(0.0), m.floats(6.0)),
}
QUANTISED = ("marked", "integers")
MUTANTS_EACH = 400
LONGEST_SECONDS = 2.0
LARGEST_GROWTH = 1 << 20  # kilobytes
INTERESTING = (0, 1, -1, 2, 3, 7, 64, 255, 1 << 16, 1 << 31, -(1 << 31), (1 << 62) + 1, -(1 << 63))


@pytest.fixture(autouse=True)
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the net that would catch what the importer's own checks let through."""
    monkeypatch.setattr(importer, "DAMAGE", ())


def outcome(data: bytes) -> str:
    """ "graph", or the error's text."""
    start = time.process_time()  # of this process: others may run beside the tests
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = parse(data, "m.onnx")
            (model.graph if isinstance(model, FloatModel) else model).verify()
        text = "graph"
    except HwgenError as error:
        text = str(error)
        assert text.startswith("m.onnx: "), text
        assert "\n" not in text and text.isprintable(), text
    assert time.process_time() - start < LONGEST_SECONDS
    return text


def mutate_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """One to four places changed: bits, bytes; now and then a piece is cut out or doubled."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        place = int(rng.integers(len(changed)))
        match int(rng.integers(4)):
            case 0:
                changed[place] ^= 1 << int(rng.integers(8))
            case 1:
                changed[place] = int(rng.choice([0, 1, 127, 128, 255]))
            case 2:
                other = int(rng.integers(len(changed)))
                changed[place : place + 4] = changed[other : other + 4]
            case 3:
                del changed[place : place + int(rng.integers(1, 16))]
    return bytes(changed)


def mutate_fields(data: bytes, rng: np.random.Generator) -> bytes:
    """A sound protocol buffer with one to three fields of the model changed."""
    model = ModelProto()
    model.ParseFromString(data)
    graph = model.graph
    for _ in range(int(rng.integers(1, 4))):
        node = graph.node[int(rng.integers(len(graph.node)))]
        tensor = graph.initializer[int(rng.integers(len(graph.initializer)))] if graph.initializer else None
        number = int(rng.choice(INTERESTING))
        match int(rng.integers(9)):
            case 0 if node.attribute:
                _change(node.attribute[int(rng.integers(len(node.attribute)))], number)
            case 1 if tensor is not None and tensor.dims:
                tensor.dims[int(rng.integers(len(tensor.dims)))] = number
            case 2 if tensor is not None:
                tensor.data_type = int(rng.integers(0, 24))
            case 3 if node.input:
                others = [name for other in graph.node for name in (*other.input, *other.output)]
                node.input[int(rng.integers(len(node.input)))] = str(rng.choice(others))
            case 4:
                node.op_type = str(
                    rng.choice([other.op_type for other in graph.node] + ["Range", "Expand", "Tile", "Pow"])
                )
            case 5:
                dims = graph.input[0].type.tensor_type.shape.dim
                dims[int(rng.integers(len(dims)))].dim_value = number
            case 6 if node.input:
                del node.input[int(rng.integers(len(node.input)))]
            case 7 if tensor is not None and tensor.raw_data:
                raw = bytearray(tensor.raw_data)
                raw[int(rng.integers(len(raw)))] ^= 1 << int(rng.integers(8))
                tensor.raw_data = bytes(raw)
            case 8:
                model.opset_import[0].version = int(rng.integers(5, 27))
    return model.SerializeToString()


def _change(attribute: AttributeProto, number: int) -> None:
    if attribute.type == AttributeProto.INTS and attribute.ints:
        attribute.ints[0] = number
    elif attribute.type == AttributeProto.FLOAT:
        attribute.f = [float("nan"), float("inf"), 0.0, -1.0, 1e38][number % 5]
    elif attribute.type == AttributeProto.INT:
        attribute.i = number
    else:
        attribute.type = AttributeProto.INTS


@functools.cache
def original(name: str) -> bytes:
    if name not in QUANTISED:
        return made(MODELS[name], SHAPE).SerializeToString()
    m = Quantised()
    if name == "marked":
        return m.model(network(m), (1, 3, 16, 16)).SerializeToString()
    y = qlinear(m, m.add("QuantizeLinear", "x", *m.scale(0.02, -5)))
    y = m.add("DequantizeLinear", y, *m.scale(0.05, -10))
    return m.model(y, (1, 3, 16, 16), domains=["com.microsoft"]).SerializeToString()


@pytest.mark.parametrize("name", [*MODELS, *QUANTISED])
def test_mutants(name: str) -> None:
    """Some thousand mutants in all."""
    rng = np.random.default_rng(list(name.encode()))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert outcome(original(name)) == "graph"
    seen = {outcome((mutate_bytes, mutate_fields)[index % 2](original(name), rng)) for index in range(MUTANTS_EACH)}
    assert "graph" in seen and len(seen) > 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < LARGEST_GROWTH


def test_truncation() -> None:
    """A file cut anywhere."""
    data = original("squeeze")
    for length in range(0, len(data), 11):
        assert outcome(data[:length]) != "graph"


def test_every_bit_of_the_structure() -> None:
    """Every single bit flipped from the first node to the last, in a model without weights of its own."""
    data = made(lambda m, x: m.add("MaxPool", m.add("Relu", x), kernel_shape=[2, 2]), (1, 2, 4, 4)).SerializeToString()
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        outcome(bytes(changed))
