"""Batch norm into the convolution or fully connected layer before it."""

from hwgen.compiler.graph.graph import Graph


def fold_batch_norm(graph: Graph) -> Graph:
    """Drop a `batch_norm` whose input is a layer that nothing else reads and that has neither norm nor activation yet.

    Needs nothing.  Leaves `norm` and `eps` on the layer; `hwgen.compiler.graph.parameters.folded` computes the folded numbers from
    them: `w * gamma / sqrt(var + eps)` and `beta + (bias - mean) * gamma / sqrt(var + eps)`.  A batch norm elsewhere
    stays.
    """
    uses, nodes = graph.uses, graph.by_name
    replacements, redirect = {}, {}
    for norm in graph.nodes:
        if norm.op != "batch_norm":
            continue
        layer = nodes[norm.inputs[0]]
        if layer.op not in ("conv2d", "fully_connected") or len(uses[layer.name]) != 1 or layer.name == graph.output:
            continue
        if layer.attributes["norm"] == "" and layer.attributes["activation"] == "none":
            replacements[layer.name] = layer.changed(norm=norm.attributes["norm"], eps=norm.attributes["eps"])
            redirect[norm.name] = layer.name
    return graph.rewritten(replacements, redirect)
