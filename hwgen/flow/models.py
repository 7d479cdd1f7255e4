"""`hwgen models`: every network of the zoo, what it takes, and how fast it would be on a board."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

from platformdirs import user_cache_path

from hwgen.cli.console import Console
from hwgen.compiler.frontend import zoo
from hwgen.compiler.transforms import simplify
from hwgen.errors import HwgenError
from hwgen.flow.request import Request
from hwgen.flow.steps import digest, source_digest, write_atomically
from hwgen.reports.tables import rendered

if TYPE_CHECKING:
    from hwgen.compiler.frontend.zoo import Options
    from hwgen.compiler.graph.graph import Graph

PLAN, ESTIMATE = "plan", "estimate"
"""Where a prediction comes from: the timing model, exact but for the wait for an image's rows; or a sum over the passes."""

_CELL = 60  # characters of an error in the table


@dataclass(frozen=True)
class Prediction:
    """Of a frame on a board.

    Attributes:
        method: `PLAN` or `ESTIMATE`.
        cycles: of a frame.
        compute: of them those inside passes, which is what is left when nothing waits for weights.
        fps: frames per second.
        array: rows and columns.
        utilisation: multiply-accumulates of the array's layers over what the array could do in the `compute` cycles.
        problem: why there is none, in one line; everything else is empty then.
    """

    method: str
    cycles: int = 0
    compute: int = 0
    fps: float = 0.0
    array: tuple[int, int] = (0, 0)
    utilisation: float = 0.0
    problem: str = ""


@dataclass(frozen=True)
class Model:
    """A network of the zoo at one of its published sizes.

    Attributes:
        name: with its options, as a build of it is called.
        network, options: as on the command line.
        input: height, width, channels.
        macs: of a frame.
        weights: without biases.
        peak_tensor: bytes of the largest int8 tensor.
        paper: where the network is from.
        prediction: on the board.
    """

    name: str
    network: str
    options: dict[str, float | int | str]
    input: tuple[int, ...]
    macs: int
    weights: int
    peak_tensor: int
    paper: str
    prediction: Prediction

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON types."""
        return asdict(self)


def list_models(
    names: Sequence[str], board: str, clock_mhz: float | None, *, plan: bool, console: Console
) -> list[Model]:
    """The networks of these names, of none all, with what is known of them; with `plan` everything that is not yet is planned.

    Predictions are kept in the user's cache until the sources change.

    Raises:
        HwgenError: there is no such network, board or clock.
    """
    networks = [zoo.find(name) for name in names] or [zoo.NETWORKS[name] for name in zoo.names()]
    Request("", board=board, clock_mhz=clock_mhz).resolve()
    cache = _Cache(source_digest("boards", "compiler", "hw", "sim"))
    return [
        _model(network, options, _request(network, options, board, clock_mhz), cache, plan, console)
        for network in networks
        for options in network.sizes()
    ]


def requests(board: str) -> list[Request]:
    """The whole zoo, every network at each of its published sizes, at the board's default clock."""
    return [
        _request(zoo.NETWORKS[name], options, board, None)
        for name in zoo.names()
        for options in zoo.NETWORKS[name].sizes()
    ]


def _request(network: zoo.Network, options: Options, board: str, clock_mhz: float | None) -> Request:
    """What asks for a network at one of its sizes."""
    return replace(Request(network.name, board, clock_mhz=clock_mhz), **_size(options))


def _size(options: Options) -> dict[str, Any]:
    return {name: value for name, value in asdict(options).items() if value}


def _model(
    network: zoo.Network, options: Options, request: Request, cache: _Cache, plan: bool, console: Console
) -> Model:
    size = _size(options)
    graph = network.define(options)

    def found(method: str, make: Callable[[], Prediction]) -> Prediction:
        key = digest(method, request.board, str(request.clock_mhz), str(sorted(size.items())), network.name)
        if (known := cache.read(key)) is not None:
            return known
        if method == PLAN and not plan:
            return found(ESTIMATE, lambda: _estimated(graph, request))
        with console.step(f"{request.name}: {method}"):
            try:
                made = make()
            except HwgenError as error:
                made = Prediction(method, problem=" ".join(str(error).split()))
        cache.write(key, made)
        return made

    return Model(
        name=request.name,
        network=network.name,
        options=size,
        input=graph.input.shape,
        macs=graph.macs,
        weights=graph.weight_count,
        peak_tensor=max(prod(node.shape) for node in simplify(graph).nodes),
        paper=network.paper,
        prediction=found(PLAN, lambda: _planned(request)),
    )


def _planned(request: Request) -> Prediction:
    from hwgen.flow.build import make_plan, read_network

    quiet = Console(quiet=True)
    graph = read_network(request, quiet)
    _, plan, _, _ = make_plan(request, quiet, graph)
    compute = sum(entry.cycles for entry in plan.passes)
    array = (plan.config.rows, plan.config.cols)
    return Prediction(
        PLAN, plan.cycles, compute, plan.fps, array, graph.array_macs / (compute * plan.config.macs_per_cycle)
    )


def _estimated(graph: Graph, request: Request) -> Prediction:
    from hwgen.compiler.legalise import legalise
    from hwgen.compiler.plan.quick_estimate import quick_estimate
    from hwgen.compiler.quantise.structure import structure

    board, pll = request.resolve()
    network = structure(graph)
    guess = quick_estimate(legalise(network), board.part)
    array = (guess.rows, guess.cols)
    return Prediction(
        ESTIMATE,
        guess.cycles,
        guess.compute,
        float(pll.output_hz) / guess.cycles,
        array,
        network.array_macs / (guess.compute * guess.rows * guess.cols),
    )


class _Cache:
    """Predictions by key, in `models` of the user's cache folder; none are kept where that cannot be written.

    Parameters:
        sources: digest of everything that a prediction depends on; those of other sources are not found.
    """

    def __init__(self, sources: str) -> None:
        self._folder = user_cache_path("hwgen", appauthor=False) / "models" / sources[:16]

    def read(self, key: str) -> Prediction | None:
        """What is known; None for nothing, or a damaged file."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            entry = json.loads((self._folder / key).read_text())
            return Prediction(**{**entry, "array": (entry["array"][0], entry["array"][1])})
        return None

    def write(self, key: str, value: Prediction) -> None:
        """Keep a prediction."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._folder / key, json.dumps(asdict(value)))


HEADINGS = ("network", "input", "MMAC", "weights", "peak tensor", "array", "cycles", "frame/s", "utilisation")


def _cells(model: Model) -> list[str]:
    """A line of the table; what is estimated bears a "~"."""
    found = model.prediction
    cells = [
        model.name,
        "x".join(map(str, model.input)),
        f"{model.macs / 1e6:.1f}",
        f"{model.weights / 1e6:.3f} M",
        f"{model.peak_tensor / 1024:.0f} KiB",
    ]
    if found.problem:
        text = found.problem if len(found.problem) <= _CELL else f"{found.problem[:_CELL]} ..."
        return [*cells, text, "", "", ""]
    about = "~" if found.method == ESTIMATE else ""
    rows, cols = found.array
    return [
        *cells,
        f"{rows} x {cols}",
        f"{about}{found.cycles:,}",
        f"{about}{found.fps:.1f}",
        f"{about}{found.utilisation:.0%}",
    ]


def table(models: Sequence[Model]) -> str:
    """For people, on a terminal of any width."""
    from rich import box
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, heading in enumerate(HEADINGS):
        grid.add_column(heading, justify="left" if number < 2 else "right", no_wrap=True)
    for model in models:
        grid.add_row(*_cells(model))
    lines = [line.rstrip() for line in rendered(grid, width=200).strip("\n").splitlines()]
    return "\n".join([*lines, *_notes(models)])


def markdown(models: Sequence[Model]) -> str:
    """The same table in Markdown."""
    lines = [HEADINGS, ["---"] * len(HEADINGS), *(_cells(model) for model in models)]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", *_notes(models)])


def _notes(models: Sequence[Model]) -> Iterator[str]:
    yield (
        "Utilisation: multiply-accumulates of the layers that the array computes, over rows x columns x the cycles inside passes "
        "(waits for weights not counted)."
    )
    if any(model.prediction.method == ESTIMATE for model in models):
        yield "~ estimated from the passes; --plan plans these networks (minutes) and keeps the results."
