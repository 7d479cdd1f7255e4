"""`hwgen quantise`: how well the int8 network follows the float one, layer by layer and at its end."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwgen.cli.console import Console
from hwgen.errors import ModelError
from hwgen.flow.quality import Quality, TensorQuality, measure
from hwgen.reports.tables import rendered

if TYPE_CHECKING:
    from hwgen.flow.request import Request

WEAKEST = 5


@dataclass(frozen=True)
class Report:
    """Result of `hwgen quantise`.

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

    def text(self, *, layers: bool) -> str:
        """For people: the end-to-end figures and the weakest layers; all of them with `layers`."""
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
            lines += ["", _table(quality.tensors).rstrip("\n")]
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


def _table(tensors: tuple[TensorQuality, ...]) -> str:
    import rich.box
    import rich.console
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
    return rendered(table, width=120)


def quantise(request: Request, console: Console, images: Path | None = None) -> Report:
    """Quantise a float network and compare it with what it was made of, on `images` (a folder or a file; None: those that it was
    calibrated on).

    Raises:
        HwgenError: the network, its weights or the images are wrong.
    """
    from hwgen.compiler.frontend.load import load_float, read_inputs

    if request.file is not None and request.file.suffix.lower() == ".tflite":
        raise ModelError(
            f"{request.network}: a .tflite file is quantised already; `hwgen verify` compares it with an interpreter"
        )
    chosen = request.quantiser
    options = {name: value for name, value in request.options.items() if name not in asdict(chosen)}
    with console.step("network"):
        network = load_float(request.network, **options)  # type: ignore[arg-type]
    with console.step("quantiser"):
        made = network.quantised(chosen)
    notes = list(network.notes)
    measured, inputs = f"these {network.calibrated}", network.inputs
    if images is not None:
        inputs = read_inputs(network, images, notes)
        measured = f"{len(inputs)} images of {images}"
    with console.step("comparison"):
        quality = measure(made, inputs)
    return Report(
        name=request.name,
        weights=network.weights.provenance,
        calibrated=f"{network.calibrated}, {chosen.calibration}",
        measured=measured,
        changes=made.changes,
        notes=tuple(notes),
        quality=quality,
    )
