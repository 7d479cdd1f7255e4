"""From a network's name to its int8 graph in one call."""

from collections.abc import Sequence
from pathlib import Path

from compiler import weights as weight_files
from compiler import zoo
from compiler.errors import ModelError
from compiler.preprocess import calibration_images, input_range, normalise, synthetic_inputs
from compiler.qgraph import QGraph
from compiler.quantise import quantise

CALIBRATION_IMAGES = 8
CALIBRATION_SEED = 1000  # other images than those that give random weights their statistics


def load_network(
    name: str,
    width: float | None = None,
    resolution: int | None = None,
    weights: str | Path | None = None,
    seed: int = 0,
    calibrate: str | Path | Sequence[str | Path] | None = None,
    classes: int | None = None,
    groups: int | None = None,
    variant: str | None = None,
) -> QGraph:
    """The int8 graph of a network of the zoo, or of a .tflite file, which takes no options.

    `width`, `resolution`, `classes`, `groups`, `variant`: see `compiler.zoo.Options`; None: the network's standard.
    `weights`: a .npz or .safetensors file; None: random ones from `seed` (`QGraph.provenance` says which).
    `calibrate`: an image, a folder or a list of images; None: a few synthetic ones.  Raises ModelError in one line
    for anything that is wrong.
    """
    if Path(name).suffix.lower() == ".tflite":
        from compiler import tflite

        given: dict[str, object] = {
            "width": width,
            "resolution": resolution,
            "classes": classes,
            "groups": groups,
            "variant": variant,
        }
        given |= {"seed": seed or None, "weights": weights, "calibrate": calibrate}
        if any(value is not None for value in given.values()):
            unwanted = " and ".join(f"--{option}" for option, value in given.items() if value is not None)
            raise ModelError(f"{name}: a .tflite file has its size, weights and quantisation; leave out {unwanted}")
        return tflite.load(name)
    graph = zoo.build(name, width, resolution, classes, groups=groups, variant=variant)
    parameters = weight_files.random(graph, seed) if weights is None else weight_files.load(graph, weights)
    shape = graph.input.shape
    if calibrate is None:
        pixels = synthetic_inputs(CALIBRATION_IMAGES, shape, CALIBRATION_SEED + seed)
    else:
        pixels = calibration_images(calibrate, shape)
    return quantise(graph, parameters, [normalise(image) for image in pixels], input_range=input_range(shape[-1]))
