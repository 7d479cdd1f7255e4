"""Memory access cost against the papers' formulas."""

from __future__ import annotations

from hwgen.compiler.frontend import zoo
from hwgen.compiler.graph.graph import Builder, Graph
from hwgen.compiler.int8.access import DEPTHWISE, GROUPED, POINTWISE, access, longest_chain
from hwgen.compiler.quantise.structure import structure


def graph() -> Graph:
    b = Builder("small")
    x = b.add("image", "input", shape=(14, 14, 16))
    x = b.add("point", "conv2d", x, channels=40, kernel=(1, 1), weight="point.weight")
    y = b.add("deep", "conv2d", x, channels=40, kernel=(3, 3), pad=(1, 1, 1, 1), groups=40, weight="deep.weight")
    z = b.add("parts", "conv2d", x, channels=40, kernel=(1, 1), groups=4, weight="parts.weight")
    return b.graph(b.add("sum", "add", y, z))


def test_access_is_equation_1_of_shufflenet_v2() -> None:
    made = structure(graph())
    costs = {node.name: access(made, node) for node in made.nodes}
    pixels = 14 * 14
    point, parts = costs["point"], costs["parts"]
    assert (point.kind, point.bytes, point.macs) == (POINTWISE, pixels * (16 + 40) + 16 * 40, pixels * 16 * 40)
    assert (parts.kind, parts.bytes) == (GROUPED, pixels * 80 + 40 * 40 // 4)  # equation 2: c1 c2 / g
    assert (costs["deep"].kind, costs["deep"].parameters) == (DEPTHWISE, 360)
    assert (costs["sum"].read, costs["sum"].written) == (pixels * 80, pixels * 40)


def test_the_longest_chain_leaves_out_what_runs_beside_it() -> None:
    assert longest_chain(structure(graph())) == 2
    assert longest_chain(structure(zoo.build("mobilenet_v1", width=0.25, resolution=64))) == 29
