"""Tables behind tables become one, exactly, whatever their number."""

from __future__ import annotations

import time

import numpy as np

from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QAdd, QNode, QTable, QTensor
from hwgen.compiler.int8.tables import clamp, identity
from hwgen.compiler.legalise.fold import fold
from hwgen.sim import golden

VALUES = np.arange(-128, 128, dtype=np.int8).reshape(16, 16, 1)


def graph_of(nodes: list[QNode], *names: str, output: str) -> QGraph:
    graph = QGraph("g", {name: QTensor(name, (16, 16, 1), 0.1, 0) for name in names}, nodes, names[0], output)
    graph.verify()
    return graph


def table(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-128, 128, 256).astype(np.int8)


def test_two_tables_are_one() -> None:
    graph = graph_of([QTable("a", "x", "y", table(1)), QTable("b", "y", "z", table(2))], "x", "y", "z", output="z")
    folded = fold(graph)
    assert [(node.name, node.inputs, node.output) for node in folded.nodes] == [("b", ("x",), "z")]
    np.testing.assert_array_equal(golden.run(folded, VALUES)["z"], golden.run(graph, VALUES)["z"])


def test_a_table_that_is_read_twice_or_is_the_result_stays() -> None:
    first, second = QTable("a", "x", "y", table(1)), QTable("b", "y", "z", table(2))
    twice = graph_of([first, second, QAdd("c", "y", "z", "w", -128, 127)], "x", "y", "z", "w", output="w")
    assert fold(twice) is twice
    early = graph_of([first, second], "x", "y", "z", output="y")
    assert fold(early) is early


def test_clamps_and_views_between_tables() -> None:
    chain = [table(3), clamp(-20, 70), identity(), table(4), clamp(-100, 100)]
    names = [f"t{i}" for i in range(len(chain) + 1)]
    nodes: list[QNode] = [QTable(f"n{i}", names[i], names[i + 1], one) for i, one in enumerate(chain)]
    graph = graph_of(nodes, *names, output=names[-1])
    folded = fold(graph)
    assert len(folded.nodes) == 1
    np.testing.assert_array_equal(golden.run(folded, VALUES)[names[-1]], golden.run(graph, VALUES)[names[-1]])


def test_thousands_in_a_row_take_a_time_each() -> None:
    """Looked at anew from the first one after every change they take minutes."""
    names = [f"t{i}" for i in range(3001)]
    nodes: list[QNode] = [QTable(f"n{i}", names[i], names[i + 1], table(i % 7)) for i in range(3000)]
    graph, start = graph_of(nodes, *names, output=names[-1]), time.process_time()
    assert len(fold(graph).nodes) == 1
    assert time.process_time() - start < 2
