"""A network's operations and shapes, without its weights: enough for its costs and its plan, in a moment."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from hwgen.compiler.frontend.options import SIZE, NetworkOptions
from hwgen.errors import ModelError
from hwgen.flow.source import NetworkSource

if TYPE_CHECKING:
    from hwgen.compiler.int8.graph import QGraph

_KINDS = {"width": float, "resolution": int, "classes": int, "groups": int, "variant": str}


def parse_network(text: str) -> NetworkSource:
    """A network as it is written where several are named: `NAME`, `NAME:width=0.5,resolution=160`, or a file.

    Raises:
        ModelError: there is no such option, or its value is no number.
    """
    plain = NetworkSource(text)
    name, colon, given = text.partition(":")
    if plain.file is not None or not colon:
        return plain
    options: dict[str, Any] = {}
    for entry in given.split(","):
        key, _, value = (part.strip() for part in entry.partition("="))
        if key not in SIZE:
            raise ModelError(
                f"{text}: no option {key!r} of a network; write NAME:width=0.5,resolution=160 with {_listed()}"
            )
        try:
            options[key] = _KINDS[key](value)
        except ValueError:
            raise ModelError(f"{text}: {key} must be a number, not {value!r}") from None
    return NetworkSource(name, NetworkOptions(**options))


def _listed() -> str:
    return ", ".join(entry.name for entry in fields(NetworkOptions) if entry.name in SIZE)


def structure_of(source: NetworkSource) -> QGraph:
    """The int8 graph of a network. Its operations and shapes, and so its cycles, are those of the quantised network; its numbers are not,
    unless they are in the file.

    Raises:
        ModelError, UnsupportedOpError: as of `hwgen.load`.
    """
    from hwgen.compiler.frontend import load as frontend
    from hwgen.compiler.frontend import zoo
    from hwgen.compiler.int8.graph import QGraph
    from hwgen.compiler.quantise.structure import structure

    if source.file is None:
        network = zoo.find(source.text)
        given = {name: getattr(source.options, name) for name in SIZE}
        return structure(network.define(network.options(**given)))
    loaded = frontend.load(source.text, source.options)
    return loaded if isinstance(loaded, QGraph) else structure(loaded.graph)
