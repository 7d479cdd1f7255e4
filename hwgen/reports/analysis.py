"""Networks side by side: what the papers count of them, and what their cycles on a board go to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hwgen.reports.causes import CAUSES, Causes
from hwgen.reports.tables import fitted, rendered

if TYPE_CHECKING:
    from rich.table import Table

SCHEMA_VERSION = 1

_WIDTH = 200
_LEAST_WANTED = (
    "between",
    "drain",
    "passes",
    "read KB",
    "written KB",
    "parallel",
    "depthwise",
    "output",
    "fill",
    "params",
    "operators",
    "elementw.",
    "MAC/cycle",
)
"""Columns to go where a line has no room for all, the first to go first."""

_NAME = 48  # characters of the first column


@dataclass(frozen=True)
class Layer:
    """What runs together: the layers of one or of several passes. Figures are those of the network as it is written, before the compiler
    rewrites it; cycles are the board's.

    Attributes:
        name: of its layers, in order.
        layers: names of the network's operations.
        kinds: what each of them is (`hwgen.compiler.int8.access`).
        parameters: weights without biases.
        macs: multiply-accumulates of a frame.
        read, written: bytes, by memory access cost as ShuffleNet v2 counts it: every operation for itself.
        passes: of the machine.
        cycles: predicted, by cause.
    """

    name: str
    layers: tuple[str, ...]
    kinds: tuple[str, ...]
    parameters: int
    macs: int
    read: int
    written: int
    passes: int
    cycles: Causes

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: multiply-accumulates for a byte of memory access cost."""
        return self.macs / max(1, self.read + self.written)


@dataclass(frozen=True)
class Analysis:
    """A network on a board.

    Attributes:
        name: of the network with its options.
        board: its name.
        clock_mhz: of the machine.
        array: rows, columns and steps of K a cycle.
        input: height, width, channels.
        parameters, macs, read, written: as of `Layer`, of the whole network.
        elementwise: share of the memory access cost that operations without weights and windows have (sums, products, tables), 0 to 1.
        depthwise: share of it that depthwise convolutions have.
        operators: convolutions and pools, ShuffleNet v2's fragments.
        chain: of them on the longest way through the network.
        utilisation: multiply-accumulates of the array over what it could do in all cycles of a frame.
        fps: frames per second, one after the other.
        cycles: of a frame, by cause.
        layers: in execution order.
    """

    name: str
    board: str
    clock_mhz: float
    array: tuple[int, ...]
    input: tuple[int, int, int]
    parameters: int
    macs: int
    read: int
    written: int
    elementwise: float
    depthwise: float
    operators: int
    chain: int
    utilisation: float
    fps: float
    cycles: Causes
    layers: tuple[Layer, ...]

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: multiply-accumulates for a byte of memory access cost."""
        return self.macs / (self.read + self.written)

    @property
    def parallel(self) -> float:
        """Fragments side by side: operators over those of the longest chain; 1 for a network without branches."""
        return self.operators / max(1, self.chain)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON types."""
        entries = asdict(self)
        entries |= {"intensity": self.intensity, "parallel": self.parallel, "total_cycles": self.cycles.total}
        for entry, layer in zip(entries["layers"], self.layers, strict=True):
            entry |= {"intensity": layer.intensity, "total_cycles": layer.cycles.total}
        return {"schema": SCHEMA_VERSION} | entries


def text(found: Sequence[Analysis], width: int | None = None, *, layers: bool = True) -> str:
    """For people, in lines of at most `width` characters; None: as long as they come. With `layers` a table of each network's."""
    tables = [_sizes(found), _cycles(found)]
    if layers:
        tables += [_layers(one) for one in found]
    board = f"{found[0].board}, {found[0].clock_mhz:g} MHz"
    return (
        board
        + "\n\n"
        + "\n".join(rendered(fitted(one, width, _LEAST_WANTED), width or _WIDTH).rstrip() for one in tables)
    )


def _table(title: str, first: str, headings: Sequence[str]) -> Table:
    from rich import box
    from rich.table import Table

    made = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    made.add_column(first, no_wrap=True, max_width=_NAME)
    for heading in headings:
        made.add_column(heading, justify="right", no_wrap=True)
    return made


def _sizes(found: Sequence[Analysis]) -> Table:
    headings = ("params", "MMAC", "access MB", "MAC/B", "elementw.", "depthwise", "operators", "parallel", "frame/s")
    made = _table("Networks", "network", headings)
    for one in found:
        made.add_row(
            one.name,
            f"{one.parameters / 1e6:.2f} M",
            f"{one.macs / 1e6:.1f}",
            f"{(one.read + one.written) / 1e6:.2f}",
            f"{one.intensity:.1f}",
            f"{one.elementwise:.0%}",
            f"{one.depthwise:.0%}",
            str(one.operators),
            f"{one.parallel:.2f}",
            f"{one.fps:.1f}",
        )
    return made


def _cycles(found: Sequence[Analysis]) -> Table:
    made = _table("Cycles of a frame by cause", "network", ["cycles", "MAC/cycle", *CAUSES])
    for one in found:
        shares = asdict(one.cycles)
        total = one.cycles.total
        made.add_row(
            one.name, f"{total:,}", f"{one.macs / total:.1f}", *(f"{shares[name] / total:.0%}" for name in CAUSES)
        )
    return made


def _layers(one: Analysis) -> Table:
    headings = ("params", "kMAC", "read KB", "written KB", "MAC/B", "passes", "cycles", *CAUSES)
    made = _table(f"Layers of {one.name}", "layers", headings)
    for layer in one.layers:
        total, shares = layer.cycles.total, asdict(layer.cycles)
        made.add_row(
            layer.name,
            f"{layer.parameters:,}",
            f"{layer.macs / 1e3:,.0f}",
            f"{layer.read / 1e3:,.0f}",
            f"{layer.written / 1e3:,.0f}",
            f"{layer.intensity:.1f}",
            str(layer.passes),
            f"{total:,}",
            *(f"{shares[name] / total:.0%}" if total else "" for name in CAUSES),
        )
    return made
