"""Sizes of pools with ceil_mode, which onnx's own inference counts one too large in operator sets below 22."""

from __future__ import annotations

from collections.abc import Sequence

from hwgen.compiler.frontend.onnx.model import Node

POOLS = ("AveragePool", "MaxPool")


def pool_shape(node: Node, source: Sequence[int], inferred: tuple[int, ...]) -> tuple[int, ...]:
    """The output shape of a pool over an input of shape `source`, both batch x channels x spatial dimensions.

    A window that would start behind the input, in the padding at the end, is left out: so do torch, onnxruntime, onnx's
    reference evaluator, and the standard itself from operator set 22 on.  Anything but such a pool keeps `inferred`.
    """
    if node.op not in POOLS or not node.attributes.get("ceil_mode", 0) or len(source) != len(inferred):
        return inferred
    dimensions = len(source) - 2
    strides = node.attributes.get("strides", [1] * dimensions)
    explicit = node.attributes.get("auto_pad", "NOTSET") == "NOTSET"
    pads = node.attributes.get("pads", [0] * (2 * dimensions)) if explicit else [0] * (2 * dimensions)
    if len(strides) != dimensions or len(pads) != 2 * dimensions:
        return inferred  # the importer says what is wrong with them
    sizes = [
        size - int(size > 1 and (size - 1) * stride >= inside + low)
        for size, inside, low, stride in zip(inferred[2:], source[2:], pads[:dimensions], strides, strict=True)
    ]
    return (*inferred[:2], *sizes)
