"""Reads the text form of a graph (see `hwgen.compiler.graph.graph`)."""

import re
from math import prod
from pathlib import Path

from hwgen.compiler.graph.graph import Graph, Node, make_node
from hwgen.compiler.graph.ops import OPS, Shape, Value
from hwgen.errors import ModelError
from hwgen.files import refuse_special

_NODE = re.compile(
    r"%(?P<name>\S+) : (?P<shape>[\dx]+) = (?P<op>\w+)(?:\((?P<inputs>[^)]*)\))?(?P<attributes>( \w+=\S*)*)"
)


LARGEST_FILE = 1 << 20  # bytes
LARGEST_TENSOR = 1 << 24  # elements
LARGEST_WEIGHTS = 1 << 25  # of a network, in bytes the largest memory of a board
MOST_WORK = 1 << 36  # multiply-accumulates of a frame


def load(path: str | Path) -> Graph:
    """The graph of a text file; ModelError in one line if it is none, or one of absurd size."""
    path = Path(path)
    refuse_special(path)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ModelError(f"{path}: larger than {LARGEST_FILE:,} bytes, not the text of a graph")
        graph = parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except (OSError, ValueError, OverflowError) as error:
        raise ModelError(f"{path}: not the text of a graph ({' '.join(str(error).split())[:120]})") from None
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    largest = max(graph.nodes, key=lambda node: prod(node.shape))
    if prod(largest.shape) > LARGEST_TENSOR:
        raise ModelError(
            f"{path}: {largest.name}: {prod(largest.shape):,} elements; at most {LARGEST_TENSOR:,} are possible"
        )
    if graph.weight_count > LARGEST_WEIGHTS:
        raise ModelError(f"{path}: {graph.weight_count:,} weights; at most {LARGEST_WEIGHTS:,} are possible")
    if graph.macs > MOST_WORK:
        raise ModelError(f"{path}: {graph.macs:,} multiply-accumulates a frame; at most {MOST_WORK:,} are possible")
    return graph


def parse(text: str) -> Graph:
    """The verified graph of `text`; ModelError names the line that is wrong."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if len(lines) < 3 or not lines[0].startswith("graph ") or not lines[-1].startswith("return %"):
        raise ModelError("a graph's text begins with 'graph NAME', ends with 'return %TENSOR' and has nodes between")
    nodes: list[Node] = []
    shapes: dict[str, Shape] = {}
    for line in lines[1:-1]:
        node = _parse_node(line, shapes)
        nodes.append(node)
        shapes[node.name] = node.shape
    graph = Graph(lines[0].removeprefix("graph "), tuple(nodes), lines[-1].removeprefix("return %"))
    graph.verify()
    return graph


def _parse_node(line: str, shapes: dict[str, Shape]) -> Node:
    match = _NODE.fullmatch(line)
    if match is None or match["op"] not in OPS:
        raise ModelError(f"not a node: {line!r}")
    inputs = tuple(name.strip().removeprefix("%") for name in (match["inputs"] or "").split(",") if name.strip())
    unknown = [name for name in inputs if name not in shapes]
    if unknown:
        raise ModelError(f"{match['name']}: reads {', '.join(unknown)}, which no earlier node writes")
    attributes: dict[str, Value] = {}
    for word in (match["attributes"] or "").split():
        key, _, value = word.partition("=")
        if key not in OPS[match["op"]].attributes:
            raise ModelError(f"{match['name']}: {match['op']} has no attribute {key}")
        attributes[key] = _parse_value(match["name"], key, value, OPS[match["op"]].attributes[key][0])
    node = make_node(match["name"], match["op"], inputs, attributes, [shapes[name] for name in inputs])
    written = tuple(int(size) for size in match["shape"].split("x"))
    if written != node.shape:
        raise ModelError(f"{node.name}: shape {written} should be {node.shape}")
    return node


def _parse_value(name: str, key: str, text: str, kind: type) -> Value:
    try:
        return tuple(int(part) for part in text.split(",")) if kind is tuple else kind(text)
    except ValueError:
        raise ModelError(f"{name}: {key}={text} is not a valid {kind.__name__}") from None
