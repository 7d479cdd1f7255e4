"""Which function imports which operator, and the nearest supported form of those that none does."""

from collections.abc import Callable

from hwgen.compiler.frontend.onnx import elementwise, layers, moving, pools
from hwgen.compiler.frontend.onnx.builder import Builder
from hwgen.compiler.frontend.onnx.model import Node

Handler = Callable[[Builder, Node], None]

HANDLERS: dict[str, Handler] = {
    "Conv": layers.conv,
    "Gemm": layers.gemm,
    "MatMul": layers.matmul,
    "BatchNormalization": layers.batch_normalization,
    "MaxPool": pools.pool,
    "AveragePool": pools.pool,
    "GlobalAveragePool": pools.global_pool,
    "GlobalMaxPool": pools.global_pool,
    "ReduceMean": pools.reduce,
    "ReduceSum": pools.reduce,
    "ReduceMax": pools.reduce,
    "Softmax": pools.softmax,
    "Reshape": moving.reshape,
    "Flatten": moving.reshape,
    "Squeeze": moving.reshape,
    "Unsqueeze": moving.reshape,
    "Identity": moving.reshape,
    "Dropout": moving.dropout,
    "Cast": moving.cast,
    "CastLike": moving.cast,
    "Transpose": moving.transpose,
    "Slice": moving.slice_,
    "Gather": moving.gather,
    "Split": moving.split,
    "Concat": moving.concat,
    "Pad": moving.pad,
    "Expand": moving.repeat,
    "Tile": moving.repeat,
    **dict.fromkeys(elementwise.UNARY, elementwise.function),
    **dict.fromkeys(elementwise.BINARY, elementwise.arithmetic),
}
NEAREST = {
    "ConvTranspose": "Conv behind a network's own upsampling on the host",
    "ConvInteger": "QuantizeLinear and DequantizeLinear around Conv",
    "DeformConv": "Conv",
    "DepthToSpace": "Conv with a stride",
    "SpaceToDepth": "Conv with a stride",
    "Elu": "LeakyRelu or HardSwish",
    "Selu": "LeakyRelu or HardSwish",
    "Celu": "LeakyRelu or HardSwish",
    "Gelu": "HardSwish or Swish (Sigmoid times its input)",
    "Mish": "HardSwish or Swish (Sigmoid times its input)",
    "ThresholdedRelu": "Relu or Clip",
    "GroupNormalization": "BatchNormalization",
    "InstanceNormalization": "BatchNormalization",
    "LayerNormalization": "BatchNormalization",
    "LpNormalization": "BatchNormalization",
    "LRN": "BatchNormalization",
    "LogSoftmax": "Softmax as the last operator",
    "Hardmax": "Softmax as the last operator",
    "ArgMax": "the scores themselves; hwgen predict lists the greatest",
    "TopK": "the scores themselves; hwgen predict lists the greatest",
    "LpPool": "AveragePool",
    "MaxRoiPool": "MaxPool",
    "ReduceMin": "ReduceMax of the negated values",
    "Resize": "a fixed input size, with the resizing on the host",
    "Upsample": "a fixed input size, with the resizing on the host",
    "Einsum": "Conv, Gemm or MatMul",
    "Attention": "Conv; networks with attention do not fit this machine",
    "If": "the branch that is taken, written out (export with constant folding)",
    "Loop": "the body written out as often as it runs",
    "Scan": "the body written out as often as it runs",
    "LSTM": "convolutions along the sequence",
    "GRU": "convolutions along the sequence",
    "RNN": "convolutions along the sequence",
    "Where": "Relu, Clip or LeakyRelu",
}


def nearest(op: str) -> str:
    """The nearest supported form of an operator that is not."""
    return NEAREST.get(op, f"one of {', '.join(sorted(HANDLERS))}")
