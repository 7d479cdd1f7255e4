"""The operators of a file by name: what turns each into nodes of the int8 graph, and the nearest of those that there are not."""

import math

from hwgen.compiler.frontend.tflite.builder import Handler
from hwgen.compiler.frontend.tflite.convolutions import convolution, depthwise, fully_connected
from hwgen.compiler.frontend.tflite.elementwise import (
    add,
    dequantize,
    hard_swish,
    leaky_relu,
    logistic,
    mul,
    quantize,
    relu,
    softmax_of,
    tanh,
)
from hwgen.compiler.frontend.tflite.moving import concatenation, pad, reshape, resize, split, strided_slice, transpose
from hwgen.compiler.frontend.tflite.pooling import mean, pool

HANDLERS: dict[str, Handler] = {
    "ADD": add,
    "AVERAGE_POOL_2D": pool,
    "CONCATENATION": concatenation,
    "CONV_2D": convolution,
    "DEPTHWISE_CONV_2D": depthwise,
    "DEQUANTIZE": dequantize,
    "EXPAND_DIMS": reshape,
    "FULLY_CONNECTED": fully_connected,
    "HARD_SWISH": hard_swish,
    "LEAKY_RELU": leaky_relu,
    "LOGISTIC": logistic,
    "MAX_POOL_2D": pool,
    "MEAN": mean,
    "MUL": mul,
    "PAD": pad,
    "PADV2": pad,
    "QUANTIZE": quantize,
    "RELU": relu(0, math.inf),
    "RELU6": relu(0, 6),
    "RELU_N1_TO_1": relu(-1, 1),
    "RESHAPE": reshape,
    "RESIZE_NEAREST_NEIGHBOR": resize,
    "SOFTMAX": softmax_of,
    "SPLIT": split,
    "SPLIT_V": split,
    "SQUEEZE": reshape,
    "STRIDED_SLICE": strided_slice,
    "TANH": tanh,
    "TRANSPOSE": transpose,
}

NEAREST = {
    "ABS": "RELU",
    "BATCH_MATMUL": "CONV_2D or FULLY_CONNECTED with constant weights",
    "DEPTH_TO_SPACE": "RESIZE_NEAREST_NEIGHBOR and CONV_2D",
    "ELU": "RELU, LEAKY_RELU or HARD_SWISH",
    "GATHER": "STRIDED_SLICE or SPLIT",
    "GELU": "HARD_SWISH",
    "MAXIMUM": "RELU",
    "MINIMUM": "RELU6",
    "MIRROR_PAD": "PAD",
    "PACK": "CONCATENATION of channels",
    "PRELU": "LEAKY_RELU",
    "REDUCE_MAX": "MAX_POOL_2D over the whole input",
    "RESIZE_BILINEAR": "RESIZE_NEAREST_NEIGHBOR",
    "SLICE": "STRIDED_SLICE",
    "SUB": "ADD",
    "SUM": "MEAN",
    "TRANSPOSE_CONV": "RESIZE_NEAREST_NEIGHBOR and CONV_2D",
    "UNPACK": "SPLIT",
}
