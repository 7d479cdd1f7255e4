"""From a network's name to its int8 graph in one call."""

from collections.abc import Sequence
from pathlib import Path

from compiler import weights as weight_files
from compiler import zoo
from compiler.errors import ModelError
from compiler.preprocess import INPUT_RANGE, calibration_images, normalise, synthetic_images
from compiler.qgraph import QGraph
from compiler.quantise import quantise

CALIBRATION_IMAGES = 8
CALIBRATION_SEED = 1000  # other images than those that give random weights their statistics


def load_network(
    name: str,
    width: float = 1.0,
    resolution: int = 224,
    weights: str | Path | None = None,
    seed: int = 0,
    calibrate: str | Path | Sequence[str | Path] | None = None,
    classes: int = 1000,
) -> QGraph:
    """The int8 graph of a network of the zoo, or of a .tflite file, which takes no options.

    `weights`: a .npz or .safetensors file; None: random ones from `seed` (`QGraph.provenance` says which).
    `calibrate`: an image, a folder or a list of images; None: a few synthetic ones.  Raises ModelError in one line
    for anything that is wrong.
    """
    if Path(name).suffix.lower() == ".tflite":
        from compiler import tflite

        given = {"--width": width != 1.0, "--resolution": resolution != 224, "--seed": seed != 0}
        given |= {"--weights": weights is not None, "--calibrate": calibrate is not None}
        if any(given.values()):
            unwanted = " and ".join(option for option, there in given.items() if there)
            raise ModelError(f"{name}: a .tflite file has its size, weights and quantisation; leave out {unwanted}")
        return tflite.load(name)
    graph = zoo.build(name, width, resolution, classes)
    parameters = weight_files.random(graph, seed) if weights is None else weight_files.load(graph, weights)
    if calibrate is None:
        pixels = synthetic_images(CALIBRATION_IMAGES, resolution, CALIBRATION_SEED + seed)
    else:
        pixels = calibration_images(calibrate, resolution)
    return quantise(graph, parameters, [normalise(image) for image in pixels], input_range=INPUT_RANGE)
