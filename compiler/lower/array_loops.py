"""How the array reads a convolution's input: the K loop over words and bytes, and the weights in its order."""

from __future__ import annotations

import numpy as np

from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8.k_loop import k_loop
from hwgen.compiler.int8.nodes import QConv
from hwgen.compiler.lower.passes import View
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import WORD_BYTES

PIXEL_BYTES = 4
"""Bytes of an image pixel when two share a word."""


def word_count(channels: int) -> int:
    """Words of the activation memory for so many channels of a pixel."""
    return ceil_div(channels, WORD_BYTES)


def weight_matrix(conv: QConv) -> np.ndarray:
    """Weights [channels, K] with K in the order tap row, tap column, input channel."""
    return conv.weights.reshape(conv.out_channels, -1)


def tap_loop(conv: QConv, view: View) -> dict[str, int]:
    """K loop over the words that the fetch reads for every tap; words may hold foreign channels before and behind the view."""
    kernel_h, kernel_w = conv.window.kernel
    first_byte = view.first % WORD_BYTES
    words = word_count(first_byte + view.channels)
    return {
        "first_byte": first_byte,
        "inner": view.channels,
        "outer": kernel_h * kernel_w,
        "outer_stride": words * WORD_BYTES,
        "words": words,
    }


def channel_loop(conv: QConv, view: View) -> tuple[View, dict[str, int], np.ndarray]:
    """What a 1x1 kernel reads, its K loop and its weights: only the channels whose weights are not all zero."""
    matrix = weight_matrix(conv)
    steps = k_loop(np.any(matrix, axis=0))
    channels = steps.channels()
    view = View(view.buffer, view.first + steps.first, int(channels[-1]) - steps.first + 1)
    loop = {**tap_loop(conv, view), "inner": steps.inner, "outer": steps.outer, "outer_stride": steps.stride}
    return view, loop, matrix[:, channels]


def folded_loop(conv: QConv) -> tuple[Window, dict[str, int], np.ndarray]:
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
    loop = {
        "first_byte": PIXEL_BYTES * odd,
        "inner": inner,
        "outer": kernel_h,
        "outer_stride": WORD_BYTES * taps,
        "words": 1,
    }
    return window, loop, weights.reshape(conv.out_channels, -1)
