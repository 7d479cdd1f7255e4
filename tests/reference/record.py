"""Records what other implementations of the zoo's networks consist of: parameters, and every layer's weights and output.

    python -m tests.reference.record [NETWORK ...]

needs torch, torchvision, timm and keras (any of them missing: its networks keep the figures that are there), writes
`networks.json`.  No weights are loaded, and no layer computes anything: torch runs on its "meta" device.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from math import prod
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("networks.json")

Layer = tuple[tuple[int, ...], tuple[int, int]]
"""Shape of the weights, [out, in / groups, rows, columns], of a fully connected layer with 1 row and column; rows and
columns of the output."""

Entry = dict[str, Any]
Size = dict[str, Any]

# Network of the zoo, its options, package, its constructor there and arguments of it.
REFERENCES: list[tuple[str, Size, str, str, dict[str, Any]]] = [
    ("mobilenet_v1", {}, "timm", "mobilenetv1_100", {}),
    ("mobilenet_v1", {"width": 0.75}, "keras", "MobileNet", {"alpha": 0.75}),
    (
        "mobilenet_v1",
        {"width": 0.25, "resolution": 96, "classes": 2},
        "keras",
        "MobileNet",
        {"alpha": 0.25, "classes": 2},
    ),
    ("mobilenet_v2", {}, "torchvision", "mobilenet_v2", {}),
    ("mobilenet_v2", {"width": 1.4}, "torchvision", "mobilenet_v2", {"width_mult": 1.4}),
    ("mobilenet_v2", {"width": 0.35, "resolution": 96}, "torchvision", "mobilenet_v2", {"width_mult": 0.35}),
    ("mobilenet_v3_large", {}, "torchvision", "mobilenet_v3_large", {}),
    ("mobilenet_v3_large", {"width": 0.75}, "torchvision", "mobilenet_v3_large", {"width_mult": 0.75}),
    ("mobilenet_v3_small", {}, "torchvision", "mobilenet_v3_small", {}),
    ("shufflenet_v2", {"width": 0.5}, "torchvision", "shufflenet_v2_x0_5", {}),
    ("shufflenet_v2", {"width": 1.0}, "torchvision", "shufflenet_v2_x1_0", {}),
    ("shufflenet_v2", {"width": 1.5}, "torchvision", "shufflenet_v2_x1_5", {}),
    ("shufflenet_v2", {"width": 2.0}, "torchvision", "shufflenet_v2_x2_0", {}),
    ("squeezenet", {"variant": "1.0"}, "torchvision", "squeezenet1_0", {}),
    ("squeezenet", {"variant": "1.1"}, "torchvision", "squeezenet1_1", {}),
    ("squeezenet", {"variant": "1.1", "resolution": 100}, "torchvision", "squeezenet1_1", {}),
    ("efficientnet_b0", {}, "torchvision", "efficientnet_b0", {}),
    ("mnasnet_a1", {}, "timm", "mnasnet_a1", {}),
    ("nasnet_mobile", {}, "keras", "NASNetMobile", {}),
    ("nasnet_mobile", {"resolution": 96}, "keras", "NASNetMobile", {}),
]


def label(name: str, size: Size) -> str:
    """Key of a network in the file."""
    return " ".join([name, *(f"{option}={value}" for option, value in sorted(size.items()))])


def available(package: str) -> bool:
    """Whether a package can be imported."""
    if package == "keras":
        os.environ.setdefault("KERAS_BACKEND", "jax")
    try:
        importlib.import_module(package)
    except (ImportError, OSError, RuntimeError):  # RuntimeError: torchvision built for another torch
        return False
    return True


def derive(package: str, constructor: str, arguments: dict[str, Any], resolution: int) -> Entry:
    """The figures of one network, from the installed package."""
    make: Callable[..., tuple[int, list[Layer], list[str]]] = _of_keras if package == "keras" else _of_torch
    parameters, layers, names = make(package, constructor, arguments, resolution)
    counted = sorted(Counter(layers).items())
    return {
        "source": f"{package} {version(package)}: {constructor}",
        "parameters": parameters,
        "layers": [[list(weights), list(size), count] for (weights, size), count in counted],
        "names": digest(names),
    }


def digest(names: list[str]) -> str:
    """SHA-256 of all parameters' names and shapes; empty where there are none to compare with."""
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest() if names else ""


def _of_torch(
    package: str, constructor: str, arguments: dict[str, Any], resolution: int
) -> tuple[int, list[Layer], list[str]]:
    import torch

    models = importlib.import_module("timm.models" if package == "timm" else "torchvision.models")
    layers: list[Layer] = []

    def note(module: torch.nn.Module, _: Any, output: torch.Tensor) -> None:
        size = tuple(output.shape[2:]) if output.ndim == 4 else (1, 1)
        shape = tuple(module.weight.shape)
        layers.append((shape if len(shape) == 4 else (*shape, 1, 1), (size[0], size[1])))

    with torch.device("meta"):
        model = getattr(models, constructor)(**arguments).eval()
        for module in model.modules():
            if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
                module.register_forward_hook(note)
        model(torch.zeros(1, 3, resolution, resolution))
    names = [f"{name} {list(value.shape)}" for name, value in model.state_dict().items() if value.ndim]
    return sum(value.numel() for value in model.parameters()), layers, names


def _of_keras(
    package: str, constructor: str, arguments: dict[str, Any], resolution: int
) -> tuple[int, list[Layer], list[str]]:
    import keras

    model = getattr(keras.applications, constructor)(
        **{"input_shape": (resolution, resolution, 3), "weights": None, "classes": 1000, **arguments}
    )
    layers: list[Layer] = []
    for layer in model.layers:
        kernels = [value for value in layer.weights if value.name.endswith("kernel")]
        size = tuple(layer.output.shape[1:3]) if len(layer.output.shape) == 4 else (1, 1)
        for value in kernels:
            shape = tuple(value.shape)
            if len(shape) == 2:
                weights: tuple[int, ...] = (shape[1], shape[0], 1, 1)
            elif value.name == "depthwise_kernel" or isinstance(layer, keras.layers.DepthwiseConv2D):
                weights = (shape[2] * shape[3], 1, shape[0], shape[1])
            else:
                weights = (shape[3], shape[2], shape[0], shape[1])
            layers.append((weights, (size[0], size[1])))
    parameters = sum(prod(value.shape) for value in model.trainable_variables)
    return parameters, layers, []


def main() -> None:
    """Write the file."""
    known: dict[str, Entry] = json.loads(FILE.read_text()) if FILE.is_file() else {}
    for name, size, package, constructor, arguments in REFERENCES:
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        if available(package):
            known[label(name, size)] = derive(package, constructor, arguments, int(size.get("resolution", 224)))
        else:
            print(f"{package} is not installed: {label(name, size)} stays as it is")
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in sorted(known.items())]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
