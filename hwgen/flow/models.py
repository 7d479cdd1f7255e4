"""Every network of the zoo, what it takes, and how fast it would be on a board."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from math import prod
from typing import TYPE_CHECKING, Any

from hwgen.compiler.frontend import zoo
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.transforms import simplify
from hwgen.digests import digest, source_digest
from hwgen.errors import HwgenError
from hwgen.files import write_file
from hwgen.flow.cache import cache_folder
from hwgen.flow.network import load
from hwgen.flow.plan import plan_for
from hwgen.flow.progress import Listener, step
from hwgen.flow.source import NetworkSource
from hwgen.flow.target import Target
from hwgen.reports.models import ESTIMATE, PLAN, Model, Speed

if TYPE_CHECKING:
    from hwgen.compiler.graph.graph import Graph


def list_models(
    names: Sequence[str] = (),
    *,
    board: str = "ulx3s",
    clock_mhz: float | None = None,
    plan: bool = False,
    progress: Listener | None = None,
) -> list[Model]:
    """The networks of the zoo at their published sizes, with what is known of them on a board.

    Predictions are kept in the user's cache until the sources change.

    Args:
        names: of networks; none: all.
        board: name of the board.
        clock_mhz: of the machine, MHz; None: the board's default.
        plan: plan what is not yet planned, which takes minutes, instead of an estimate.
        progress: is told about the steps.

    Raises:
        HwgenError: there is no such network, board or clock.
    """
    networks = [zoo.find(name) for name in names] or [zoo.NETWORKS[name] for name in zoo.names()]
    target = Target(board, clock_mhz)
    target.resolve()
    cache = _Cache(source_digest("boards", "compiler", "hw", "sim"))
    return [
        _model(network, options, target, cache, plan, progress) for network in networks for options in network.sizes()
    ]


def published() -> Iterator[NetworkSource]:
    """The whole zoo, every network at each of its published sizes."""
    for name in zoo.names():
        for options in zoo.NETWORKS[name].sizes():
            yield NetworkSource(name, NetworkOptions(**_size(options)))


def _size(options: zoo.Options) -> dict[str, Any]:
    return {name: value for name, value in asdict(options).items() if value}


def _model(
    network: zoo.Network, options: zoo.Options, target: Target, cache: _Cache, plan: bool, progress: Listener | None
) -> Model:
    size, board = _size(options), target.resolve()[0].name
    source = NetworkSource(network.name, NetworkOptions(**size))
    graph = network.define(options)

    def found(method: str, make: Callable[[], Speed]) -> Speed:
        key = digest(method, board, str(target.clock_mhz), str(sorted(size.items())), network.name)
        if (known := cache.read(key)) is not None:
            return known
        if method == PLAN and not plan:
            return found(ESTIMATE, lambda: _estimated(graph, target))
        with step(progress, f"{source.name}: {method}"):
            try:
                made = make()
            except HwgenError as error:
                made = Speed(method, problem=" ".join(str(error).split()))
        cache.write(key, made)
        return made

    return Model(
        name=source.name,
        network=network.name,
        options=size,
        input=graph.input.shape,
        macs=graph.macs,
        weights=graph.weight_count,
        peak_tensor=max(prod(node.shape) for node in simplify(graph).nodes),
        paper=network.paper,
        prediction=found(PLAN, lambda: _planned(source, target)),
    )


def _planned(source: NetworkSource, target: Target) -> Speed:
    found = plan_for(load(source.text, source.options), target)
    machine = found.machine
    compute = sum(entry.cycles for entry in machine.passes)
    utilisation = found.network.graph.array_macs / (compute * machine.config.macs_per_cycle)
    return Speed(PLAN, machine.cycles, compute, machine.fps, machine.config.array, utilisation)


def _estimated(graph: Graph, target: Target) -> Speed:
    from hwgen.compiler.legalise import legalise
    from hwgen.compiler.plan.quick_estimate import quick_estimate
    from hwgen.compiler.quantise.structure import structure

    board, clock = target.resolve()
    network = structure(graph)
    guess = quick_estimate(legalise(network), board.part, target.k_steps)
    return Speed(
        ESTIMATE,
        guess.cycles,
        guess.compute,
        float(clock.output_hz) / guess.cycles,
        guess.array,
        network.array_macs / (guess.compute * prod(guess.array)),
    )


class _Cache:
    """Predictions by key, in `models` of the user's cache folder; none are kept where that cannot be written.

    Parameters:
        sources: digest of everything that a prediction depends on; those of other sources are not found.
    """

    def __init__(self, sources: str) -> None:
        self._folder = cache_folder("models") / sources[:16]

    def read(self, key: str) -> Speed | None:
        """What is known; None for nothing, or a damaged file."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            entry = json.loads((self._folder / key).read_text())
            return Speed(**{**entry, "array": tuple(entry["array"])})
        return None

    def write(self, key: str, value: Speed) -> None:
        """Keep a prediction."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            write_file(self._folder / key, json.dumps(asdict(value)))
