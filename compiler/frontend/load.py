"""From a network's name or file to what is quantised, or to its int8 graph where it is quantised already."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hwgen.compiler.frontend import weights as weight_files
from hwgen.compiler.frontend import zoo
from hwgen.compiler.frontend.calibration import calibration_files, calibration_inputs, has_arrays
from hwgen.compiler.frontend.images import input_range, normalise, synthetic_inputs
from hwgen.compiler.frontend.kinds import not_read
from hwgen.compiler.frontend.options import QUANTISER, SIZE, STANDARD, NetworkOptions, Source
from hwgen.compiler.graph import text as graph_text
from hwgen.compiler.graph.graph import Graph
from hwgen.compiler.graph.parameters import Weights
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.quantise.options import QuantiseOptions
from hwgen.compiler.quantise.quantiser import Quantised, quantise_network
from hwgen.errors import ModelError

if TYPE_CHECKING:
    from hwgen.compiler.frontend.onnx import FloatModel

CALIBRATION_IMAGES = 8
CALIBRATION_SEED = 1000  # other images than those that give random weights their statistics

_PICTURES = (1, 3)
"""Channels of pictures."""

_ALL = frozenset(entry.name for entry in fields(NetworkOptions))


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
    inputs: Sequence[np.ndarray]
    calibrated: str
    input_range: tuple[float, float] | None
    model: FloatModel | None
    notes: tuple[str, ...]

    def quantised(self, options: QuantiseOptions) -> Quantised:
        """The int8 network, with the model's own input and output, and what it was made of."""
        made = quantise_network(self.graph, self.weights, self.inputs, input_range=self.input_range, options=options)
        made.network.notes += self.notes
        return made if self.model is None else replace(made, network=self.model.hosted(made.network))


def load(name: str, options: NetworkOptions = STANDARD) -> FloatNetwork | QGraph:
    """A network of the zoo or of a model's file: the int8 graph of a file that is quantised already, else what to quantise.

    Random weights are used where no file of them is given (`Weights.provenance` says which); a few synthetic images where there are
    none to calibrate on.  Raises ModelError in one line for anything that is wrong, an option that the file does not take too.
    """
    suffix = Path(name).suffix.lower()
    if options.calibrate is not None and suffix not in (".tflite", ".onnx"):
        calibration_files(
            options.calibrate
        )  # before random weights take their time; a quantised file refuses the option itself
    if suffix == ".tflite":
        from hwgen.compiler.frontend import tflite

        _refuse(name, options, _ALL, "a .tflite file has its size, weights and quantisation")
        return tflite.load(name)
    if suffix == ".onnx":
        from hwgen.compiler.frontend import onnx

        model = onnx.load(name, options.resolution)
        if isinstance(model, QGraph):
            reason = "a quantised .onnx file has its weights, layers and quantisation"
            _refuse(name, options, _ALL - {"resolution"}, reason)
            return model
        return _of_model(name, options, model)
    return _of_graph(name, options)


def load_float(name: str, options: NetworkOptions = STANDARD) -> FloatNetwork:
    """A network of the zoo, of a .graph file or a float .onnx model, and what to calibrate it on.

    The quantiser's own options have no effect here.  Raises ModelError as `load` does, and for a file that is quantised already.
    """
    suffix = Path(name).suffix.lower()
    if suffix == ".tflite":
        raise ModelError(f"{name}: a .tflite file is quantised already; `hwgen verify` compares it with an interpreter")
    if suffix == ".onnx":
        from hwgen.compiler.frontend import onnx

        return _of_model(name, options, onnx.load_float(name, options.resolution))
    return _of_graph(name, options)


def quantiser_options(options: NetworkOptions) -> QuantiseOptions:
    """The quantiser's part of the options; ModelError for a value that it does not have."""
    chosen = {name: value for name, value in options.given().items() if name in QUANTISER}
    return QuantiseOptions(**{name: str(value) for name, value in chosen.items()})


def calibrated(network: FloatNetwork, source: Source) -> FloatNetwork:
    """The same network, to be calibrated on other files: a folder, a file or a list; ModelError if none of them can be read."""
    notes: list[str] = []
    inputs = read_inputs(network, source, notes)
    return replace(
        network,
        inputs=inputs,
        calibrated=_named(inputs, source),
        input_range=_range(network.graph.input.shape, arrays=has_arrays(source)),
        notes=network.notes + tuple(notes),
    )


def _of_model(name: str, options: NetworkOptions, model: FloatModel) -> FloatNetwork:
    unwanted = {"width", "classes", "groups", "variant", "seed", "weights"}
    _refuse(name, options, unwanted, "an .onnx file has its weights and layers")
    return _with_inputs(name, options, model.graph, model.weights, model)


def _of_graph(name: str, options: NetworkOptions) -> FloatNetwork:
    if Path(name).suffix.lower() == ".graph":
        _refuse(name, options, set(SIZE), "a .graph file has its size")
        graph = graph_text.load(name)
    else:
        if name not in zoo.NETWORKS and (reason := not_read(name)):
            raise ModelError(reason)
        graph = zoo.build(
            name,
            options.width,
            options.resolution,
            options.classes,
            groups=options.groups,
            variant=options.variant,
        )
    weights = options.weights
    parameters = weight_files.random(graph, options.seed) if weights is None else weight_files.load(graph, weights)
    return _with_inputs(name, options, graph, parameters, None)


def _with_inputs(
    name: str, options: NetworkOptions, graph: Graph, weights: Weights, model: FloatModel | None
) -> FloatNetwork:
    """A network and what to calibrate it on: the files of the options, else synthetic pictures."""
    shape = graph.input.shape
    notes = () if model is None else tuple(model.notes)
    if options.calibrate is not None:
        bare = FloatNetwork(graph, weights, [], "", None, model, notes)
        return calibrated(bare, options.calibrate)
    if shape[-1] not in _PICTURES:
        raise ModelError(
            f"{name}: the input has {shape[-1]} channels and is no picture; calibrate it on a folder of .npy arrays"
        )
    pictures = synthetic_inputs(CALIBRATION_IMAGES, shape, CALIBRATION_SEED + options.seed)
    said = f"{len(pictures)} synthetic images (calibrate takes a folder of real ones)"
    inputs = [normalise(pixels) for pixels in pictures]
    if model is not None or options.weights is not None:  # of random weights no accuracy is lost
        notes += (
            f"calibrated on {len(pictures)} synthetic images, as no others were given: typical inputs, some dozens in a folder "
            "(calibrate), often make the result 10 dB less noisy",
        )
    return FloatNetwork(graph, weights, inputs, said, input_range(shape[-1]), model, notes)


def _range(shape: tuple[int, ...], *, arrays: bool) -> tuple[float, float] | None:
    """Of the input tensor, where it is known without the inputs: of pictures."""
    return input_range(shape[-1]) if shape[-1] in _PICTURES and not arrays else None


def _named(inputs: Sequence[np.ndarray], source: Source) -> str:
    files = not isinstance(source, str | Path)
    return f"{len(inputs)} of the files given" if files else f"{len(inputs)} images of {source}"


def read_inputs(network: FloatNetwork, source: Source, notes: list[str]) -> Sequence[np.ndarray]:
    """More real inputs for a network, as those it is calibrated on; files that are left out are named in `notes`."""
    return calibration_inputs(source, network.graph.input.shape, notes, network.model.frame if network.model else None)


def _refuse(name: str, options: NetworkOptions, unwanted: Set[str], reason: str) -> None:
    """ModelError if options are given that a file does not take."""
    found = [option for option in options.given() if option in unwanted]
    if found:
        raise ModelError(f"{name}: {reason}; leave out {' and '.join(found)}")
