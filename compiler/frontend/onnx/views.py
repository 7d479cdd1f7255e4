"""Which operations bring the elements of a tensor into the places that a chain of Reshape, Transpose, Slice ... gives them.

An `order` says of every element of an ONNX tensor, row-major, which element of a tensor of the float graph it is, counted
channels first (channel, row, column). What a chain of moves does is read off it, however the chain is written: a choice of
channels that is the same for every pixel is a slice or a shuffle, and so on.
"""

from collections.abc import Callable

import numpy as np

from hwgen.compiler.frontend.onnx.problems import Unsupported

Emit = Callable[..., str]  # (operation, input, **attributes) -> tensor; the same arguments give the same tensor
Size = tuple[int, int, int]  # height, width, channels

MOST_PIECES = 16  # slices joined by a concatenation
LARGEST_ORDER = 1 << 24
LARGEST_SHUFFLE = 1 << 14
NEAREST = "slices, splits and shuffles of channels that are the same for every pixel, and cut-out rows and columns"


def sequence(size: Size) -> np.ndarray:
    """The order of a tensor's own elements, channels first."""
    elements = size[0] * size[1] * size[2]
    if elements > LARGEST_ORDER:
        raise Unsupported(f"it moves {elements:,} elements", f"at most {LARGEST_ORDER:,}")
    return np.arange(elements, dtype=np.int32)


def arrange(tensor: str, size: Size, order: np.ndarray | None, target: Size, emit: Emit) -> str:
    """A tensor of size `target` whose elements, channels first, are those of `tensor` (of `size`) in `order`.

    Raises:
        Unsupported: no operations of the graph move them so.
    """
    if order is None and size == target:
        return tensor
    height, width, channels = target
    order = (sequence(size) if order is None else order).reshape(channels, height * width)
    pixels = size[0] * size[1]
    chosen = order[:, 0] // pixels
    # Of as many elements as the order has: the product of its channels and another tensor's pixels has no bound.
    if order.shape[1] == pixels and np.array_equal(order, chosen[:, None] * pixels + _count(pixels)):
        tensor = select(tensor, size[2], chosen, emit)
        return tensor if size[:2] == target[:2] else emit("reshape", tensor, shape=target)
    last_first = _count(order.size).reshape(size[2], pixels).T if order.size == pixels * size[2] else None
    if last_first is not None and np.array_equal(order.T, last_first.reshape(height * width, channels)):
        return emit("reshape", tensor, shape=target)
    top, left = divmod(int(order[0, 0]) % pixels, size[1])
    inside = top + height <= size[0] and left + width <= size[1]
    cut = ((top + _count(height))[:, None] * size[1] + left + _count(width)).reshape(1, -1)
    if inside and np.array_equal(order, chosen[:, None] * pixels + cut):
        pads = (-top, top + height - size[0], -left, left + width - size[1])
        return select(emit("pad", tensor, pad=pads), size[2], chosen, emit)
    raise Unsupported("it moves values between pixels and channels, or pixels among themselves", NEAREST)


def _count(end: int) -> np.ndarray:
    """The numbers below `end`, of 32 bits, as an order has them."""
    return np.arange(end, dtype=np.int32)


def select(tensor: str, channels: int, chosen: np.ndarray, emit: Emit) -> str:
    """The channels `chosen` of a tensor of `channels`, in that order."""
    if len(chosen) == channels and np.array_equal(chosen, np.arange(channels)):
        return tensor
    first, count = int(chosen[0]), len(chosen)
    if np.array_equal(chosen, first + np.arange(count)):
        return emit("slice", tensor, offset=first, channels=count)
    if channels > LARGEST_SHUFFLE:
        raise Unsupported(f"it orders {channels:,} channels", f"at most {LARGEST_SHUFFLE:,}")
    for groups in range(2, channels):
        if channels % groups:
            continue
        shuffled = np.arange(channels).reshape(groups, -1).T.ravel()  # equation 16
        offset = int(np.flatnonzero(shuffled == first)[0])
        if np.array_equal(shuffled[offset : offset + count], chosen):
            mixed = emit("shuffle", tensor, groups=groups)
            return mixed if count == channels else emit("slice", mixed, offset=offset, channels=count)
    ends = [0, *(np.flatnonzero(np.diff(chosen) != 1) + 1).tolist(), count]
    if len(ends) - 1 > MOST_PIECES:
        raise Unsupported(f"it orders {count} channels in {len(ends) - 1} pieces", NEAREST)
    pieces = [
        emit("slice", tensor, offset=int(chosen[start]), channels=end - start)
        for start, end in zip(ends, ends[1:], strict=False)
    ]
    return emit("concat", *pieces)
