"""The zoo: networks by name."""

import difflib

from hwgen.compiler.frontend.zoo import (
    ds_cnn,
    efficientnet,
    effnet,
    mnasnet,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    nasnet,
    resnet8,
    resnet18,
    shufflenet_v1,
    shufflenet_v2,
    squeezenet,
)
from hwgen.compiler.frontend.zoo.options import Network, Options
from hwgen.compiler.graph.graph import Graph
from hwgen.errors import ModelError

__all__ = ["NETWORKS", "Network", "Options", "build", "find", "names"]

NETWORKS: dict[str, Network] = {
    network.name: network
    for network in (
        mobilenet_v1.NETWORK,
        mobilenet_v2.NETWORK,
        *mobilenet_v3.NETWORKS,
        shufflenet_v1.NETWORK,
        shufflenet_v2.NETWORK,
        squeezenet.NETWORK,
        nasnet.NETWORK,
        effnet.NETWORK,
        mnasnet.NETWORK,
        efficientnet.NETWORK,
        ds_cnn.NETWORK,
        resnet8.NETWORK,
        resnet18.NETWORK,
    )
}


def names() -> list[str]:
    """The names `build` knows."""
    return sorted(NETWORKS)


def find(name: str) -> Network:
    """The network of this name, in letters of any case and with - for _; ModelError names the nearest ones if there is none."""
    meant = name.lower().replace("-", "_")
    if meant not in NETWORKS:
        near = difflib.get_close_matches(meant, names(), n=3, cutoff=0.3) or names()
        raise ModelError(f"unknown network {name!r}; nearest: {', '.join(near)}")
    return NETWORKS[meant]


def build(
    name: str,
    width: float | None = None,
    resolution: int | None = None,
    classes: int | None = None,
    *,
    groups: int | None = None,
    variant: str | None = None,
) -> Graph:
    """The float graph of a network of the zoo; None: as it is by default.

    Raises ModelError for a name that it does not have, or options that the network does not have.
    """
    network = find(name)
    chosen = network.options(width=width, resolution=resolution, classes=classes, groups=groups, variant=variant)
    return network.define(chosen)
