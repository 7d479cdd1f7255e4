"""How far an int8 network's output is from that of the float model it was made of, for one input."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwgen.reports.prediction import TOP, Agreement

if TYPE_CHECKING:
    from hwgen.flow.network import Network
    from hwgen.flow.source import NetworkSource


def agreement(source: NetworkSource, value: np.ndarray, result: np.ndarray) -> Agreement | None:
    """Of the output `result` for the model's own input `value`; None unless the network is a float .onnx model.

    The model's own output is that of onnx's reference evaluator, unless it cannot compute it or takes too long.
    """
    if source.file is None or source.file.suffix.lower() != ".onnx":
        return None
    from hwgen.compiler.frontend.onnx.compare import model_output
    from hwgen.compiler.frontend.onnx.importer import FloatModel, imported
    from hwgen.compiler.frontend.onnx.reader import read

    found = imported(read(source.file), source.file.name, source.options.resolution)
    if not isinstance(found.model, FloatModel):
        return None
    expected = model_output(found, value.reshape(found.model.input_shape))
    if expected is None:
        return replace(compare(found.model.predict(value), result), evaluated=False)
    return compare(expected, result)


def suited_snr_db(network: Network, value: np.ndarray) -> float | None:
    """Signal to noise, dB, against the float model for the input `value`, had the network been calibrated on this input alone.

    None unless it is a float .onnx model that was calibrated on synthetic images.
    """
    from hwgen.compiler.frontend.load import FloatNetwork, quantiser_options
    from hwgen.sim.golden import predict

    loaded, options = network.loaded, network.source.options
    if not isinstance(loaded, FloatNetwork) or loaded.model is None or options.calibrate is not None:
        return None
    own = replace(loaded, inputs=[loaded.model.frame(value.astype(np.float64))])
    graph = own.quantised(quantiser_options(options)).network
    return compare(loaded.model.predict(value), predict(graph, value)).snr_db


def compare(expected: np.ndarray, found: np.ndarray) -> Agreement:
    """Of two real outputs."""
    wanted, got = expected.astype(np.float64).ravel(), found.astype(np.float64).ravel()
    signal, noise = float((wanted**2).mean()), float(((got - wanted) ** 2).mean())
    ratio = float(10 * np.log10(signal / noise)) if signal > 0 and noise > 0 else None
    if expected.size != max(expected.shape, default=1) or expected.size <= TOP:
        return Agreement(ratio, None, None)
    best, guessed = (np.argsort(-values, kind="stable")[:TOP] for values in (wanted, got))
    return Agreement(ratio, bool(best[0] == guessed[0]), len(np.intersect1d(best, guessed)))
