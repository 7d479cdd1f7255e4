"""The end of a ShuffleNet v2 unit: two halves interleaved."""

from dataclasses import replace
from types import MappingProxyType

from hwgen.compiler.graph.graph import Graph


def recognise_shuffle_merge(graph: Graph) -> Graph:
    """Replace `shuffle groups=2` of a `concat` of two equal halves by `shuffle_merge` of the halves (equation 17).

    Needs shuffles recognised.  Leaves the `concat` where something else reads it too.
    """
    nodes = graph.by_name
    replacements = {}
    for shuffle in graph.nodes:
        if shuffle.op != "shuffle" or shuffle.attributes["groups"] != 2:
            continue
        concat = nodes[shuffle.inputs[0]]
        if (
            concat.op == "concat"
            and len(concat.inputs) == 2
            and len({nodes[name].shape for name in concat.inputs}) == 1
        ):
            replacements[shuffle.name] = replace(
                shuffle, op="shuffle_merge", inputs=concat.inputs, attributes=MappingProxyType({})
            )
    return graph.rewritten(replacements, {})
