"""Files may name their tensors as rewrites name what they make: nothing is overwritten, nothing has two nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwgen.compiler.frontend.load import load
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.legalise import legalise
from hwgen.compiler.quantise.options import QuantiseOptions
from hwgen.sim import golden

GROUPED = """graph g
  %image : 8x8x3 = input shape=8,8,3
  %a : 8x8x6 = conv2d(%image) channels=6 kernel=1,1 weight=a.weight
  %c : 8x8x12 = conv2d(%a) channels=12 kernel=3,3 pad=1,1,1,1 weight=c.weight groups=6
  {name} : 8x8x6 = conv2d(%c) channels=6 kernel=1,1 weight=d.weight
  return {name}
"""

CUT = """graph g
  %image : 8x8x3 = input shape=8,8,3
  {name} : 8x8x4 = conv2d(%image) channels=4 kernel=1,1 weight=a.weight
  %p : 6x10x4 = pad({name}) pad=-1,-1,1,1
  return %p
"""

NORMALISED = """graph g
  %image : 8x8x3 = input shape=8,8,3
  %bn : 8x8x3 = batch_norm(%image) norm=n
  %relu : 8x8x3 = relu(%bn)
  %last : 8x8x3 = conv2d(%relu) channels=3 kernel=1,1 weight={name} groups=3
  return %last
"""


def legal(folder: Path, text: str, name: str, weights: str = "") -> QGraph:
    """The graph after quantiser and legaliser, the name put in."""
    (folder / "g.graph").write_text(text.format(name=name))
    network = load(str(folder / "g.graph"), NetworkOptions(weights=weights or None))
    assert not isinstance(network, QGraph)
    try:
        return legalise(network.quantised(QuantiseOptions()).network)
    except Exception as error:
        pytest.fail(f"with the name {name}: {error!r}")


def output(graph: QGraph) -> np.ndarray:
    """Of a seeded image."""
    tensor = graph.tensors[graph.input]
    image = np.random.default_rng(0).integers(-128, 128, tensor.shape).astype(np.int8)
    return golden.run(graph, image)[graph.output]


def test_a_node_named_as_a_part_of_another(tmp_path: Path) -> None:
    plain = legal(tmp_path, GROUPED, "%other")
    made = {node.name for node in plain.nodes} - {"a", "c", "other"}
    assert made
    for name in made:
        graph = legal(tmp_path, GROUPED, f"%{name}")
        names = [node.name for node in graph.nodes]
        assert len(set(names)) == len(names) == len(plain.nodes)
        np.testing.assert_array_equal(output(graph), output(plain))


def test_a_tensor_named_as_a_cut_of_a_pad(tmp_path: Path) -> None:
    graphs = [legal(tmp_path, CUT, name) for name in ("%other", "%p/cut")]
    np.testing.assert_array_equal(output(graphs[0]), output(graphs[1]))


def test_weights_named_as_those_of_a_batch_norm(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    arrays: dict[str, Any] = {
        f"n.{part}": rng.uniform(0.5, 1, 3) for part in ("weight", "bias", "running_mean", "running_var")
    }
    results = []
    for name in ("other", "bn/weight", "bn/bias"):
        file = tmp_path / "w.npz"
        shape = (3, 1, 1, 1)
        np.savez(file, **arrays | {name: np.arange(1, 4).reshape(shape).astype(np.float64)})
        results.append(output(legal(tmp_path, NORMALISED, name, str(file))))
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])
