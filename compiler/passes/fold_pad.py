"""Explicit zero padding into the convolution after it."""

from dataclasses import replace

from compiler.graph import Graph


def fold_pad(graph: Graph) -> Graph:
    """Let every convolution that reads a `pad` read the pad's input, with the pads added to its own.

    Needs nothing.  Leaves a `pad` only where something other than a convolution reads it: a pool ignores its own
    padding but would take part in explicit zeros, so the two are not the same.
    """
    nodes = graph.by_name
    replacements = {}
    for conv in graph.nodes:
        if conv.op == "conv2d" and nodes[conv.inputs[0]].op == "pad":
            pad = nodes[conv.inputs[0]]
            total = tuple(a + b for a, b in zip(conv.window.padding, pad.sizes("pad"), strict=True))
            replacements[conv.name] = replace(conv.changed(pad=total), inputs=pad.inputs)
    return graph.rewritten(replacements, {})
