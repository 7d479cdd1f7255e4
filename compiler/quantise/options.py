"""What a user can choose about post-training quantisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from hwgen.errors import ModelError

if TYPE_CHECKING:
    from hwgen.compiler.graph.graph import Graph

Calibration = Literal["minmax", "percentile", "mse"]
Switch = Literal["auto", "on", "off"]


@dataclass(frozen=True)
class QuantiseOptions:
    """How ranges are chosen and weights are prepared; ModelError for anything else than what is named here.

    Attributes:
        calibration: of activations: "minmax", the whole range; "percentile", without the outermost 0.01 % of values on either
            side; "mse", the range of least mean squared error.
        equalise: scale channels of a layer against those of the next ("on", "off"); "auto": in networks with depthwise
            convolutions.
        correct_bias: take the mean error that rounded weights and activations make out of the biases; likewise.
    """

    calibration: str = "minmax"
    equalise: str = "auto"
    correct_bias: str = "auto"

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("calibration", self.calibration, get_args(Calibration)),
            ("equalise", self.equalise, get_args(Switch)),
            ("correct_bias", self.correct_bias, get_args(Switch)),
        ):
            if value not in allowed:
                raise ModelError(f"{name} must be {', '.join(allowed[:-1])} or {allowed[-1]}, not {value!r}")

    def equalises(self, graph: Graph) -> bool:
        """Whether channels of `graph` are equalised."""
        return has_depthwise(graph) if self.equalise == "auto" else self.equalise == "on"

    def corrects(self, graph: Graph) -> bool:
        """Whether biases of `graph` are corrected."""
        return has_depthwise(graph) if self.correct_bias == "auto" else self.correct_bias == "on"


def has_depthwise(graph: Graph) -> bool:
    """Whether there is a depthwise convolution of more than one tap."""
    return any(
        node.op == "conv2d" and node.integer("groups") == node.shape[2] > 1 and max(node.window.kernel) > 1
        for node in graph.nodes
    )
