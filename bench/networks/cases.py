"""Which networks are measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.flow.source import NetworkSource
from hwgen.flow.target import Target


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes:
        name: of the row.
        source: the network and its options.
        file: a trained model's file name; with the folder of models it takes the place of the zoo's network.
        clock_mhz: what is asked for, the highest clock that was found to be met; None: the board's.
    """

    name: str
    source: NetworkSource
    file: str | None = None
    clock_mhz: float | None = None

    def on(self, board: str, clock_mhz: float | None, models: Path | None) -> tuple[NetworkSource, Target]:
        """What is asked for on a board, at `clock_mhz` if one is given; with the trained model if there is a folder of them."""
        target = Target(board, clock_mhz or self.clock_mhz)
        if self.file is not None and models is not None:
            return NetworkSource(str(models / self.file)), target
        return self.source, target


CASES = (
    Case("ShuffleNet v2 0.5x", NetworkSource("shufflenet_v2", NetworkOptions(width=0.5)), clock_mhz=105),
    Case("ShuffleNet v2 1.0x", NetworkSource("shufflenet_v2"), clock_mhz=105),
    Case("MobileNet v1 1.0", NetworkSource("mobilenet_v1")),
    Case("MobileNet v2 1.0", NetworkSource("mobilenet_v2")),
    Case("MobileNet v3 small", NetworkSource("mobilenet_v3_small")),
    Case(
        "person detection",
        NetworkSource("mobilenet_v1", NetworkOptions(width=0.25, resolution=96, classes=2)),
        "person_detect.tflite",
        100,
    ),
    Case("keyword spotting (DS-CNN)", NetworkSource("ds_cnn"), "kws_ds_cnn.tflite", 100),
    Case("ResNet8", NetworkSource("resnet8")),
)
