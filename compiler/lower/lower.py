"""From the int8 graph to logical passes: which operations share a pass, and how the core sees their data.

Slices become views and merges become the way a pass writes, so neither costs a pass.  A depthwise convolution whose only consumer
is a pointwise one shares its pass.
"""

from __future__ import annotations

from hwgen.compiler.int8.fusion import array_input, is_identity
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import (
    QAdd,
    QAvgPool,
    QConcat,
    QConv,
    QMaxPool,
    QMean,
    QMul,
    QNode,
    QResize,
    QShuffleMerge,
    QSlice,
    QTable,
)
from hwgen.compiler.lower.convolutions import Chain, chain_from, lower_convolution
from hwgen.compiler.lower.elementwise import lower_element_by_element
from hwgen.compiler.lower.image import ImageFold
from hwgen.compiler.lower.limits import resized_columns, too_large
from hwgen.compiler.lower.nearest import nearest_form
from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.lower.pools import lower_pool
from hwgen.compiler.lower.resizes import lower_resize
from hwgen.compiler.lower.shared_taps import SHARED_TAPS
from hwgen.compiler.lower.state import Lowering
from hwgen.errors import UnsupportedOpError


def lower(
    graph: QGraph,
    *,
    fold: ImageFold | None = None,
    whole_image: bool = False,
    unfused: frozenset[str] = frozenset(),
    shared_taps: bool = SHARED_TAPS,
) -> Lowered:
    """The logical passes of a network.

    Args:
        graph: the int8 network.
        fold: how the image lies in memory; None: pixel by pixel, or two to a word.
        whole_image: all of the image is in memory before the first pass.
        unfused: names of depthwise convolutions that get a pass of their own.
        shared_taps: the core may have shared taps.

    Raises:
        UnsupportedOpError: lists every operation that the core does not have.
    """
    state = Lowering(graph, fold)
    _Network(state, unfused).run()
    if not graph.nodes:
        state.problems.append(
            "the host does all of its operations, moves of values and a softmax at the end; needed: a convolution, a pool or a sum"
        )
    state.problems += too_large(state.passes, state.buffers.buffers)
    if state.problems:
        raise UnsupportedOpError(f"{graph.name}: the machine cannot do all of it", state.problems)
    return Lowered(
        graph.name,
        state.buffers.buffers,
        state.passes,
        state.buffers.views[graph.output].buffer,
        state.buffers.unpack,
        graph.tensors[graph.input].shape,
        fold,
        whole_image,
        unfused,
        shared_taps=shared_taps,
    )


class _Network:
    """Lowers the nodes in their order, each by its kind."""

    def __init__(self, state: Lowering, unfused: frozenset[str]) -> None:
        self._state, self._unfused = state, unfused
        combined = [node for node in state.graph.nodes if isinstance(node, QAdd | QMul)]
        self._fused = {name: node for node in combined if (name := array_input(state.graph, node)) is not None}
        """Sums and products that share the pass of the convolution that makes one of their inputs, by that input."""
        self._waiting: dict[str, Chain] = {}
        """Convolutions whose pass comes with such a sum or product, by their output."""
        self._shared: set[str] = set()
        """Outputs made in the pass of an earlier node."""

    def run(self) -> None:
        for node in self._state.graph.nodes:
            if node.output not in self._shared:
                self._node(node)

    def _node(self, node: QNode) -> None:
        state = self._state
        match node:
            case QConv():
                self._convolution(chain_from(state.graph, node, self._unfused))
            case QAdd() | QMul():
                self._sum_or_product(node)
            case QMaxPool() | QAvgPool() | QMean():
                self._shared |= lower_pool(state, node)
            case QResize() if (columns := resized_columns(node)) is not None:
                lower_resize(state, node, *columns)
            case QSlice():
                state.buffers.view(node, node.offset)
            case QTable() if is_identity(node):
                state.buffers.view(node, 0)
            case QShuffleMerge():
                state.buffers.merge(node)
            case QConcat():
                state.buffers.whole(node.output)
            case _:
                state.problems.append(f"{node.name}: {nearest_form(node)}")
                state.buffers.place(node)  # what reads it is no problem of its own

    def _convolution(self, chain: Chain) -> None:
        """At once, or later if a sum or product shares the pass."""
        self._shared |= chain.shared
        if chain.array is not None and chain.last.output in self._fused:
            self._waiting[chain.last.output] = chain
        else:
            lower_convolution(self._state, chain)

    def _sum_or_product(self, node: QAdd | QMul) -> None:
        """In the pass of the convolution that makes one of the inputs; else the array copies a stored one."""
        made = [name for name, other in self._fused.items() if other is node]
        if made:
            lower_convolution(self._state, self._waiting[made[0]], node)
        else:
            lower_element_by_element(self._state, node)
