"""What the combine element does in a pass: an ADD or a MUL of the array's results with a second operand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8 import arithmetic
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QAdd, QConv, QMul
from hwgen.hw.isa.config import WORD_BYTES
from hwgen.hw.isa.descriptor import CombineOp

COPY_CHANNELS = 3 * WORD_BYTES
"""Channels that one pass copies through the array: as many steps as moving the sums out takes anyway, and whole words."""

_HALF = (1 << 30, 0)


@dataclass(frozen=True)
class Combine:
    """Fields of `hwgen.hw.isa.descriptor.CombineParameters`, and the operation.

    Attributes:
        op: ADD or MUL.
        still: the operand is one value per channel.
        inner: tensor of the int8 graph that the array makes and that is not stored, or None if it is a copy of one that is.
        zero_scaled, zero_other, swap, multiplier, shift, clamp, out_multiplier, out_shift: as in the hardware's parameters; clamp is
            (zero point, low, high).
    """

    op: CombineOp
    still: bool
    inner: str | None
    zero_scaled: int
    zero_other: int
    swap: bool
    multiplier: int
    shift: int
    clamp: tuple[int, int, int]
    out_multiplier: int
    out_shift: int

    def words(self) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        """(bias, M, n) of two words of the lane parameter memory."""
        zero_point, low, high = (value & 0xFF for value in self.clamp)
        zeros = (self.zero_scaled & 0xFF) | (self.zero_other & 0xFF) << 8 | int(self.swap) << 16
        return (
            (zeros, self.multiplier, self.shift),
            (zero_point | low << 8 | high << 16, self.out_multiplier, self.out_shift),
        )


def partner(node: QAdd | QMul, tensor: str) -> str:
    """The other input."""
    return node.right if tensor == node.left else node.left


def _still(graph: QGraph, node: QAdd | QMul) -> bool:
    left, right = graph.tensors[node.left], graph.tensors[node.right]
    return right.shape[:2] == (1, 1) and left.shape[:2] != (1, 1)


def combination(graph: QGraph, node: QAdd | QMul, through_array: str, *, stored: bool) -> Combine | str:
    """The element's work for a node whose input `through_array` comes from the array (`stored`: as a copy of a stored tensor).

    Returns:
        The parameters, or why they do not exist.
    """
    array, operand = graph.tensors[through_array], graph.tensors[partner(node, through_array)]
    out = graph.tensors[node.output]
    clamp = (out.zero_point, node.act_min, node.act_max)
    inner = None if stored else through_array
    if isinstance(node, QMul):
        if node.shift < 0:
            return f"the product's factor must be less than 1, not 2^{-node.shift} or more"
        return Combine(
            CombineOp.MUL,
            _still(graph, node),
            inner,
            operand.zero_point,
            array.zero_point,
            False,
            0,
            0,
            clamp,
            node.multiplier,
            node.shift,
        )
    left, right, (out_multiplier, out_shift) = arithmetic.add_multipliers(
        *(graph.tensors[name].scale for name in (node.left, node.right, node.output))
    )
    if out_shift < 0:
        return f"the sum's factor must be less than 1, not 2^{-out_shift} or more"
    by_name = {node.left: left, node.right: right}
    swap = by_name[array.name] != _HALF
    scaled, other = (array, operand) if swap else (operand, array)
    assert by_name[other.name] == _HALF, "the larger scale of an ADD has the factor 1/2"
    return Combine(
        CombineOp.ADD,
        _still(graph, node),
        inner,
        scaled.zero_point,
        other.zero_point,
        swap,
        *by_name[scaled.name],
        clamp,
        out_multiplier,
        out_shift,
    )


def copying(name: str, source: str, target: str, channels: int) -> QConv:
    """A 1x1 convolution that changes nothing (equation 21)."""
    return QConv(
        name=name,
        input=source,
        output=target,
        weights=np.eye(channels, dtype=np.int8).reshape(channels, 1, 1, channels),
        bias=np.zeros(channels, np.int32),
        multiplier=np.full(channels, arithmetic.UNIT[0], np.int64),
        shift=np.full(channels, arithmetic.UNIT[1], np.int64),
        window=Window((1, 1)),
        groups=1,
        input_zero_point=0,
        output_zero_point=0,
        act_min=arithmetic.INT8_MIN,
        act_max=arithmetic.INT8_MAX,
    )
