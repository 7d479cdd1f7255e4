"""How far an int8 network is from the float network it was made of, tensor by tensor, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hwgen.compiler.int8 import arithmetic
from hwgen.compiler.quantise.calibrate import float_tensors
from hwgen.compiler.quantise.quantiser import Quantised
from hwgen.compiler.quantise.scales import clamped
from hwgen.errors import ModelError
from hwgen.flow.network import Network
from hwgen.flow.progress import Listener, step
from hwgen.reports.prediction import TOP
from hwgen.reports.quality import Quality, QualityReport, TensorQuality
from hwgen.sim import golden

SATURATED = 1e-3  # share of the values beyond the range that is worth a word
UNEVEN = 8.0  # ratio of the widest channel's range to the median's that is worth a word
WIDE = 2.0  # ratio of the common range of tied tensors to a tensor's own that is worth a word
INHERITED_DB = 3.0  # a layer whose noise is at most this much above its inputs' has it from them
OWN_DB = 6.0  # a layer whose own rounding alone comes this near its noise makes it itself


def quality(network: Network, images: Path | None = None, *, progress: Listener | None = None) -> QualityReport:
    """Quantise a float network and compare it with what it was made of.

    Args:
        network: as `hwgen.load` gives it, of the zoo, a .graph file or a float .onnx file.
        images: a folder or a file to compare on; None: those that it is calibrated on.
        progress: is told about the steps.

    Raises:
        ModelError: the network is quantised already, or the images cannot be used.
    """
    from hwgen.compiler.frontend.calibration import calibration_files
    from hwgen.compiler.frontend.load import FloatNetwork, quantiser_options, read_inputs

    given = network.loaded
    if not isinstance(given, FloatNetwork):
        raise ModelError(f"{network.source.text}: is quantised already; needed: a float network")
    chosen = quantiser_options(network.source.options)
    if images is not None:
        calibration_files(images)  # before the quantiser takes its time
    with step(progress, "quantiser"):
        made = given.quantised(chosen)
    notes = list(given.notes)
    measured, inputs = f"these {given.calibrated}", given.inputs
    if images is not None:
        inputs = read_inputs(given, images, notes)
        measured = f"{len(inputs)} images of {images}"
    with step(progress, "comparison"):
        found = measure(made, inputs)
    return QualityReport(
        name=network.name,
        weights=given.weights.provenance,
        calibrated=f"{given.calibrated}, {chosen.calibration}",
        measured=measured,
        changes=made.changes,
        notes=tuple(notes),
        quality=found,
    )


class _Sums:
    """Of one tensor over all images."""

    def __init__(self, channels: int) -> None:
        self.count = self.beyond = 0
        self.signal = self.error = self.rounding = 0.0
        self.magnitudes = np.zeros(channels)

    def add(self, real: np.ndarray, found: np.ndarray, scale: float, zero_point: int) -> None:
        q = arithmetic.round_half_away(real / scale) + zero_point
        self.beyond += int(((q < arithmetic.INT8_MIN) | (q > arithmetic.INT8_MAX)).sum())
        rounded = arithmetic.dequantise(np.clip(q, arithmetic.INT8_MIN, arithmetic.INT8_MAX), scale, zero_point)
        self.count += real.size
        self.signal += float((real**2).sum())
        self.error += float(((found - real) ** 2).sum())
        self.rounding += float(((rounded - real) ** 2).sum())
        self.magnitudes = np.maximum(self.magnitudes, np.abs(real).reshape(-1, real.shape[-1]).max(axis=0))


def measure(made: Quantised, images: Sequence[np.ndarray]) -> Quality:
    """Run both networks over real inputs [height, width, channels] and compare every tensor."""
    network, graph = made.network, made.graph
    tensors = network.tensors
    skipped = {*clamped(graph).values()}  # saturate on purpose
    sums = {
        node.name: _Sums(tensors[node.name].channels) for node in graph.nodes if node.name in tensors.keys() - skipped
    }
    first, same = tensors[network.input], made.layers is made.equalised
    end = _Sums(tensors[network.output].channels)
    right1, right5 = 0, 0
    for image in images:
        values = golden.run(network, arithmetic.quantise_real(image, first.scale, first.zero_point))
        expected = None
        for name, real in float_tensors(graph, made.equalised, image):
            if name in sums:
                _add(sums[name], real, values[name], tensors[name].scale, tensors[name].zero_point)
            if name == network.output:
                expected = real
        if not same:
            expected = next(real for name, real in float_tensors(graph, made.layers, image) if name == network.output)
        assert expected is not None
        last = tensors[network.output]
        _add(end, expected, values[network.output], last.scale, last.zero_point)
        best = int(np.argmax(expected))
        order = np.argsort(-values[network.output].ravel().astype(np.int64), kind="stable")
        right1 += int(order[0] == best)
        right5 += int(best in order[:TOP])
    last = tensors[network.output]
    classes = last.size == last.channels > 1
    return Quality(
        tensors=tuple(explained(made, sums)),
        snr_db=_decibels(end.signal, end.error),
        top1=right1 / len(images) if classes else None,
        top5=right5 / len(images) if classes else None,
        images=len(images),
    )


def _add(sums: _Sums, real: np.ndarray, found: np.ndarray, scale: float, zero_point: int) -> None:
    sums.add(real, arithmetic.dequantise(found, scale, zero_point).reshape(real.shape), scale, zero_point)


def _decibels(signal: float, noise: float) -> float | None:
    return float(10 * np.log10(signal / noise)) if signal > 0 and noise > 0 else None


def explained(made: Quantised, sums: dict[str, _Sums]) -> list[TensorQuality]:
    """All tensors with the reasons of their ratios."""
    tensors = made.network.tensors
    widest: dict[str, float] = {}
    for name, entry in sums.items():
        group = made.tied[name]
        widest[group] = max(widest.get(group, 0.0), float(entry.magnitudes.max()))
    found: dict[str, TensorQuality] = {}
    for node in made.graph.nodes:
        if node.name not in sums:
            continue
        entry, scale = sums[node.name], tensors[node.name].scale
        top, median = float(entry.magnitudes.max()), float(np.median(entry.magnitudes))
        plain = TensorQuality(
            name=node.name,
            op=node.op,
            snr_db=_decibels(entry.signal, entry.error),
            rounding_db=_decibels(entry.signal, entry.rounding),
            saturated=entry.beyond / entry.count,
            steps=float(np.sqrt(entry.signal / entry.count) / scale),
            uneven=top / median if median > 0 else 1.0,
            widened=widest[made.tied[node.name]] / top if top > 0 else 1.0,
        )
        inputs = [found[name] for name in node.inputs if name in found]
        before = [one.snr_db for one in inputs if one.snr_db is not None]
        lost = min(before) - plain.snr_db if before and plain.snr_db is not None else None
        found[node.name] = replace(plain, lost_db=lost, reason=_reason(plain, inputs))
    return list(found.values())


def _reason(entry: TensorQuality, inputs: list[TensorQuality]) -> str:
    if entry.snr_db is None:
        return "equal to the float values" if entry.rounding_db is None else "always 0"
    reasons = []
    if entry.saturated > SATURATED:
        reasons.append(
            f"{100 * entry.saturated:.1f} % of the values saturate: the range is too narrow for these images"
        )
    if entry.rounding_db is not None and entry.rounding_db < entry.snr_db + OWN_DB:
        own = f"its values span few steps ({entry.steps:.1f} in root mean square)"
        if entry.widened > WIDE:
            own += f": it shares its scale with tensors {entry.widened:.1f} times as large"
        elif entry.uneven > UNEVEN:
            own += f": the widest channel reaches {entry.uneven:.0f} times as far as the median one"
        reasons.append(own)
    noisy = [one for one in inputs if one.snr_db is not None and one.snr_db < entry.snr_db + INHERITED_DB]
    if noisy:
        worst = min(noisy, key=lambda one: one.snr_db or 0)
        reasons.append(f"noise of its input {worst.name} ({worst.snr_db:.1f} dB)")
    elif not reasons and inputs:
        reasons.append(
            "rounded weights and inputs: the sum is small against its terms"
            if entry.op in ("conv2d", "fully_connected")
            else "it is small against its inputs"
        )
    return "; ".join(reasons)
