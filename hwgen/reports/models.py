"""The networks of the zoo: what each takes, and how fast it would be on a board."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hwgen.reports.elements import array_text
from hwgen.reports.tables import fitted, rendered

PLAN, ESTIMATE = "plan", "estimate"
"""Where a prediction comes from: the timing model, exact but for the wait for an image's rows; or a sum over the passes."""

_CELL = 60  # characters of an error in the table


@dataclass(frozen=True)
class Speed:
    """Of a frame on a board.

    Attributes:
        method: `PLAN` or `ESTIMATE`.
        cycles: of a frame.
        compute: of them those inside passes, which is what is left when nothing waits for weights.
        fps: frames per second.
        array: rows, columns and steps of K a cycle.
        utilisation: multiply-accumulates of the array's layers over what the array could do in the `compute` cycles.
        problem: why there is none, in one line; everything else is empty then.
    """

    method: str
    cycles: int = 0
    compute: int = 0
    fps: float = 0.0
    array: tuple[int, ...] = (0, 0, 0)
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
    prediction: Speed

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON types."""
        return asdict(self)


HEADINGS = ("network", "input", "MMAC", "weights", "peak tensor", "array", "cycles", "frame/s", "utilisation")


_LEAST_WANTED = ("peak tensor", "array", "utilisation", "weights", "MMAC", "cycles", "input")


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
    return [
        *cells,
        array_text(found.array),
        f"{about}{found.cycles:,}",
        f"{about}{found.fps:.1f}",
        f"{about}{found.utilisation:.0%}",
    ]


def table(models: Sequence[Model], width: int | None = None) -> str:
    """For people, in lines of at most `width` characters; None: as long as they come."""
    from rich import box
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, heading in enumerate(HEADINGS):
        grid.add_column(heading, justify="left" if number < 2 else "right", no_wrap=True)
    for model in models:
        grid.add_row(*_cells(model))
    grid = fitted(grid, width, _LEAST_WANTED)
    lines = [line.rstrip() for line in rendered(grid, width or 200).strip("\n").splitlines()]
    return "\n".join([*lines, *_notes(models)])


def markdown(models: Sequence[Model]) -> str:
    """The same table in Markdown."""
    lines = [HEADINGS, ["---"] * len(HEADINGS), *(_cells(model) for model in models)]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", *_notes(models)])


def _notes(models: Sequence[Model]) -> Iterator[str]:
    yield (
        "Utilisation: multiply-accumulates of the layers that the array computes, over what the array could do in the cycles inside passes "
        "(waits for weights not counted)."
    )
    if any(model.prediction.method == ESTIMATE for model in models):
        yield "~ estimated from the passes; --plan plans these networks (minutes) and keeps the results."
