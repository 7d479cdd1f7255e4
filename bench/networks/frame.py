"""The frame on which a network is measured."""

from __future__ import annotations

import numpy as np

from hwgen.compiler.frontend.images import quantise_pixels, synthetic_inputs
from hwgen.compiler.int8.graph import QGraph

_SEED = 2000


def frame(graph: QGraph) -> np.ndarray:
    """A synthetic picture in the model's own type and shape."""
    tensor, host = graph.tensors[graph.input], graph.host
    x = quantise_pixels(synthetic_inputs(1, tensor.shape, _SEED)[0], tensor)
    if graph.imported:
        x = (x.astype(np.int16) + 128).astype(np.uint8) if host.input_type == "uint8" else x
    return x.reshape(host.input_shape or tensor.shape)
