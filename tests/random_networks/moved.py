"""Random operators that move values: padding, concatenations, parts, other shapes and orders."""

from __future__ import annotations

import math

import numpy as np

from tests.random_networks.drawn import MOST_ELEMENTS, Drawn


def pad(d: Drawn) -> None:
    """PAD, or PADV2 with a value of its own; channels are padded too."""
    x = d.source()
    amounts = np.array([[0, 0], *([d.pick([0, 0, 1, 2, 3]) for _ in range(2)] for _ in range(2)), [0, 0]])
    if d.chance(0.3):
        amounts[3] = [d.between(0, 3), d.between(0, 3)]
    shape = tuple(int(size) for size in np.array(d.shape(x)) + amounts.sum(axis=1))
    if math.prod(shape) > MOST_ELEMENTS:
        return
    out = d.tensor(shape, *d.scale(x))
    kind = d.pick([np.int32, np.int64])
    inputs = [x, d.m.tensor((4, 2), None, data=amounts.astype(kind), kind="INT32" if kind is np.int32 else "INT64")]
    if own := d.chance(0.3) and not d.uint8:
        inputs.append(d.constant_q((1,), *d.scale(x)))
    d.m.operator("PADV2" if own else "PAD", inputs, [out])
    d.add(out)


def concatenation(d: Drawn) -> None:
    """CONCATENATION of one to four parts, the same one again now and then.

    Those of other scales are requantised first: the kernel has that for uint8 only.
    """
    x = d.source()
    quantisation = d.quantisation(d.scale(x)[0]) if d.uint8 and d.chance(0.5) else d.scale(x)
    parts = [x]
    for _ in range(d.between(0, 3)):
        other = d.pick(d.alike(x))
        d.unread.discard(other)
        parts.append(other if d.uint8 else d.requantised(other, quantisation))
    shape = (*d.shape(x)[:3], sum(d.shape(part)[3] for part in parts))
    if math.prod(shape) > MOST_ELEMENTS:
        return
    if d.chance(0.5):
        parts.reverse()
    out = d.tensor(shape, *quantisation)
    d.m.operator("CONCATENATION", parts, [out], Axis=d.pick([3, -1]))
    d.add(out)


def split(d: Drawn) -> None:
    """SPLIT into equal parts, SPLIT_V into any, of which one may be left open, along any axis."""
    x = d.source()
    shape = list(d.shape(x))
    axes = [axis for axis in (1, 2, 3, 3, 3) if shape[axis] > 1]
    if not axes:
        return
    axis = d.pick(axes)
    extent, sign = shape[axis], d.pick([0, -4])
    counts = [count for count in (2, 3, 4) if extent % count == 0]
    even = bool(counts) and d.chance(0.5)
    if even:
        count = d.pick(counts)
        sizes = [extent // count] * count
    else:
        first = d.between(1, extent - 1)
        second = d.between(1, extent - first)
        sizes = [first, second] + ([extent - first - second] if first + second < extent else [])
    outputs = [d.tensor((*shape[:axis], size, *shape[axis + 1 :]), *d.scale(x)) for size in sizes]
    if even:
        d.m.operator("SPLIT", [d.m.constant(axis + sign), x], outputs, NumSplits=len(sizes))
    else:
        written = list(sizes)
        if d.chance(0.3):
            written[d.between(0, len(sizes) - 1)] = -1
        inputs = [x, d.m.constant(written), d.m.constant(axis + sign)]
        d.m.operator("SPLIT_V", inputs, outputs, NumSplits=len(sizes))
    d.add(*outputs)


def strided_slice(d: Drawn) -> None:
    """STRIDED_SLICE: ends counted from behind, left out or beyond the tensor, steps of any size and sign."""
    x = d.source()
    shape = d.shape(x)
    begin, end, step, size = [0], [1], [1], [1]
    masks = [1, 1]  # of begin and end: the batch's are left out
    for axis, extent in enumerate(shape[1:], 1):
        low = d.between(0, extent - 1)
        high = d.between(low + 1, extent)
        stride = d.pick([1, 1, 1, 2, 3, 4, -1, -2]) if d.chance(0.6) else 1
        whole = d.chance(0.4)
        if whole:
            low, high = 0, extent
        chosen = range(low, high, stride) if stride > 0 else range(high - 1, low - 1, stride)
        first, last = chosen[0], high if stride > 0 else low - 1
        if whole and d.chance(0.5):
            masks = [masks[0] | 1 << axis, masks[1] | 1 << axis]
        last = last - extent if last < 0 or (last < extent and d.chance(0.3)) else last
        first = first - extent if d.chance(0.2) else first
        begin.append(first)
        end.append(last)
        step.append(stride)
        size.append(len(chosen))
    constants = [begin, end, step]
    options = {"BeginMask": masks[0], "EndMask": masks[1]}
    d.add(d.one("STRIDED_SLICE", x, tuple(size), constants=constants, **options))


def reshape(d: Drawn) -> None:
    """RESHAPE to another frame, or SQUEEZE or RESHAPE to fewer dimensions and EXPAND_DIMS back."""
    x = d.source()
    shape = d.shape(x)
    kind = d.pick(["frame", "squeeze", "flat"])
    if kind == "squeeze" and min(shape[1:]) > 1:
        y = d.one("SQUEEZE", x, shape[1:])
        d.add(d.one("EXPAND_DIMS", y, shape, constants=[d.pick([0, -4])]))
        return
    if kind == "flat":
        y = d.one("RESHAPE", x, (1, math.prod(shape)), constants=[[1, -1]])
        d.add(d.one("RESHAPE", y, shape, constants=[shape]))
        return
    size = math.prod(shape)
    height = d.pick([n for n in range(1, 10) if size % n == 0])
    width = d.pick([n for n in range(1, 10) if size // height % n == 0])
    new = (1, height, width, size // height // width)
    if new[3] <= 64:
        d.add(d.one("RESHAPE", x, new, constants=[new]))


def transpose(d: Drawn) -> None:
    """A shuffle of channels in groups, or a TRANSPOSE that moves a dimension of 1."""
    x = d.source()
    _, height, width, channels = d.shape(x)
    groups = [count for count in range(2, channels + 1) if channels % count == 0]
    if height == 1 and d.chance(0.5):
        d.add(d.one("TRANSPOSE", x, (1, width, 1, channels), constants=[[0, 2, 1, 3]]))
    elif groups:
        count = d.pick(groups)
        split, swapped = (1, height, width, count, channels // count), (1, height, width, channels // count, count)
        y = d.one("RESHAPE", x, split, constants=[split])
        y = d.one("TRANSPOSE", y, swapped, constants=[d.pick([[0, 1, 2, 4, 3], [0, 1, 2, -1, -2]])])
        shape = (1, height, width, channels)
        d.add(d.one("RESHAPE", y, shape, constants=[shape]))
