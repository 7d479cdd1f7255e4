"""The zoo: networks by name."""

import difflib
from collections.abc import Callable

from compiler.errors import ModelError
from compiler.graph import Graph
from compiler.zoo.shufflenet_v2 import shufflenet_v2

Definition = Callable[[float, int, int], Graph]

NETWORKS: dict[str, Definition] = {"shufflenet_v2": shufflenet_v2}


def names() -> list[str]:
    """The names `build` knows."""
    return sorted(NETWORKS)


def build(name: str, width: float = 1.0, resolution: int = 224, classes: int = 1000) -> Graph:
    """The float graph of a network of the zoo; ModelError for a name, width or resolution it does not have."""
    if name not in NETWORKS:
        near = difflib.get_close_matches(name, names(), n=3, cutoff=0.3) or names()
        raise ModelError(f"unknown network {name!r}; nearest: {', '.join(near)}")
    if classes < 1:
        raise ModelError(f"{name}: classes must be at least 1, not {classes}")
    return NETWORKS[name](width, resolution, classes)
