"""What a copy of pixels can do: cut off, leave out, surround."""

from collections.abc import Iterator

from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8.nodes import QStridedSlice

STRIDES = (3, 2)
"""Strides of one copy; greater ones are made of several."""


def factors(step: int) -> list[int] | None:
    """`step` as a product of strides of one copy; None if it is none."""
    found = []
    for stride in STRIDES:
        while step % stride == 0 and step > 1:
            found.append(stride)
            step //= stride
    return found if step == 1 else None


def movable(node: QStridedSlice) -> bool:
    """Whether copies and a choice of channels can do it."""
    return all(step > 0 and factors(step) is not None for step in node.step[:2])


def windows(node: QStridedSlice, height: int, width: int) -> Iterator[Window]:
    """Copies, one behind the other, that cut rows and columns out of a map of `height` x `width`."""
    strides = [factors(step) or [] for step in node.step[:2]]
    counts = [max(len(found), 1) for found in strides]
    first = list(node.begin[:2])
    size = [height, width]
    for i in range(max(counts)):
        stride, padding = [1, 1], [0, 0, 0, 0]
        for axis in (0, 1):
            left = node.step[axis]
            for done in strides[axis][:i]:
                left //= done
            begin = first[axis] if i == 0 else 0
            if i < len(strides[axis]):
                stride[axis] = strides[axis][i]
            # What lies behind the last element that is wanted is cut off too.
            past = begin + (node.shape[axis] - 1) * left + 1
            padding[2 * axis : 2 * axis + 2] = [-begin, past - size[axis]]
            size[axis] = (past - begin - 1) // stride[axis] + 1
        yield Window(stride=(stride[0], stride[1]), padding=(padding[0], padding[1], padding[2], padding[3]))
