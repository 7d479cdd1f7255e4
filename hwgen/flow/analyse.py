"""What networks cost: by the papers' measures, and in cycles on a board, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hwgen.flow.plan import machine_plan
from hwgen.flow.progress import Listener, step
from hwgen.flow.source import NetworkSource
from hwgen.flow.structure import parse_network, structure_of
from hwgen.flow.target import Target
from hwgen.reports.analysis import Analysis, Layer
from hwgen.reports.causes import Causes, added, by_pass

if TYPE_CHECKING:
    from hwgen.boards.board import Board
    from hwgen.compiler.int8.graph import QGraph
    from hwgen.compiler.lower.passes import LogicalPass
    from hwgen.compiler.plan.result import Plan


def analyse(
    networks: Sequence[str | NetworkSource],
    *,
    board: str | Board = "ulx3s",
    clock_mhz: float | None = None,
    progress: Listener | None = None,
) -> list[Analysis]:
    """Compare networks: parameters, multiply-accumulates, memory access, fragments, and the cycles of each layer by cause.

    Only shapes matter, so nothing is trained, calibrated or quantised.

    Args:
        networks: names of the zoo, `NAME:width=0.5,resolution=160`, or .tflite, .onnx and .graph files.
        board: its name, or the board itself.
        clock_mhz: of the machine, MHz; None: the board's default.
        progress: is told about the steps.

    Raises:
        ModelError, UnsupportedOpError: as of `hwgen.load`.
        ToolError, ResourceError: as of `hwgen.plan`.
    """
    sources = [one if isinstance(one, NetworkSource) else parse_network(one) for one in networks]
    target = Target(board, clock_mhz)
    target.resolve()
    found = []
    for source in sources:
        with step(progress, source.name):
            graph = structure_of(source)
            found.append(analysis(source.name, graph, machine_plan(graph, target)))
    return found


def analysis(name: str, graph: QGraph, plan: Plan) -> Analysis:
    """Of a network and its plan.

    Args:
        name: of the network.
        graph: its operations as they are written, before the compiler rewrites them.
        plan: for one frame at a time.
    """
    from hwgen.compiler.int8.access import COMPUTING, DEPTHWISE, ELEMENTWISE, access, longest_chain

    costs = [access(graph, node) for node in graph.nodes]
    whole = sum(cost.bytes for cost in costs)
    cycles = added(by_pass(plan))
    image = graph.tensors[graph.input]

    def share(kind: str) -> float:
        return sum(cost.bytes for cost in costs if cost.kind == kind) / whole

    return Analysis(
        name=name,
        board=plan.board,
        clock_mhz=plan.timing.clock_hz / 1e6,
        array=plan.config.array,
        input=image.shape,
        parameters=graph.weight_count,
        macs=graph.macs,
        read=sum(cost.read for cost in costs),
        written=sum(cost.written for cost in costs),
        elementwise=share(ELEMENTWISE),
        depthwise=share(DEPTHWISE),
        operators=sum(cost.kind in COMPUTING for cost in costs),
        chain=longest_chain(graph),
        utilisation=plan.array_macs / (plan.cycles * plan.config.macs_per_cycle),
        fps=plan.fps,
        cycles=cycles,
        layers=tuple(_layers(graph, plan)),
    )


def _layers(graph: QGraph, plan: Plan) -> list[Layer]:
    """What runs together, in the order of the passes."""
    from hwgen.compiler.int8.access import access

    groups = _groups(graph, plan.lowered.passes)
    rows: dict[int, list[str]] = {}
    cycles: dict[int, list[Causes]] = {}
    number = {item.name: groups.passes[i] for i, item in enumerate(plan.lowered.passes)}
    for fitted, causes in zip(plan.fit.steps, by_pass(plan), strict=True):
        cycles.setdefault(number[fitted.source.name], []).append(causes)
    for node, group in zip(graph.nodes, groups.nodes, strict=True):
        rows.setdefault(group, []).append(node.name)
    costs = {node.name: access(graph, node) for node in graph.nodes}
    found = []
    for group in sorted({*rows, *cycles}):
        parts = [costs[name] for name in rows.get(group, ())]
        spent = cycles.get(group, [])
        named = [part for part in parts if part.bytes] or parts
        found.append(
            Layer(
                name=" + ".join(part.name for part in named) or plan.lowered.passes[group].name,
                layers=tuple(part.name for part in parts),
                kinds=tuple(part.kind for part in parts),
                parameters=sum(part.parameters for part in parts),
                macs=sum(part.macs for part in parts),
                read=sum(part.read for part in parts),
                written=sum(part.written for part in parts),
                passes=len(spent),
                cycles=added(spent),
            )
        )
    return found


class _Groups:
    """Which of a network's operations run in which of its passes: every group bears the number of its first pass.

    Attributes:
        passes: group of each pass.
        nodes: group of each of the network's operations.
    """

    def __init__(self, passes: int) -> None:
        self.passes = list(range(passes))
        self.nodes: list[int] = []

    def join(self, numbers: Sequence[int]) -> int:
        """Make one group of these passes; its number."""
        joined = {self.passes[i] for i in numbers}
        first = min(joined)
        self.passes = [first if group in joined else group for group in self.passes]
        return first


def _groups(graph: QGraph, passes: Sequence[LogicalPass]) -> _Groups:
    """An operation belongs to the passes that make its tensor; one that the compiler has taken into another belongs to its readers, and
    if nothing is left there to those that make what it reads.
    """
    groups = _Groups(len(passes))
    makers: dict[str, list[int]] = {}
    for i, item in enumerate(passes):
        for tensor in _tensors(item):
            makers.setdefault(tensor, []).append(i)
    for i, item in enumerate(passes):
        if item.output.buffer not in makers:
            makers.setdefault(f"buffer {item.output.buffer}", []).append(i)
    places: dict[str, int] = {}  # pass of a tensor's maker
    for node in reversed(graph.nodes):
        own = makers.get(node.output) or makers.get(f"buffer {node.output}")
        if own:
            places[node.output] = groups.join(own)
        elif readers := [places[one.output] for one in graph.consumers(node.output) if one.output in places]:
            places[node.output] = min(readers)
    for node in graph.nodes:
        place = places.get(node.output)
        if place is None:
            place = max((places[name] for name in node.inputs if name in places), default=0)
            places[node.output] = place
        groups.nodes.append(groups.passes[place])
    return groups


def _tensors(item: LogicalPass) -> set[str]:
    """What a pass makes, stored or not."""
    nodes = (item.window_node, item.array_node, item.window_table, item.array_table)
    inner = None if item.combine is None else item.combine.inner
    return {item.tensor, *(node.output for node in nodes if node is not None), *([] if inner is None else [inner])}
