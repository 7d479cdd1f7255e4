"""Explicit zero padding into the convolution after it."""

from dataclasses import replace

from hwgen.compiler.graph.graph import Graph, Node


def fold_pad(graph: Graph) -> Graph:
    """Let every convolution, and every average pool that counts its padding, read the input of a `pad` of zeros, with
    the pads added to its own.

    Needs nothing.  Leaves a `pad` where something else reads it: other pools ignore their own padding but would take
    part in explicit zeros, so the two are not the same.  Leaves pads that cut off what
    the reader surrounds with zeros again.
    """
    nodes = graph.by_name
    replacements = {}
    for reader in graph.nodes:
        if reader.op == "conv2d" or (reader.op == "avg_pool" and _counts_padding(reader)):
            pad = nodes[reader.inputs[0]]
            if pad.op != "pad" or pad.real("value") != 0:
                continue
            pairs = list(zip(reader.window.padding, pad.sizes("pad"), strict=True))
            if any(own > 0 > outer for own, outer in pairs):
                continue
            folded = reader.changed(pad=tuple(own + outer for own, outer in pairs))
            if reader.op == "avg_pool":
                folded = folded.changed(count_pad=1)
            replacements[reader.name] = replace(folded, inputs=pad.inputs)
    return graph.rewritten(replacements, {})


def _counts_padding(pool: Node) -> bool:
    return pool.integer("count_pad") == 1 or not any(pool.window.padding)
