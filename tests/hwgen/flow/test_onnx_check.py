"""ONNX models against onnx's reference evaluator: planted faults are refused, results kept, what was not compared named."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

import hwgen
from hwgen.compiler.frontend.onnx import FloatModel, elementwise, layers, operators
from hwgen.compiler.frontend.onnx import compare as nodewise
from hwgen.compiler.frontend.onnx.builder import Builder
from hwgen.compiler.frontend.onnx.compare import difference
from hwgen.compiler.frontend.onnx.float_values import FloatValues
from hwgen.compiler.frontend.onnx.importer import Imported, imported
from hwgen.compiler.frontend.onnx.model import Node
from hwgen.compiler.graph.graph import Graph
from hwgen.compiler.transforms import simplify
from hwgen.errors import ModelError
from hwgen.flow import onnx_check
from hwgen.flow.agreement import agreement
from hwgen.flow.source import NetworkSource
from hwgen.sim import golden
from tests.support.make_onnx import Maker, made, reference, save
from tests.support.onnx_networks import norm, squeeze_excite
from tests.support.onnx_quantised import IN, SHAPE, Quantised, network, qlinear
from tests.support.onnx_small import small


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "small.onnx"
    save(made(small, (1, 3, 16, 16)), path)
    return path


def test_every_node_of_sound_networks_is_compared() -> None:
    for build in (small, lambda m, x: norm(m, squeeze_excite(m, m.conv(x, 3, 8)))):
        found = onnx_check.compared(imported(made(build, (1, 3, 16, 16)), "m"))
        assert found.compared > 5 and (found.differing, found.skipped) == ((), ())


@pytest.mark.parametrize("opset", [9, 13, 15])
def test_a_batch_norm_of_any_operator_set_is_compared(opset: int) -> None:
    """The evaluator computes those before 14 as if they were trained; it is given the form of 15."""
    found = onnx_check.compared(imported(made(lambda m, x: norm(m, m.conv(x, 8, 8)), (1, 8, 5, 5), opset), "m"))
    assert (found.compared, found.differing, found.skipped) == (2, (), ())


@pytest.mark.parametrize("opset", [13, 21])
def test_every_node_of_quantised_networks_is_compared(opset: int) -> None:
    for kind in (np.int8, np.uint8):
        m = Quantised(1, kind)
        m.opset = opset
        y = m.marked(m.add("Relu", m.layer(m.marked("x", *IN), IN[0], 3, 8, 3)), 0.05, -128)
        found = onnx_check.compared(imported(m.model(y, SHAPE), "m"))
        assert found.compared == 6 and (found.differing, found.skipped) == ((), ())
    m = Quantised(2)
    model = m.model(qlinear(m, m.add("QuantizeLinear", "x", *m.scale(*IN))), SHAPE, domains=["com.microsoft"])
    found = onnx_check.compared(imported(model, "m"))
    assert found.compared > 20 and (found.differing, found.skipped) == ((), ())


def test_a_node_that_differs_is_refused_by_its_name(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(b: Builder, node: Node) -> None:
        weights = b.folded.constants[node.inputs[1]]
        b.folded.constants = {**b.folded.constants, node.inputs[1]: weights * 1.01}
        layers.conv(b, node)
        b.folded.constants[node.inputs[1]] = weights

    hwgen.load(model)
    monkeypatch.setattr(onnx_check, "source_digest", lambda *packages: "another hwgen")
    monkeypatch.setitem(operators.HANDLERS, "Conv", wrong)
    with pytest.raises(ModelError) as caught:
        hwgen.load(model)
    text = str(caught.value)
    assert text.startswith("small.onnx: hwgen does not compute what the model says at 2 nodes; export it with another")
    assert "Conv_0 (Conv): hwgen and onnx's reference evaluator are up to 0.0" in text and "\n" not in text


def test_a_function_that_differs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(elementwise.UNARY, "HardSigmoid", lambda b, node: lambda x: np.clip(x / 6 + 0.52, 0, 1))
    model = made(lambda m, x: m.conv(m.add("HardSigmoid", x, alpha=1 / 6, beta=0.5), 3, 4), (1, 3, 8, 8))
    differing = onnx_check.compared(imported(model, "m")).differing
    assert len(differing) == 1 and differing[0].startswith("HardSigmoid_0 (HardSigmoid): ")


def test_an_int8_operation_that_differs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = golden.conv
    m = Quantised(0)
    found = imported(m.model(network(m), SHAPE), "m")
    monkeypatch.setattr(
        golden, "conv", lambda node, x: np.clip(plain(node, x).astype(int) + 2, -128, 127).astype(np.int8)
    )
    differing = onnx_check.compared(found).differing
    assert len(differing) >= 3 and all("(QuantizeLinear)" in text and " steps apart" in text for text in differing)


def test_the_result_is_kept_by_the_models_digest(
    model: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    runs: list[str] = []
    plain = onnx_check.compared

    def counted(found: Imported) -> nodewise.Comparison:
        runs.append(found.folded.name)
        return plain(found)

    monkeypatch.setattr(onnx_check, "compared", counted)
    hwgen.load(model)
    hwgen.load(model)
    assert runs == ["small.onnx"] and len(list((cache / "hwgen" / "onnx").glob("*.json"))) == 1
    hwgen.load(model, hwgen.NetworkOptions(resolution=24))  # other sizes, other nodes
    next((cache / "hwgen" / "onnx").glob("*.json")).write_text("{")  # damaged: made anew
    hwgen.load(model)
    hwgen.load(model, hwgen.NetworkOptions(resolution=24))
    assert len(runs) == 3
    save(made(small, (1, 3, 16, 16), seed=1), model)
    hwgen.load(model)
    assert len(runs) == 4
    cache.rename(tmp_path / "elsewhere")
    cache.write_text("no folder")  # a cache that cannot be written costs time alone
    hwgen.load(model)
    assert len(runs) == 5


def test_nodes_that_were_not_compared_are_named(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodewise.compare, "__defaults__", (0.0,))
    notes = hwgen.load(model).quantise().notes
    assert any(" nodes were not compared with onnx's reference evaluator (Conv_0 (Conv), " in note for note in notes)
    assert any("it takes too long" in note for note in notes)


def test_the_evaluator_is_not_given_what_needs_too_much_memory() -> None:
    """The map under a 15 x 15 kernel is 225 times the map."""

    def build(m: Maker, x: str) -> str:
        return str(m.add("Conv", m.add("Relu", x), m.random(1, 1, 15, 15), pads=[7] * 4))

    found = onnx_check.compared(imported(made(build, (1, 1, 512, 512)), "m"))
    assert found.skipped == (("Conv_1 (Conv)", "it needs too much memory there"),) and found.compared == 1


def test_a_pool_is_compared_in_some_of_its_channels() -> None:
    """The evaluator takes some 15 us a window."""
    model = made(lambda m, x: m.add("MaxPool", x, kernel_shape=[2, 2], strides=[1, 1]), (1, 64, 128, 128))
    found = onnx_check.compared(imported(model, "m"))
    assert (found.compared, found.differing, found.skipped) == (1, (), ())


def test_differences() -> None:
    ones = np.ones((2, 3), np.float32)
    assert difference(np.ones((3, 2)), ones, []) == "hwgen makes the shape [3, 2], onnx's reference evaluator [2, 3]"
    assert not difference(ones * 1.0005, ones, []) and difference(ones * 1.01, ones, [])
    assert not difference(ones + 0.1, ones, [np.full(1, 1e6, np.float32)])  # rounded off beside what was read
    assert not difference(np.full(2, 1e39), np.full(2, np.inf, np.float32), [])
    assert difference(np.full(2, 1.0), np.full(2, np.nan, np.float32), [])
    integers = np.arange(6, dtype=np.int8)
    assert not difference(integers + 1, integers, []) and "up to 2 steps" in difference(integers + 2, integers, [])


def test_the_printed_ratio_is_against_the_models_own_output(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever hwgen's own float network says."""
    monkeypatch.setattr(FloatModel, "predict", lambda self, x: np.zeros(self.output_shape))
    x = np.random.default_rng(0).normal(size=(1, 3, 16, 16)).astype(np.float32)
    expected = reference(made(small, (1, 3, 16, 16)), x)
    found = agreement(NetworkSource(str(model)), x, expected * 1.1)
    assert found is not None and found.evaluated and found.snr_db == pytest.approx(20.0, abs=1e-3)
    assert found.text().startswith("against the float model on this input: 20.0 dB")
    monkeypatch.setattr(nodewise.model_output, "__defaults__", (0.0,))
    found = agreement(NetworkSource(str(model)), x, expected)
    assert found is not None and not found.evaluated
    assert "against hwgen's float form of the model (onnx's evaluator takes too long)" in found.text()


def test_what_is_quantised_is_compared_with_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A transform that changes values is found too."""
    found = imported(made(small, (1, 3, 16, 16)), "m")
    plain = simplify

    def wrong(graph: Graph) -> Graph:
        graph = plain(graph)
        return graph.rewritten({node.name: node.changed(activation="none") for node in graph.layers()}, {})

    monkeypatch.setattr("hwgen.compiler.quantise.prepare.simplify", wrong)
    differing = onnx_check.compared(found).differing
    assert len(differing) == 1 and differing[0].startswith(
        "the whole network, simplified: hwgen and onnx's reference evaluator are up to "
    )


def test_the_time_is_that_of_hwgens_own_values_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the last node that there was time for nothing is evaluated."""
    found = imported(made(small, (1, 3, 16, 16)), "m")
    asked: list[str] = []
    own = FloatValues(found, np.zeros(found.graph.input.shape))

    def watched(tensor: str) -> np.ndarray | None:
        asked.append(tensor)
        return own(tensor)

    seconds = iter(range(0, 10_000, 2))
    monkeypatch.setattr("hwgen.compiler.frontend.onnx.compare.time.process_time", lambda: next(seconds))
    result = nodewise.compare(found, watched)
    assert result.compared and {reason for _, reason in result.skipped} == {"it takes too long"}
    assert result.compared + len(result.skipped) == len(found.folded.nodes)
    late = {tensor for node in found.folded.nodes[1 - len(result.skipped) :] for tensor in node.outputs}
    assert not late.intersection(asked)


def test_a_large_int8_network_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    m = Quantised(0)
    found = imported(m.model(network(m), SHAPE), "m")
    monkeypatch.setattr(onnx_check, "MOST_MACS", 1000)
    monkeypatch.setattr(golden, "run", lambda graph, image: pytest.fail("it was evaluated"))
    assert onnx_check.compared(found).compared == 0


def test_what_overflows_is_compared_without_a_word() -> None:
    """Values beyond float16, the file's type, are infinite in both."""

    def large(m: Maker, x: str) -> str:
        return m.add("Cast", m.add("Mul", m.add("Relu", x), m.floats(1e6)), to=TensorProto.FLOAT16)

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        found = onnx_check.compared(imported(made(large, (1, 3, 4, 4)), "m"))
    assert (found.compared, found.differing, seen) == (3, (), [])
