"""How well an int8 network follows the float one, tensor by tensor and at its end."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from hwgen.reports.tables import fitted, rendered

WEAKEST = 5
"""Layers that are listed."""


@dataclass(frozen=True)
class TensorQuality:
    """One tensor of the network over all images.

    Attributes:
        name, op: of the node that makes it.
        snr_db: mean square of the float values over that of the difference, dB; None where one of them is 0.
        rounding_db: the same for the float values rounded to the tensor's int8 values, all before it exact.
        saturated: share of the float values that lie beyond the int8 range.
        steps: root mean square of the float values in steps of the tensor's scale.
        uneven: greatest magnitude of the widest channel over that of the median channel.
        widened: common range of the tensors that share the scale over the range of this one.
        lost_db: how much less the ratio is than that of the noisiest input; None where there is none.
        reason: why the ratio is no better, in words.
    """

    name: str
    op: str
    snr_db: float | None
    rounding_db: float | None
    saturated: float
    steps: float
    uneven: float
    widened: float
    lost_db: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Quality:
    """A whole network.

    Attributes:
        tensors: in execution order.
        snr_db: of the output against the float network as it was given; None where it cannot be told.
        top1: share of the images of which both find the same class; None for an output that is no vector of classes.
        top5: share of the images whose float class is among the five best of the int8 network; likewise.
        images: how many.
    """

    tensors: tuple[TensorQuality, ...]
    snr_db: float | None
    top1: float | None
    top5: float | None
    images: int

    @property
    def weakest(self) -> list[TensorQuality]:
        """Tensors with a ratio, the worst first."""
        return sorted(
            (entry for entry in self.tensors if entry.snr_db is not None), key=lambda entry: entry.snr_db or 0
        )

    @property
    def losses(self) -> list[TensorQuality]:
        """Tensors that are noisier than everything they are made of, the greatest loss first."""
        return sorted(
            (entry for entry in self.tensors if (entry.lost_db or 0) > 0), key=lambda entry: -(entry.lost_db or 0)
        )


@dataclass(frozen=True)
class QualityReport:
    """How an int8 network compares with the float one, and what it was made of.

    Attributes:
        name: of the network with its options.
        weights: where they are from.
        calibrated: on what, and how.
        measured: on which images.
        changes: what was done to the weights.
        notes: what was odd but harmless, such as images left out.
        quality: the figures.
    """

    name: str
    weights: str
    calibrated: str
    measured: str
    changes: tuple[str, ...]
    notes: tuple[str, ...]
    quality: Quality

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON types."""
        return asdict(self)

    def text(self, *, layers: bool, width: int | None = None) -> str:
        """For people: the end-to-end figures and the weakest layers; all of them with `layers`, in a table of at most `width`."""
        quality = self.quality
        lines = [f"note: {note}" for note in self.notes]
        lines += [
            f"{self.name}: int8, weights: {self.weights}",
            f"calibrated on {self.calibrated}" + "".join(f"; {change}" for change in self.changes),
            f"measured on {self.measured}",
            f"output: {_ratio(quality.snr_db)} signal to noise against the float network",
        ]
        if quality.top1 is not None and quality.top5 is not None:
            lines.append(
                f"same class as the float network: {_share(quality.top1, quality.images)}; "
                f"float class among the five best: {_share(quality.top5, quality.images)}"
            )
        if layers:
            lines += ["", _table(quality.tensors, width).rstrip("\n")]
        lines += ["", f"weakest of {len(quality.tensors)} tensors:"]
        lines += [f"  {entry.name} ({_ratio(entry.snr_db)}): {entry.reason}" for entry in quality.weakest[:WEAKEST]]
        lines += ["", "greatest losses from input to output:"]
        lines += [
            f"  {entry.name} ({-(entry.lost_db or 0):.1f} dB): {entry.reason}" for entry in quality.losses[:WEAKEST]
        ]
        return "\n".join(lines)


def _ratio(decibels: float | None) -> str:
    return "exact" if decibels is None else f"{decibels:.1f} dB"


def _share(share: float, images: int) -> str:
    return f"{round(share * images)} of {images} images"


def _table(tensors: tuple[TensorQuality, ...], width: int | None) -> str:
    import rich.box
    import rich.table

    table = rich.table.Table(box=rich.box.SIMPLE_HEAD)
    for column in ("tensor", "operation"):
        table.add_column(column, overflow="fold")
    for column in ("SNR dB", "rounding alone", "saturated", "steps rms", "widest / median channel"):
        table.add_column(column, justify="right")
    for entry in tensors:
        table.add_row(
            entry.name,
            entry.op,
            "exact" if entry.snr_db is None else f"{entry.snr_db:.1f}",
            "exact" if entry.rounding_db is None else f"{entry.rounding_db:.1f}",
            f"{100 * entry.saturated:.2f} %",
            f"{entry.steps:.1f}",
            f"{entry.uneven:.1f}",
        )
    table = fitted(table, width, ["widest / median channel", "steps rms", "saturated", "rounding alone"])
    return rendered(table, width or 120)
