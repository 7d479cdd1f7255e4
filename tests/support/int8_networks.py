"""Int8 networks in one call."""

from __future__ import annotations

from hwgen.compiler.frontend.load import load, quantiser_options
from hwgen.compiler.frontend.options import STANDARD, NetworkOptions
from hwgen.compiler.int8.graph import QGraph


def load_network(name: str, options: NetworkOptions = STANDARD) -> QGraph:
    """The int8 graph of a network of the zoo or of a model's file, quantised unless it is; ModelError as of `load`."""
    network = load(name, options)
    return network if isinstance(network, QGraph) else network.quantised(quantiser_options(options)).network
