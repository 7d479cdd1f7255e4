"""The operations of the float graph: their attributes, and the shape each gives its output.

Shapes leave out the batch: feature maps are (height, width, channels).  Attributes are integers, floats, names or
tuples of integers; the specification below gives each its type and default, and so defines the text form too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod

from hwgen.compiler.graph.window import Window
from hwgen.errors import ModelError

Shape = tuple[int, ...]
Value = int | float | str | tuple[int, ...]
Attributes = Mapping[str, Value]
Attribute = tuple[type, Value | None]  # type and default; None: it must be given
REQUIRED = None


@dataclass(frozen=True)
class Op:
    """One operation: number of inputs (None: one or more), attributes with their types and defaults, shape rule."""

    name: str
    arity: int | None
    shape: Callable[[list[Shape], Attributes], Shape]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


def integer(attributes: Attributes, key: str) -> int:
    """An integer attribute; ModelError if it is none."""
    value = attributes[key]
    _require(isinstance(value, int), f"{key} must be of type int, not {value!r}")
    assert isinstance(value, int)
    return value


def real(attributes: Attributes, key: str) -> float:
    """A real attribute; ModelError if it is none."""
    value = attributes[key]
    _require(isinstance(value, float | int), f"{key} must be of type float, not {value!r}")
    assert isinstance(value, float | int)
    return float(value)


def sizes(attributes: Attributes, key: str, count: int | None = None) -> tuple[int, ...]:
    """An attribute of `count` integers (None: any number); ModelError if it is none."""
    value = attributes[key]
    kind = "a tuple of integers" if count is None else f"{count} integers"
    _require(isinstance(value, tuple) and count in (None, len(value)), f"{key} must be {kind}, not {value!r}")
    assert isinstance(value, tuple)
    return value


def window_of(attributes: Attributes) -> Window:
    """The sliding window of a convolution or pool; 1x1 for a fully connected layer."""
    if "kernel" not in attributes:
        return Window()
    kernel_y, kernel_x = sizes(attributes, "kernel", 2)
    stride_y, stride_x = sizes(attributes, "stride", 2)
    top, bottom, left, right = sizes(attributes, "pad", 4)
    step_y, step_x = sizes(attributes, "dilation", 2) if "dilation" in attributes else (1, 1)
    return Window((kernel_y, kernel_x), (stride_y, stride_x), (top, bottom, left, right), (step_y, step_x))


def _require(condition: bool, text: str) -> None:
    if not condition:
        raise ModelError(text)


def _map_size(shape: Shape) -> Shape:
    _require(len(shape) == 3, f"needs a (height, width, channels) input, not {shape}")
    return shape


def _windowed(shape: Shape, attributes: Attributes) -> tuple[int, int]:
    window = window_of(attributes)
    _require(
        min(*window.kernel, *window.stride, *window.dilation) >= 1, "kernel, stride and dilation must be at least 1"
    )
    size = window.output_size(shape[0], shape[1])
    _require(
        min(size) >= 1,
        f"a {window.kernel} window does not fit the {shape[0]}x{shape[1]} input with pads {window.padding}",
    )
    return size


def _conv2d(shapes: list[Shape], attributes: Attributes) -> Shape:
    shape, channels, groups = _map_size(shapes[0]), integer(attributes, "channels"), integer(attributes, "groups")
    _require(
        groups >= 1 and shape[2] % groups == 0 and channels % groups == 0 and channels >= 1,
        f"{shape[2]} input and {channels} output channels do not divide into {groups} groups",
    )
    return (*_windowed(shape, attributes), channels)


def _pool(shapes: list[Shape], attributes: Attributes) -> Shape:
    rows, columns = _windowed(_map_size(shapes[0]), attributes)
    window = window_of(attributes)
    first = window.kernel[0] > window.padding[0] and window.kernel[1] > window.padding[2]
    starts = ((rows - 1) * window.stride[0] - window.padding[0], (columns - 1) * window.stride[1] - window.padding[2])
    last = starts[0] < shapes[0][0] and starts[1] < shapes[0][1]
    _require(
        (first and last) or bool(attributes.get("count_pad", 0)),
        f"a {window.kernel} window with pads {window.padding} lies in the padding alone somewhere, where a pool has no value; "
        "needed: pads smaller than the window",
    )
    return (rows, columns, shapes[0][2])


def _fully_connected(shapes: list[Shape], attributes: Attributes) -> Shape:
    _require(_map_size(shapes[0])[:2] == (1, 1), f"needs a 1x1xC input, not {shapes[0]}; pool it first")
    return (1, 1, integer(attributes, "channels"))


def _combined(shapes: list[Shape], attributes: Attributes) -> Shape:
    """Element by element; the second operand may be one value per channel, (1, 1, channels)."""
    first, second = shapes
    same = first == second or (len(first) == 3 and second == (1, 1, first[2]))
    _require(same, f"inputs differ in shape: {first} and {second}; the second may also be one value per channel")
    return first


def _concat(shapes: list[Shape], attributes: Attributes) -> Shape:
    first = _map_size(shapes[0])
    _require(all(shape[:2] == first[:2] for shape in shapes), f"inputs differ in height or width: {shapes}")
    return (first[0], first[1], sum(shape[2] for shape in shapes))


def _slice(shapes: list[Shape], attributes: Attributes) -> Shape:
    shape, offset, channels = _map_size(shapes[0]), integer(attributes, "offset"), integer(attributes, "channels")
    _require(
        offset >= 0 and 1 <= channels <= shape[2] - offset, f"channels {offset} to {offset + channels} of {shape[2]}"
    )
    return (shape[0], shape[1], channels)


def _shuffle(shapes: list[Shape], attributes: Attributes) -> Shape:
    groups = integer(attributes, "groups")
    _require(_map_size(shapes[0])[2] % groups == 0, f"{shapes[0][2]} channels do not divide into {groups} groups")
    return shapes[0]


def _shuffle_merge(shapes: list[Shape], attributes: Attributes) -> Shape:
    _require(shapes[0] == shapes[1], f"halves differ in shape: {shapes[0]} and {shapes[1]}")
    return (shapes[0][0], shapes[0][1], 2 * shapes[0][2])


def _reshape(shapes: list[Shape], attributes: Attributes) -> Shape:
    shape = sizes(attributes, "shape")
    _require(prod(shape) == prod(shapes[0]), f"{shapes[0]} has {prod(shapes[0])} elements, {shape} has {prod(shape)}")
    return shape


def _transpose(shapes: list[Shape], attributes: Attributes) -> Shape:
    order = sizes(attributes, "order")
    _require(sorted(order) == list(range(len(shapes[0]))), f"{order} is no order of {len(shapes[0])} axes")
    return tuple(shapes[0][axis] for axis in order)


def _pad(shapes: list[Shape], attributes: Attributes) -> Shape:
    top, bottom, left, right = sizes(attributes, "pad", 4)
    height, width, channels = _map_size(shapes[0])
    height, width = height + top + bottom, width + left + right
    _require(min(height, width) >= 1, f"pads {(top, bottom, left, right)} leave nothing of the {shapes[0]} input")
    return (height, width, channels)


def _same(shapes: list[Shape], attributes: Attributes) -> Shape:
    return shapes[0]


WINDOW: dict[str, Attribute] = {"kernel": (tuple, REQUIRED), "stride": (tuple, (1, 1)), "pad": (tuple, (0, 0, 0, 0))}
ACTIVATION: dict[str, Attribute] = {"activation": (str, "none")}
# `norm` names the batch norm folded into the weights, `eps` its epsilon; empty names: no such parameter.
FOLDED: dict[str, Attribute] = {
    "weight": (str, REQUIRED),
    "bias": (str, ""),
    "norm": (str, ""),
    "eps": (float, 0.0),
    **ACTIVATION,
}

OPS: dict[str, Op] = {
    op.name: op
    for op in (
        Op("input", 0, lambda shapes, attributes: sizes(attributes, "shape"), {"shape": (tuple, REQUIRED)}),
        Op(
            "conv2d",
            1,
            _conv2d,
            {"channels": (int, REQUIRED), **WINDOW, "dilation": (tuple, (1, 1)), "groups": (int, 1), **FOLDED},
        ),
        Op("fully_connected", 1, _fully_connected, {"channels": (int, REQUIRED), **FOLDED}),
        Op("batch_norm", 1, _same, {"norm": (str, REQUIRED), "eps": (float, 1e-5)}),
        Op("relu", 1, _same),
        Op("relu6", 1, _same),
        Op("leaky_relu", 1, _same, {"slope": (float, 0.01)}),
        Op("hard_swish", 1, _same),
        Op("hard_sigmoid", 1, _same),
        Op("sigmoid", 1, _same),
        Op("swish", 1, _same),
        Op("tanh", 1, _same),
        Op("clip", 1, _same, {"low": (float, REQUIRED), "high": (float, REQUIRED)}),
        Op("affine", 1, _same, {"scale": (float, 1.0), "offset": (float, 0.0)}),
        Op("max_pool", 1, _pool, WINDOW),
        # `count_pad` 1: the divisor is the whole kernel's size, padding counts as zeros; 0: valid elements only.
        Op("avg_pool", 1, _pool, {**WINDOW, "count_pad": (int, 0)}),
        Op("global_avg_pool", 1, lambda shapes, attributes: (1, 1, _map_size(shapes[0])[2])),
        Op("add", 2, _combined, ACTIVATION),
        Op("mul", 2, _combined, ACTIVATION),
        Op("concat", None, _concat),
        Op("slice", 1, _slice, {"offset": (int, REQUIRED), "channels": (int, REQUIRED)}),
        Op("shuffle", 1, _shuffle, {"groups": (int, REQUIRED)}),
        Op("shuffle_merge", 2, _shuffle_merge),
        Op("reshape", 1, _reshape, {"shape": (tuple, REQUIRED)}),
        Op("transpose", 1, _transpose, {"order": (tuple, REQUIRED)}),
        # Negative pads cut off.
        Op("pad", 1, _pad, {"pad": (tuple, REQUIRED), "value": (float, 0.0)}),
        Op("softmax", 1, _same),  # over the channels
    )
}
