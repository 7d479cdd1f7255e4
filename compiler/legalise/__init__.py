"""Rewrites an int8 graph into the operations that the machine has; exact in every tensor that stays.

Order matters: what the host can do at the end goes to the host; clamps and pads disappear into their neighbours; concatenation and
shuffle of two halves become one; every other operation becomes convolutions, copies, slices and concatenations, sums of which are
taken part by part; those get places that the machine can read and write; and convolutions that only move channels are taken into
the weights of their neighbours.  What no
rewrite knows stays and is refused by `hwgen.compiler.lower.lower`, with all the rest.
"""

from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.legalise.absorb import absorb
from hwgen.compiler.legalise.expand import expand
from hwgen.compiler.legalise.fold import fold
from hwgen.compiler.legalise.host_tail import host_tail
from hwgen.compiler.legalise.merge import merge
from hwgen.compiler.legalise.spread import spread
from hwgen.compiler.legalise.views import places

__all__ = ["legalise"]


def legalise(graph: QGraph) -> QGraph:
    """The same network in the machine's operations; `graph` itself where it has no others."""
    result = host_tail(graph)
    for rewrite in (fold, merge, expand, spread, places, absorb):
        result = rewrite(result)
    if len(result.nodes) != len(graph.nodes) or not set(graph.nodes).issuperset(result.nodes):
        result.verify()
        return result
    return graph
