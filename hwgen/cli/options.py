"""The options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import click

from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.flow.target import AUTO, BEST_BATCH, CORE_CLOCK, SDRAM_CLOCKS
from hwgen.hw.isa.config import K_STEPS

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.Path(path_type=Path)


def _network_option(field: Field[Any], hint: Any) -> Callable[[F], F]:
    """The option of a field of `NetworkOptions`: its name, default and help text, and what its type allows."""
    kinds = get_args(hint) or (hint,)
    kind: click.ParamType[Any] | type
    if choices := [choice for one in kinds for choice in get_args(one) if get_origin(one) is Literal]:
        kind = click.Choice(choices)
    elif "minimum" in field.metadata:
        kind = click.IntRange(field.metadata["minimum"])
    else:
        kind = FILE if Path in kinds else next(one for one in (int, float, str) if one in kinds)
    assert field.default is not MISSING
    return click.option(
        f"--{field.name.replace('_', '-')}",
        type=kind,
        default=field.default,
        show_default=field.default is not None,
        help=field.metadata["help"],
    )


_HINTS = get_type_hints(NetworkOptions)

NETWORK: Sequence[Callable[..., Any]] = [
    click.argument("network"),
    *(_network_option(field, _HINTS[field.name]) for field in fields(NetworkOptions)),
]
"""The argument NETWORK and the options that say which network is meant."""

BOARD: Sequence[Callable[..., Any]] = [
    click.option("--board", default="ulx3s", show_default=True, help="Board."),
    click.option("--clock", "clock_mhz", type=float, help="Clock, MHz; default: the board's."),
]

MACHINE: Sequence[Callable[..., Any]] = [
    click.option(
        "--throughput",
        is_flag=False,
        flag_value=str(BEST_BATCH),
        type=int,
        metavar="[FRAMES]",
        help="Batches of frames that share the late passes' weights, of 2 to 32; without a number: as many as are worth it.",
    ),
    click.option(
        "--k-steps",
        type=click.Choice([*map(str, K_STEPS), AUTO]),
        default="1",
        show_default=True,
        callback=lambda context, option, value: None if value == AUTO else int(value),
        help="Multiply-accumulates of each multiplier of the array in a cycle; auto: what suits network and board.",
    ),
    click.option(
        "--sdram-clock",
        type=click.Choice(SDRAM_CLOCKS),
        default=CORE_CLOCK,
        show_default=True,
        help="Clock of the SDRAM: the core's, or its own, the fastest that the memory allows beside the core.",
    ),
    click.option("--fastest", is_flag=True, help="Take the core of the fewest cycles that `plan --search` shows."),
]

JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
OUT = click.option("--out", type=FILE, help="Folder of the results; default: build/<name>.")
OUTPUT = click.option("--output", type=FILE, help="Write the model's output to this .npy file.")
LABELS = click.option("--labels", type=FILE, help="Names of the classes, one a line: print the top 5.")


def network_options(command: F) -> F:
    """The options of commands that know a network only."""
    return _with(command, [*NETWORK, JSON])


def machine_options(command: F) -> F:
    """The options of commands that know what the machine runs too."""
    return _with(command, [*NETWORK, *BOARD, *MACHINE, JSON])


def _with(command: F, options: Sequence[Callable[..., Any]]) -> F:
    for option in reversed(options):
        command = option(command)
    return command
