"""ReLU and ReLU6 into the operation before them, whose output clamp computes them."""

from hwgen.compiler.graph.graph import Graph

FUSED = ("relu", "relu6")
HOSTS = ("conv2d", "fully_connected", "add", "mul")


def fuse_activation(graph: Graph) -> Graph:
    """Drop a `relu` or `relu6` whose input is a layer, an `add` or a `mul` that nothing else reads and that has no activation
    yet.

    Needs batch norms folded (one between layer and activation hides the pair).  Leaves `activation` on the layer.
    """
    uses, nodes = graph.uses, graph.by_name
    replacements, redirect = {}, {}
    for activation in graph.nodes:
        if activation.op not in FUSED:
            continue
        host = nodes[activation.inputs[0]]
        if host.op not in HOSTS or len(uses[host.name]) != 1 or host.name == graph.output:
            continue
        if host.attributes["activation"] == "none":
            replacements[host.name] = host.changed(activation=activation.op)
            redirect[activation.name] = host.name
    return graph.rewritten(replacements, redirect)
