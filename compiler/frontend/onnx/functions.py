"""How many nodes a model has once its own functions are inlined: some lines of a file may say any number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from onnx import ModelProto, NodeProto

from hwgen.errors import ModelError

MOST_NODES = 1 << 16

Key = tuple[str, str, str]  # domain, name, overload


def check_nodes(model: ModelProto, name: str) -> None:
    """ModelError if there are more than `MOST_NODES`, or if functions call each other in a circle."""
    functions = {(function.domain, function.name, function.overload): function.node for function in model.functions}
    sizes: dict[Key, int] = {}
    waiting: list[Key] = []
    for key in functions:
        waiting.append(key)
        opened: set[Key] = set()
        while waiting:
            key = waiting[-1]
            if key in sizes:
                waiting.pop()
                continue
            calls = {called for node in _all(functions[key]) if (called := _called(node)) in functions}
            missing = [called for called in calls if called not in sizes]
            if not missing:
                sizes[key] = _size(functions[key], sizes)
                continue
            opened.add(key)
            if opened.intersection(missing):
                raise ModelError(f"{name}: its function {key[1]!r} calls itself; the file is damaged")
            waiting += missing
    nodes = _size(model.graph.node, sizes)
    if nodes > MOST_NODES:
        raise ModelError(f"{name}: {nodes:,} nodes with its functions written out; at most {MOST_NODES:,} are possible")


def _all(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    """The nodes and those of the graphs in their attributes."""
    waiting = [*nodes]
    while waiting:
        node = waiting.pop()
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                waiting += graph.node


def _called(node: NodeProto) -> Key:
    return node.domain, node.op_type, node.overload


def _size(nodes: Iterable[NodeProto], sizes: dict[Key, int]) -> int:
    return sum(sizes.get(_called(node), 1) for node in _all(nodes))
