"""The options that say which network is meant: one definition for Python and for the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from hwgen.compiler.quantise.options import Calibration, Switch

Source = str | Path | Sequence[str | Path]
"""Files: one, a folder of them, or a list."""


def _option(default: object, text: str, **more: object) -> Any:
    """A field whose help text on the command line is `text`."""
    return field(default=default, metadata={"help": text, **more})


@dataclass(frozen=True)
class NetworkOptions:
    """A network's size, where its weights are from, and how it is quantised. None stands for the network's or quantiser's standard.

    Networks of the zoo take `width`, `resolution`, `classes`, `groups` and `variant` as far as they have them. `calibration`, `equalise`
    and `correct_bias` are described in `hwgen.QuantiseOptions`. A .tflite file takes none of all, a quantised .onnx file `resolution`
    alone, a float .onnx file `resolution`, `calibrate` and those of the quantiser, a .graph file all but those of the zoo.

    The command line makes its options of these fields: names, defaults and help texts.
    """

    width: float | None = _option(None, "Width multiplier; default: 1.")
    resolution: int | None = _option(None, "Input height and width, pixels; default: the network's.")
    classes: int | None = _option(None, "Outputs of the classifier; default: the network's.")
    groups: int | None = _option(None, "Groups of the 1x1 convolutions (shufflenet_v1); default: 3.")
    variant: str | None = _option(None, "Published variant (squeezenet: 1.0 or 1.1); default: 1.1.")
    weights: str | Path | None = _option(None, ".npz or .safetensors with torchvision's names; else random.")
    seed: int = _option(0, "Seed of random weights.", minimum=0)
    calibrate: Source | None = _option(None, "Folder of photographs for the quantiser; else synthetic ones.")
    calibration: Calibration | None = _option(None, "How the quantiser chooses ranges of activations; default: minmax.")
    equalise: Switch | None = _option(None, "Cross-layer equalisation; auto: with depthwise convolutions.")
    correct_bias: Switch | None = _option(None, "Bias correction; auto: with depthwise convolutions.")

    def given(self) -> dict[str, object]:
        """The options that are not as they are by default, by name."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self) if self._is_given(entry.name)}

    def _is_given(self, name: str) -> bool:
        return bool(getattr(self, name) != getattr(type(self), name))


STANDARD = NetworkOptions()
"""Nothing but defaults."""

SIZE = ("width", "resolution", "classes", "groups", "variant")
"""The options that only networks of the zoo take; `resolution` also a .onnx file."""

QUANTISER = ("calibration", "equalise", "correct_bias")
"""The options of the quantiser."""
