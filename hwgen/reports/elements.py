"""What reports say of each element of a core, by its name in `hwgen.hw.isa.elements`: columns of a search, lines of a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from hwgen.hw.isa.config import BANKS, WORD_BYTES, CoreConfig
from hwgen.hw.isa.elements import Nothing

if TYPE_CHECKING:
    from hwgen.compiler.plan.result import Plan


@dataclass(frozen=True)
class Column:
    """An element in the table of a search.

    Attributes:
        title: of the column.
        figures: numbers for programs, by name.
        text: for people, with the figures' values in their order.
    """

    title: str
    figures: Mapping[str, Callable[[CoreConfig], int]]
    text: str = "{}"

    def cell(self, figures: Mapping[str, int]) -> str:
        """What the table shows, from the figures of a whole core."""
        return self.text.format(*(figures[name] for name in self.figures))


@dataclass(frozen=True)
class Reported:
    """What reports say of an element.

    Attributes:
        column: of a search, or why there is none.
        lines: of a plan's totals: name and value; none where the core does not have it.
    """

    column: Column | Nothing
    lines: Callable[[Plan], tuple[tuple[str, str], ...]]


def array_text(array: Sequence[int]) -> str:
    """An array's rows, columns and steps of K a cycle, whose product is its multiply-accumulates a cycle; a single step is not told."""
    rows, cols, *steps = array
    return " x ".join(map(str, [rows, cols, *(count for count in steps if count > 1)]))


def _array(plan: Plan) -> tuple[tuple[str, str], ...]:
    config = plan.config
    return (("array", f"{array_text(config.array)}, accumulators of {config.acc_bits} bits"),)


def _collector(plan: Plan) -> tuple[tuple[str, str], ...]:
    config = plan.config
    return (("requantisers of the array", f"{config.lanes}, clamps of {config.array_clamp_bits} bits"),)


def _window(plan: Plan) -> tuple[tuple[str, str], ...]:
    config = plan.config
    if not config.window:
        return (("window", "none: no pass needs it"),)
    return (("window", f"{config.window_lanes} lanes, clamps of {config.window_clamp_bits} bits"),)


def _combine(plan: Plan) -> tuple[tuple[str, str], ...]:
    config = plan.config
    if not config.combine_lanes:
        return ()
    operations = "sums and products" if config.combine_multiply else "sums"
    return (("combine lanes", f"{config.combine_lanes}, for {operations} of tensors"),)


def _weight_memory(plan: Plan) -> tuple[tuple[str, str], ...]:
    place = "block RAM, in the bitstream: no SDRAM" if plan.on_chip else "SDRAM, streamed"
    return (("weights", place), ("weight memory", f"{_weights_kib(plan.config)} KiB"))


def _weights_kib(config: CoreConfig) -> int:
    return config.weight_depth * config.cols // 1024


def _activation_memory(plan: Plan) -> tuple[tuple[str, str], ...]:
    live = plan.fit.peak * WORD_BYTES / 1024
    return (("activations", f"{live:.1f} KiB live at most, {_activations_kib(plan.config)} KiB"),)


def _activations_kib(config: CoreConfig) -> int:
    return config.activation_depth * BANKS * WORD_BYTES // 1024


_SAME = Nothing("the same in all cores of a network")
_FOLLOWS = Nothing("follows from the array")

REPORTED: Mapping[str, Reported | Nothing] = MappingProxyType(
    {
        "array": Reported(
            Column(
                "array",
                {"rows": lambda core: core.rows, "cols": lambda core: core.cols, "k_steps": lambda core: core.k_steps},
                "{} x {} x {}",
            ),
            _array,
        ),
        "collector": Reported(_FOLLOWS, _collector),
        "window": Reported(Column("window", {"window_lanes": lambda core: core.window * core.window_lanes}), _window),
        "combine": Reported(Column("combine", {"combine_lanes": lambda core: core.combine_lanes}), _combine),
        "weight_memory": Reported(Column("weights", {"weights_kib": _weights_kib}, "{} KiB"), _weight_memory),
        "activation_memory": Reported(
            Column("activations", {"activations_kib": _activations_kib}, "{} KiB"), _activation_memory
        ),
        "fetch": _SAME,
        "pixel_ring": _FOLLOWS,
        "tables": _SAME,
        "operand": _SAME,
        "writer": _FOLLOWS,
        "row_writer": _SAME,
        "sequencer": _SAME,
        "counters": _SAME,
        "dma": _SAME,
        "sdram": _SAME,
        "host": _SAME,
    }
)
"""Every element's columns and lines in the order in which they are shown, or why it has none."""


def columns() -> list[Column]:
    """Columns of all elements."""
    entries = [entry for entry in REPORTED.values() if not isinstance(entry, Nothing)]
    return [entry.column for entry in entries if not isinstance(entry.column, Nothing)]


def figures(config: CoreConfig) -> dict[str, int]:
    """Numbers of a core for programs, those of all columns."""
    return {name: value(config) for column in columns() for name, value in column.figures.items()}


def lines(plan: Plan) -> Iterator[tuple[str, str]]:
    """What a plan's totals say of the core's elements."""
    for entry in REPORTED.values():
        if not isinstance(entry, Nothing):
            yield from entry.lines(plan)
