"""Rewrites of the float graph, one per file; each is a function graph -> graph that reaches a fixed point."""

from collections.abc import Callable

from hwgen.compiler.graph.graph import Graph
from hwgen.compiler.transforms.fold_batch_norm import fold_batch_norm
from hwgen.compiler.transforms.fold_pad import fold_pad
from hwgen.compiler.transforms.fuse_activation import fuse_activation
from hwgen.compiler.transforms.recognise_shuffle import recognise_shuffle
from hwgen.compiler.transforms.recognise_shuffle_merge import recognise_shuffle_merge

TRANSFORMS: tuple[Callable[[Graph], Graph], ...] = (
    fold_pad,
    fold_batch_norm,
    fuse_activation,
    recognise_shuffle,
    recognise_shuffle_merge,
)


def simplify(graph: Graph) -> Graph:
    """All transforms, in order, again and again until none changes the graph; verified before and after every one."""
    graph.verify()
    while True:
        before = graph
        for rewrite in TRANSFORMS:
            graph = rewrite(graph)
            graph.verify()
        if graph == before:
            return graph
