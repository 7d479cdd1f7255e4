"""How the array reads a convolution's input: the K loop over words and bytes, and the weights in its order."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8.k_loop import k_loop
from hwgen.compiler.int8.nodes import QConv
from hwgen.compiler.lower.image import ImageFold
from hwgen.compiler.lower.passes import View
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import WORD_BYTES

PIXEL_BYTES = 4
"""Bytes of an image pixel when two share a word."""


def word_count(channels: int) -> int:
    """Words of the activation memory for so many channels of a pixel."""
    return ceil_div(channels, WORD_BYTES)


@dataclass(frozen=True)
class KLoop:
    """The array's loop over a pixel's words, as `hwgen.compiler.lower.passes.LogicalPass` has it."""

    first_byte: int = 0
    inner: int = 0
    outer: int = 1
    outer_stride: int = 0
    words: int = 0


@dataclass(frozen=True, eq=False)
class ArrayRead:
    """How the array reads a convolution's input.

    Attributes:
        view: what the fetch reads.
        window: geometry from the buffer's memory pixels to the output.
        loop: over what was read.
        weights: int8 [channels, K] in the order of the loop.
    """

    view: View
    window: Window
    loop: KLoop
    weights: np.ndarray


def _matrix(conv: QConv) -> np.ndarray:
    """Weights [channels, K] with K in the order tap row, tap column, input channel."""
    return conv.weights.reshape(conv.out_channels, -1)


def _tap_loop(conv: QConv, view: View) -> KLoop:
    """Over the words that the fetch reads for every tap; words may hold foreign channels before and behind the view."""
    kernel_h, kernel_w = conv.window.kernel
    first_byte = view.first % WORD_BYTES
    words = word_count(first_byte + view.channels)
    return KLoop(first_byte, view.channels, kernel_h * kernel_w, words * WORD_BYTES, words)


def read_taps(conv: QConv, view: View) -> ArrayRead:
    """All channels of every tap."""
    return ArrayRead(view, conv.window, _tap_loop(conv, view), _matrix(conv))


def read_channels(conv: QConv, view: View) -> ArrayRead:
    """Of a 1x1 kernel only the channels whose weights are not all zero."""
    matrix = _matrix(conv)
    steps = k_loop(np.any(matrix, axis=0))
    channels = steps.channels()
    view = View(view.buffer, view.first + steps.first, int(channels[-1]) - steps.first + 1)
    loop = replace(_tap_loop(conv, view), inner=steps.inner, outer=steps.outer, outer_stride=steps.stride)
    return ArrayRead(view, conv.window, loop, matrix[:, channels])


def read_window(conv: QConv, view: View, depthwise: QConv) -> ArrayRead:
    """What the window makes of the view: one pixel's channels."""
    return ArrayRead(view, depthwise.window, KLoop(inner=conv.in_channels), _matrix(conv))


def read_folded_image(conv: QConv, view: View, fold: ImageFold) -> ArrayRead:
    """An image whose memory pixels hold several of its pixels."""
    loop = KLoop(0, fold.bytes, fold.window.kernel[0], WORD_BYTES * fold.pixel_words, fold.pixel_words)
    return ArrayRead(view, fold.window, loop, fold.matrix(conv))


def read_packed_image(conv: QConv, view: View) -> ArrayRead:
    """A convolution of stride 2 on an image with two pixels in a word: one tap is a word, one word to the right per output column."""
    kernel_h, kernel_w = conv.window.kernel
    top, bottom, left, right = conv.window.padding
    odd = left % 2  # the first tap is the second pixel of its word
    taps = (odd + kernel_w - 1) // 2 + 1
    inner = PIXEL_BYTES * (kernel_w - 1) + conv.in_channels
    window = Window((kernel_h, taps), (conv.window.stride[0], 1), (top, bottom, (left + 1) // 2, (right + 1) // 2))
    weights = np.zeros((conv.out_channels, kernel_h, inner), np.int8)
    for kx in range(kernel_w):
        weights[:, :, PIXEL_BYTES * kx : PIXEL_BYTES * kx + conv.in_channels] = conv.weights[:, :, kx, :]
    loop = KLoop(PIXEL_BYTES * odd, inner, kernel_h, WORD_BYTES * taps, words=1)
    return ArrayRead(view, window, loop, weights.reshape(conv.out_channels, -1))
