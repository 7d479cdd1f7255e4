"""Which networks are measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hwgen.flow.request import Request


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes:
        name: of the row.
        request: the network and its options.
        file: a trained model's file name; with the folder of models it takes the place of the zoo's network.
        clock_mhz: what is asked for, the highest clock that was found to be met; None: the board's.
    """

    name: str
    request: Request
    file: str | None = None
    clock_mhz: float | None = None

    def on(self, board: str, clock_mhz: float | None, models: Path | None) -> Request:
        """What is asked for on a board, at `clock_mhz` if one is given; with the trained model if there is a folder of them."""
        clock_mhz = clock_mhz or self.clock_mhz
        if self.file is not None and models is not None:
            return Request(str(models / self.file), board=board, clock_mhz=clock_mhz)
        return replace(self.request, board=board, clock_mhz=clock_mhz)


CASES = (
    Case("ShuffleNet v2 0.5x", Request("shufflenet_v2", width=0.5), clock_mhz=105),
    Case("ShuffleNet v2 1.0x", Request("shufflenet_v2"), clock_mhz=105),
    Case("MobileNet v1 1.0", Request("mobilenet_v1")),
    Case("MobileNet v2 1.0", Request("mobilenet_v2")),
    Case("MobileNet v3 small", Request("mobilenet_v3_small")),
    Case(
        "person detection", Request("mobilenet_v1", width=0.25, resolution=96, classes=2), "person_detect.tflite", 100
    ),
    Case("keyword spotting (DS-CNN)", Request("ds_cnn"), "kws_ds_cnn.tflite", 100),
    Case("ResNet8", Request("resnet8")),
)
