"""Windows, padding and other options of the file's operators."""

from typing import Any

import tflite

from hwgen.compiler.frontend.tflite.builder import LARGEST_SIDE, Unsound, Unsupported
from hwgen.compiler.frontend.tflite.schema import FileOperator
from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8.nodes import Shape
from hwgen.hw.isa.ceil_div import ceil_div

ACTIVATIONS = {value: name for name, value in vars(tflite.ActivationFunctionType).items() if isinstance(value, int)}
DEFAULTS: dict[str, Any] = {"FusedActivationFunction": 0}
LARGEST_POOL = 1 << 10
SAME = 0


def option(op: FileOperator, name: str) -> Any:
    """One field of the operator's options; Unsound if the file has none."""
    if op.options is not None and name in op.options:
        return op.options[name]
    if name in DEFAULTS:
        return DEFAULTS[name]
    raise Unsound("its options are missing; the file is damaged")


def activation_of(op: FileOperator) -> str:
    """Name of the fused activation."""
    value = option(op, "FusedActivationFunction")
    return ACTIVATIONS.get(value, f"{value}")


def window_of(op: FileOperator, shape: Shape, kernel: tuple[int, int], dilated: bool) -> Window:
    """The window over an input of `shape`; SAME padding puts the odd row or column at the end."""
    stride = (int(option(op, "StrideH")), int(option(op, "StrideW")))
    dilation = (int(option(op, "DilationHFactor")), int(option(op, "DilationWFactor"))) if dilated else (1, 1)
    for what, values in (("strides", stride), ("dilation", dilation), ("kernel", kernel)):
        if not 1 <= min(values) <= max(values) <= LARGEST_SIDE:
            raise Unsound(f"its {what} {list(values)} are not positive sizes")
    if option(op, "Padding") not in (0, 1):
        raise Unsound(f"its padding has code {option(op, 'Padding')}; known are 0 (SAME) and 1 (VALID)")
    padding: list[int] = []
    for axis in range(2):
        span = (kernel[axis] - 1) * dilation[axis] + 1
        outputs = ceil_div(shape[axis], stride[axis])
        total = max((outputs - 1) * stride[axis] + span - shape[axis], 0) if option(op, "Padding") == SAME else 0
        padding += [total // 2, total - total // 2]
    window = Window(kernel, stride, (padding[0], padding[1], padding[2], padding[3]), dilation)
    if min(window.output_size(shape[0], shape[1])) < 1:
        raise Unsound(f"its window of {kernel[0]} x {kernel[1]} does not fit its input {shape}")
    return window


def pool_window(op: FileOperator, shape: Shape) -> Window:
    """The window of a pool."""
    kernel = (int(option(op, "FilterHeight")), int(option(op, "FilterWidth")))
    if max(kernel) > LARGEST_POOL or (kernel[0] > 2 * shape[0] or kernel[1] > 2 * shape[1]):
        raise Unsupported(f"a pool of {kernel[0]} x {kernel[1]} over an input of {shape}; nearest: MEAN")
    return window_of(op, shape, kernel, dilated=False)
