"""From a network's name to its int8 graph in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hwgen.compiler.frontend import weights as weight_files
from hwgen.compiler.frontend import zoo
from hwgen.compiler.frontend.calibration import calibration_inputs, has_arrays
from hwgen.compiler.frontend.images import input_range, normalise, synthetic_inputs
from hwgen.compiler.graph import text as graph_text
from hwgen.compiler.graph.graph import Graph
from hwgen.compiler.graph.parameters import Weights
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.quantise import Quantised, QuantiseOptions, quantise_network
from hwgen.errors import ModelError

if TYPE_CHECKING:
    from hwgen.compiler.frontend.onnx import FloatModel

CALIBRATION_IMAGES = 8
CALIBRATION_SEED = 1000  # other images than those that give random weights their statistics

Source = str | Path | Sequence[str | Path]


@dataclass(frozen=True, eq=False)
class FloatNetwork:
    """A network before it is quantised.

    Attributes:
        graph, weights: of it.
        inputs: real inputs [height, width, channels] to calibrate on.
        calibrated: what these are, for people.
        input_range: of the input tensor; None: that of `inputs`.
        model: the ONNX model it comes from; None for one of the zoo.
        notes: what was odd but harmless.
    """

    graph: Graph
    weights: Weights
    inputs: list[np.ndarray]
    calibrated: str
    input_range: tuple[float, float] | None
    model: FloatModel | None
    notes: tuple[str, ...]

    def quantised(self, options: QuantiseOptions) -> Quantised:
        """The int8 network, with the model's own input and output, and what it was made of."""
        made = quantise_network(self.graph, self.weights, self.inputs, input_range=self.input_range, options=options)
        made.network.notes += self.notes
        return made if self.model is None else replace(made, network=self.model.hosted(made.network))


def load_network(
    name: str,
    width: float | None = None,
    resolution: int | None = None,
    weights: str | Path | None = None,
    seed: int = 0,
    calibrate: Source | None = None,
    classes: int | None = None,
    groups: int | None = None,
    variant: str | None = None,
    calibration: str | None = None,
    equalise: str | None = None,
    correct_bias: str | None = None,
) -> QGraph:
    """The int8 graph of a network of the zoo, or of a model's file.

    `width`, `resolution`, `classes`, `groups`, `variant`: see `hwgen.compiler.frontend.zoo.Options`; None: the network's standard.
    `weights`: a .npz or .safetensors file; None: random ones from `seed` (`QGraph.provenance` says which).
    `calibrate`: an image, a folder or a list of images; None: a few synthetic ones.  `calibration`, `equalise`,
    `correct_bias`: see `hwgen.compiler.quantise.QuantiseOptions`.  A .tflite file takes no options, a .onnx file `resolution` and
    those of the quantiser, a .graph file `weights`, `seed` and those of the quantiser.  Raises ModelError in one line for anything
    that is wrong.
    """
    sizes = {"width": width, "resolution": resolution, "classes": classes, "groups": groups, "variant": variant}
    given: dict[str, object] = {**sizes, "seed": seed or None, "weights": weights, "calibrate": calibrate}
    chosen = {"calibration": calibration, "equalise": equalise, "correct_bias": correct_bias}
    suffix = Path(name).suffix.lower()
    if suffix == ".tflite":
        from hwgen.compiler.frontend import tflite

        _refuse(name, {**given, **chosen}, "a .tflite file has its size, weights and quantisation")
        return tflite.load(name)
    if suffix == ".onnx":
        from hwgen.compiler.frontend import onnx

        if isinstance(model := onnx.load(name, resolution), QGraph):
            _refuse(
                name,
                {**given, **chosen, "resolution": None},
                "a quantised .onnx file has its weights, layers and quantisation",
            )
            return model
    options = QuantiseOptions(**{key: value for key, value in chosen.items() if value is not None})
    network = load_float(name, width, resolution, weights, seed, calibrate, classes, groups, variant)
    return network.quantised(options).network


def load_float(
    name: str,
    width: float | None = None,
    resolution: int | None = None,
    weights: str | Path | None = None,
    seed: int = 0,
    calibrate: Source | None = None,
    classes: int | None = None,
    groups: int | None = None,
    variant: str | None = None,
) -> FloatNetwork:
    """A network of the zoo, of a .graph file or a float .onnx model, and what to calibrate it on; arguments as for `load_network`."""
    model: FloatModel | None = None
    suffix = Path(name).suffix.lower()
    notes: list[str] = []
    if suffix == ".onnx":
        from hwgen.compiler.frontend import onnx

        given: dict[str, object] = {"width": width, "classes": classes, "groups": groups, "variant": variant}
        _refuse(name, {**given, "seed": seed or None, "weights": weights}, "an .onnx file has its weights and layers")
        model = onnx.load_float(name, resolution)
        graph, parameters, notes = model.graph, model.weights, list(model.notes)
    else:
        if suffix == ".graph":
            given = {"width": width, "resolution": resolution, "classes": classes, "groups": groups, "variant": variant}
            _refuse(name, given, "a .graph file has its size")
            graph = graph_text.load(name)
        else:
            graph = zoo.build(name, width, resolution, classes, groups=groups, variant=variant)
        parameters = weight_files.random(graph, seed) if weights is None else weight_files.load(graph, weights)
    shape = graph.input.shape
    pictures = shape[-1] in (1, 3)
    calibrated = f"{CALIBRATION_IMAGES} synthetic images (--calibrate takes a folder of real ones)"
    if calibrate is not None:
        inputs = calibration_inputs(calibrate, shape, notes, model.frame if model else None)
        pictures = pictures and not has_arrays(calibrate)
        calibrated = (
            f"{len(inputs)} of the files given"
            if isinstance(calibrate, list | tuple)
            else f"{len(inputs)} images of {calibrate}"
        )
    elif pictures:
        inputs = [normalise(pixels) for pixels in synthetic_inputs(CALIBRATION_IMAGES, shape, CALIBRATION_SEED + seed)]
    else:
        raise ModelError(
            f"{name}: the input has {shape[-1]} channels and is no picture; give --calibrate, a folder of .npy arrays"
        )
    limits = input_range(shape[-1]) if pictures else None
    return FloatNetwork(graph, parameters, inputs, calibrated, limits, model, tuple(notes))


def read_inputs(network: FloatNetwork, source: Source, notes: list[str]) -> list[np.ndarray]:
    """More real inputs for a network, as those it is calibrated on; files that are left out are named in `notes`."""
    return calibration_inputs(source, network.graph.input.shape, notes, network.model.frame if network.model else None)


def _refuse(name: str, given: dict[str, object], reason: str) -> None:
    """ModelError if options are given that a file does not take."""
    unwanted = " and ".join(f"--{option.replace('_', '-')}" for option, value in given.items() if value is not None)
    if unwanted:
        raise ModelError(f"{name}: {reason}; leave out {unwanted}")
