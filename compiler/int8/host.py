"""The host's share of an int8 network: types and shapes of its input and output, the nodes behind the machine's last tensor."""

from dataclasses import dataclass
from typing import ClassVar

from hwgen.compiler.int8.nodes import QReshape, QResize, QStridedSlice, QTable, QTensor, Unary


@dataclass(frozen=True)
class QSoftmax(Unary):
    """Softmax over the channels of each pixel, in fixed point (equation 20); the host computes it."""

    op: ClassVar[str] = "softmax"
    multiplier: int
    shift: int  # left shift
    least: int  # differences below this have no weight


QHostNode = QSoftmax | QTable | QReshape | QResize | QStridedSlice


@dataclass(frozen=True)
class Host:
    """What the host does around the machine: types and shapes of the model's own input and output, the last nodes.

    A uint8 tensor is its int8 tensor plus 128; a float32 one is quantised by equation 2 or read back by equation 1, in
    float32.
    """

    input_type: str = "int8"  # int8, uint8 or float32
    input_shape: tuple[int, ...] = ()  # as the model's file has it; () is the tensor's own
    input_channels_first: bool = False  # batch x channels x height x width, as ONNX models have it
    output_type: str = "int8"
    output_shape: tuple[int, ...] = ()
    output_channels_first: bool = False
    nodes: tuple[QHostNode, ...] = ()  # run in order on the graph's output
    tensors: tuple[QTensor, ...] = ()  # outputs of `nodes`, in the same order
