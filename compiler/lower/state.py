"""What the lowering of every kind of operation works on."""

from __future__ import annotations

from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.lower.buffers import Buffers
from hwgen.compiler.lower.image import ImageFold
from hwgen.compiler.lower.passes import LogicalPass


class Lowering:
    """A network on its way to logical passes.

    Parameters:
        graph: the int8 network.
        fold: how the image lies in memory; None: pixel by pixel, or two to a word.

    Attributes:
        passes: so far.
        problems: operations that the core does not have, one text each.
        buffers: where tensors lie.
    """

    def __init__(self, graph: QGraph, fold: ImageFold | None) -> None:
        self.graph, self.fold = graph, fold
        self.passes: list[LogicalPass] = []
        self.problems: list[str] = []
        self.buffers = Buffers(graph, fold, self.problems)
