"""Grouped convolutions: as few dense ones, each of a slice of the channels; a depth multiplier as copies of the channels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwgen.compiler.int8.fusion import FURTHER_PASS_CYCLES
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QConcat, QConv, QShuffle, QSlice, QTensor
from hwgen.compiler.legalise.rewriter import MOST_WEIGHTS, Rewriter
from hwgen.errors import UnsupportedOpError
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import WORD_BYTES

_CHUNK, _LEAST_STEPS = 12, 26
"""A usual array's output channels at once, and least steps for them."""


def grouped(rewriter: Rewriter, conv: QConv, x: QTensor, out: QTensor) -> None:
    """Emit `conv` as convolutions of one group, or depthwise ones."""
    if conv.groups == 1 or conv.depthwise:
        rewriter.emit(conv)
    elif conv.groups == conv.in_channels:
        copies = conv.out_channels // conv.in_channels
        wide = rewriter.extra(x, "repeated", (x.height, x.width, conv.out_channels))
        rewriter.select(f"{conv.name}/repeat", x, wide, [i // copies for i in range(conv.out_channels)])
        rewriter.emit(replace(conv, input=wide.name, groups=conv.out_channels))
    else:
        _split(rewriter, conv, x, out)


def _split(rewriter: Rewriter, conv: QConv, x: QTensor, out: QTensor) -> None:
    passes = best_split(conv, out.height * out.width, ordered_later(rewriter.graph, conv.output))
    if passes == 1:
        rewriter.emit(dense(conv))
        return
    parts = []
    inputs, outputs = conv.in_channels // passes, conv.out_channels // passes
    for i in range(passes):
        source = rewriter.extra(x, f"group{i}", (x.height, x.width, inputs))
        part = rewriter.extra(out, f"group{i}", (out.height, out.width, outputs))
        rewriter.emit(QSlice(f"{conv.name}/slice{i}", x.name, source.name, i * inputs, inputs))
        chosen = slice(i * outputs, (i + 1) * outputs)
        rewriter.emit(
            dense(
                replace(
                    conv,
                    name=f"{conv.name}/group{i}",
                    input=source.name,
                    output=part.name,
                    weights=conv.weights[chosen],
                    bias=conv.bias[chosen],
                    multiplier=conv.multiplier[chosen],
                    shift=conv.shift[chosen],
                    groups=conv.groups // passes,
                )
            )
        )
        parts.append(part.name)
    rewriter.emit(QConcat(conv.name, tuple(parts), out.name))


def ordered_later(graph: QGraph, tensor: str) -> bool:
    """All that reads a tensor can do without its channels' order, and with gaps between them: 1x1 convolutions, behind shuffles and
    depthwise convolutions (`hwgen.compiler.legalise.absorb`).
    """
    readers = graph.consumers(tensor)
    if tensor == graph.output or not readers:
        return False
    for reader in readers:
        if isinstance(reader, QShuffle) or (isinstance(reader, QConv) and reader.depthwise):
            if not ordered_later(graph, reader.output):
                return False
        elif not (isinstance(reader, QConv) and reader.window.trivial):
            return False
    return True


def best_split(conv: QConv, pixels: int, gaps: bool = False) -> int:
    """Passes into which the groups are cut: each writes whole words (with `gaps` any channels), and all together take the fewest
    cycles.
    """

    def cycles(passes: int) -> int:
        outputs, depth = conv.out_channels // passes, conv.weights[0].size * conv.groups // passes
        return passes * (
            ceil_div(pixels, _CHUNK) * ceil_div(outputs, _CHUNK) * max(depth, _LEAST_STEPS) + FURTHER_PASS_CYCLES
        )

    possible = [
        n
        for n in range(1, conv.groups + 1)
        if conv.groups % n == 0 and (n == 1 or gaps or conv.out_channels // n % WORD_BYTES == 0)
    ]
    return min(possible, key=cycles)


def dense(conv: QConv) -> QConv:
    """One group, with zeros between the channels that do not belong together."""
    if conv.groups == 1:
        return conv
    inputs, outputs = conv.weights.shape[3], conv.out_channels // conv.groups
    if conv.weights.size * conv.groups > MOST_WEIGHTS:
        raise UnsupportedOpError(
            f"{conv.name}: {conv.groups:,} groups of {inputs} input and {outputs} output channels; nearest: fewer channels, or one "
            "channel a group"
        )
    weights = np.zeros((*conv.weights.shape[:3], conv.in_channels), np.int8)
    for group in range(conv.groups):
        rows = slice(group * outputs, (group + 1) * outputs)
        weights[rows, :, :, group * inputs : (group + 1) * inputs] = conv.weights[rows]
    return replace(conv, weights=weights, groups=1)
