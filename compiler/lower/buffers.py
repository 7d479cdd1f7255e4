"""Where tensors lie: buffers of their own, parts of concatenations, halves of merges; slices are views."""

from __future__ import annotations

from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QConcat, QConv, QNode, QShuffleMerge, QSlice, QTable
from hwgen.compiler.lower.array_loops import word_count
from hwgen.compiler.lower.image import ImageFold
from hwgen.compiler.lower.passes import Buffer, Placement, View
from hwgen.hw.isa.config import WORD_BYTES


class Buffers:
    """Buffers of the stored tensors, and for every tensor that is or was one the view in which its readers find it.

    What cannot be placed is added to `problems`.
    """

    def __init__(self, graph: QGraph, fold: ImageFold | None, problems: list[str]) -> None:
        self._graph, self._fold, self._problems = graph, fold, problems
        self.buffers: dict[str, Buffer] = {}
        self.views: dict[str, View] = {}
        self.unpack = False
        """The image holds two pixels in a word."""
        self._merges = {
            name: node
            for node in graph.nodes
            if isinstance(node, QShuffleMerge)
            for name in (node.processed, node.identity)
        }
        self._parts = _parts(graph)
        self._image()

    def _image(self) -> None:
        """Three-channel images whose readers all take every second column hold two pixels in a word."""
        graph = self._graph
        height, width, channels = graph.tensors[graph.input].shape
        if (fold := self._fold) is not None:
            channels = fold.bytes
            self.buffers[graph.input] = Buffer(
                graph.input, fold.height, fold.width, channels, fold.pixel_words, image=True
            )
            self.views[graph.input] = View(graph.input, 0, channels)
            return
        readers = graph.consumers(graph.input)
        self.unpack = (
            channels == 3
            and width % 2 == 0
            and all(isinstance(node, QConv) and node.window.stride[1] == 2 and not node.depthwise for node in readers)
        )
        if self.unpack:
            self.buffers[graph.input] = Buffer(graph.input, height, width // 2, WORD_BYTES, 1, image=True)
        else:
            self.buffers[graph.input] = Buffer(graph.input, height, width, channels, word_count(channels), image=True)
        self.views[graph.input] = View(graph.input, 0, channels)

    def view(self, node: QSlice | QTable, offset: int) -> None:
        """A tensor is found in the channels of another from `offset` on."""
        view = self.views.get(node.input)
        if view is None:
            self._problems.append(f"{node.name}: a part of {node.input}, which is one half of a merge")
            return
        self.views[node.output] = View(view.buffer, view.first + offset, self._graph.tensors[node.output].channels)

    def whole(self, tensor: str) -> None:
        """A tensor is found in the buffer of its name."""
        self.views[tensor] = View(tensor, 0, self._graph.tensors[tensor].channels)

    def merge(self, node: QShuffleMerge) -> None:
        """The halves' passes have written the merged tensor already."""
        self.whole(node.output)
        if node.output not in self.buffers:
            self._problems.append(f"{node.name}: the processed half {node.processed} must come from a convolution")

    def _buffer(self, tensor: str) -> Buffer:
        height, width, channels = self._graph.tensors[tensor].shape
        return self.buffers.setdefault(tensor, Buffer(tensor, height, width, channels, word_count(channels)))

    def place(self, node: QNode) -> tuple[Placement, View | None, str | None]:
        """Where a node's output goes: a tensor of its own, a part of one, or one half of a merge (with the other half as operand)."""
        if node.output in self._parts:
            whole, first = self._parts[node.output]
            self._buffer(whole)
            self.views[node.output] = View(whole, first, self._graph.tensors[node.output].channels)
            return Placement(whole, first), None, None
        merge = self._merges.get(node.output)
        if merge is None or len(self._graph.consumers(node.output)) > 1:
            self._buffer(node.output)
            self.whole(node.output)
            return Placement(node.output), None, None
        self._buffer(merge.output)
        if node.output == merge.identity:
            return Placement(merge.output, 0, 2), None, None
        other = self._graph.producer(merge.identity)
        if isinstance(other, QConv) and len(self._graph.consumers(merge.identity)) == 1:
            return Placement(merge.output, 1, 2), None, None
        identity = self.views.get(merge.identity)
        if identity is None or identity.first % WORD_BYTES:
            self._problems.append(
                f"{merge.name}: the identity half must begin with a channel divisible by {WORD_BYTES}"
            )
        return Placement(merge.output, 1, 2), identity, merge.identity

    def input(self, name: str, node: str, aligned: bool) -> View | None:
        """Where the node of this name finds a tensor; `aligned`: it must begin with a word."""
        view = self.views.get(name)
        if view is None:
            self._problems.append(f"{node}: its input {name} is one half of a merge and is never stored alone")
        elif aligned and view.first % WORD_BYTES:
            self._problems.append(
                f"{node}: a window's input must begin with a channel divisible by {WORD_BYTES}, not {view.first}"
            )
        return view


def _parts(graph: QGraph) -> dict[str, tuple[str, int]]:
    """Parts of concatenations: the whole tensor and the part's first channel in it."""
    found = {}
    for node in graph.nodes:
        if isinstance(node, QConcat):
            past = 0
            for i, name in enumerate(node.sources):
                first = node.offsets[i] if node.offsets else past
                found[name] = node.output, first
                past = first + graph.tensors[name].channels
    return found
