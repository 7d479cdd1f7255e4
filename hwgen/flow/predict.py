"""The golden model alone, from an array or a picture to numbers and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hwgen.errors import HwgenError
from hwgen.flow.agreement import agreement, suited_snr_db
from hwgen.flow.inputs import Input, input_array
from hwgen.flow.network import Int8Network, Network, int8
from hwgen.flow.progress import Listener
from hwgen.reports.prediction import TOP, Guess, Prediction

if TYPE_CHECKING:
    from hwgen.compiler.int8.graph import QGraph


def predict(
    network: Network | Int8Network,
    source: Input,
    *,
    labels: Sequence[str] | None = None,
    progress: Listener | None = None,
) -> Prediction:
    """What the int8 network says of one input, by the NumPy model, to the bit what the machine computes.

    Args:
        network: as `hwgen.load` or `hwgen.quantise` gives it.
        source: array of the model's own type and shape (`Int8Network.input_shape`), .npy file or picture.
        labels: names of the classes.
        progress: is told about the steps.

    Raises:
        ModelError: the input cannot be read, or does not suit the network.
    """
    from hwgen.sim.golden import predict as run

    quantised = int8(network, progress)
    value = input_array(quantised.graph, source)
    found = prediction(quantised, value, run(quantised.graph, value), labels)
    suited = suited_snr_db(network, value) if isinstance(network, Network) else None
    return replace(found, notes=(*found.notes, *_refusal(quantised.graph)), suited_snr_db=suited)


def _refusal(graph: QGraph) -> tuple[str, ...]:
    """A note if the machine cannot run what the golden model has run: the operators alone; whether it fits a board its plan tells."""
    from hwgen.compiler.legalise import legalise
    from hwgen.compiler.lower.lower import lower

    try:
        lower(legalise(graph))
    except HwgenError as error:
        return (f"no machine can be planned for this network: {' '.join(str(error).split())}",)
    return ()


def prediction(network: Int8Network, value: np.ndarray, result: np.ndarray, labels: Sequence[str] | None) -> Prediction:
    """What a model's own output says for its own input `value`; `labels` of the classes, or None."""
    return Prediction(
        name=network.name,
        weights=network.weights,
        type=str(result.dtype),
        shape=tuple(result.shape),
        top=best(network.graph, result, labels),
        notes=network.notes,
        agreement=agreement(network.source, value, result),
        output=result,
    )


def best(graph: QGraph, result: np.ndarray, names: Sequence[str] | None) -> tuple[Guess, ...]:
    """The greatest elements of a result that is one vector; none of any other."""
    tensor = graph.result
    if tensor.size != tensor.channels:
        return ()
    values = result.ravel().astype(np.float64)
    if result.dtype != np.float32:
        values = tensor.scale * (values - tensor.zero_point - (128 if result.dtype == np.uint8 else 0))
    order = np.argsort(-values, kind="stable")[:TOP]
    return tuple(Guess(int(i), names[i] if names else "", float(values[i])) for i in order)
