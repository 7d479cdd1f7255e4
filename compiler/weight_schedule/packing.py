"""Weights and parameters as the words of the core's memories."""

from __future__ import annotations

import numpy as np

from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8 import arithmetic
from hwgen.compiler.int8.nodes import QConv, QMaxPool, QMean
from hwgen.compiler.lower.array_steps import weight_products
from hwgen.compiler.lower.blocks import block_weights
from hwgen.compiler.tiling.stripes import Step
from hwgen.errors import ModelError
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import WINDOW_WORDS, CoreConfig
from hwgen.hw.isa.descriptor import COMBINE_WORDS, FeedMode, WindowOp

_SIDE = 3
"""Taps are numbered 3 * row + column whatever the kernel; its last column is column 2."""

_TAPS = 9
_PARAMETER_BYTES = 9
_BIAS_BITS = 32

_LOOK_UP = 1 << 5
"""Bit 0 of `unused` in the last byte of a channel's parameters."""


def weight_words(step: Step, config: CoreConfig) -> np.ndarray:
    """Weights of a step, uint8 [chunks * K, weight_bytes]: word chunk * K + k; missing channels are zero.

    Byte 2 q belongs to channel q of the chunk, byte 2 q + 1 to channel cols / 2 + q; with two steps a cycle the odd one's follow.
    """
    cols, k_steps = config.cols, config.k_steps
    matrix = step.source.weights
    assert matrix is not None and step.source.k_steps == k_steps
    part = matrix[step.first_channel : step.first_channel + step.channels]
    chunks = ceil_div(step.channels, cols)
    padded = np.zeros((chunks * cols, part.shape[1]), np.int8)
    padded[: step.channels] = part
    by_chunk = padded.reshape(chunks, 2, cols // 2, -1, k_steps)  # chunk, parity, lane, k, step of the cycle
    return by_chunk.transpose(0, 3, 4, 2, 1).reshape(-1, config.weight_bytes).view(np.uint8)


def _parameter_bytes(bias: np.ndarray, multiplier: np.ndarray, shift: np.ndarray, look_up: bool) -> np.ndarray:
    """`hwgen.hw.isa.descriptor.ChannelParameters`, uint8 [channels, 9], least significant byte first; `look_up`: through the table."""
    if (shift < 0).any() or (shift > arithmetic.MAX_SHIFT).any():
        raise ModelError(f"shifts must be 0..{arithmetic.MAX_SHIFT}, not {int(shift.min())}..{int(shift.max())}")
    packed = np.zeros((len(bias), _PARAMETER_BYTES), np.uint8)
    # 63 bits of bias and multiplier, then the shift: bits 63..68.
    value = (bias.astype(np.int64).astype(np.uint64) & np.uint64(0xFFFFFFFF)) | (
        multiplier.astype(np.uint64) << np.uint64(32)
    )
    value |= (shift.astype(np.uint64) & np.uint64(1)) << np.uint64(63)
    packed[:, :8] = value.astype("<u8").view(np.uint8).reshape(-1, 8)
    packed[:, 8] = shift.astype(np.int64) >> 1 | _LOOK_UP * look_up
    return packed


def parameter_head(step: Step) -> int:
    """Words of the lane parameter memory before those of the step's first channel: the combine element's."""
    return 0 if step.source.combine is None else COMBINE_WORDS


def array_parameters(step: Step) -> np.ndarray:
    """Parameters of the step's output channels, uint8 [channels, 9], behind those of the combine element if it takes part.

    The bias takes off what an array that takes two steps a cycle adds to the sums.
    """
    conv = step.source.array_node
    assert conv is not None
    part = slice(step.first_channel, step.first_channel + step.channels)
    look_up = step.source.array_table is not None
    bias = (conv.folded_bias - weight_products(step.source))[part]
    if (largest := int(np.abs(bias).max())) >= 1 << _BIAS_BITS - 1:
        raise ModelError(
            f"{step.name}: a bias of {largest}, the zero point's and the weights' products included, does not fit {_BIAS_BITS} bits"
        )
    channels = _parameter_bytes(bias, conv.multiplier[part], conv.shift[part], look_up)
    if step.source.combine is None:
        return channels
    combine_bias, multiplier, shift = np.array(step.source.combine.words(), np.int64).T
    return np.concatenate([_parameter_bytes(combine_bias, multiplier, shift, look_up=False), channels])


def window_channels(step: Step) -> int:
    """Channels that the window works on in a step (a global pool may do a part of them, else all)."""
    return step.channels if step.source.mode == FeedMode.SUM else step.source.input.channels


def window_entries(step: Step, lanes: int) -> int:
    """Units of WINDOW_WORDS words that a step's window parameters take."""
    return parameter_units(ceil_div(window_channels(step), lanes), step.source.blocks.total)


def parameter_units(groups: int, blocks: int) -> int:
    """Units of WINDOW_WORDS words of `groups` subgroups: half a unit for each block's weights, and half for the parameters."""
    return ceil_div(groups * (blocks + 1), 2)


def window_words(step: Step, lanes: int) -> np.ndarray | None:
    """Window parameters of a step, uint8 [subgroups * 8, 18 * lanes / 8]; None if the window needs none.

    A subgroup whose kernel consists of blocks has as many times words 0..3, a block behind the other; zeros fill the last unit.
    Words 0..3 of a subgroup: taps 0..8 of all lanes; words 4..7: parameters of the lanes, lanes / 4 in a word.
    """
    node = step.source.window_node
    if node is None or isinstance(node, QMaxPool) or step.source.op == WindowOp.MAX:
        return None
    channels, look_up = window_channels(step), step.source.window_table is not None
    groups, blocks = ceil_div(channels, lanes), step.source.blocks.total
    taps = np.zeros((groups * lanes, blocks, _SIDE, _SIDE), np.int8)
    parameters = np.zeros((groups * lanes, _PARAMETER_BYTES), np.uint8)
    if isinstance(node, QConv):
        _set_taps(taps[:channels], node.weights[:, :, :, 0], node.window)
        parameters[:channels] = _parameter_bytes(node.folded_bias, node.multiplier, node.shift, look_up)
    else:
        if isinstance(node, QMean):
            bias, multiplier, shift = node.folded_bias, node.multiplier, node.shift
        elif step.source.average is None:
            kernel_h, kernel_w = node.window.kernel
            bias, (multiplier, shift) = 0, arithmetic.average_multiplier(kernel_h * kernel_w)
        else:
            bias, (multiplier, shift) = 0, arithmetic.average_multiplier(step.source.average.divisor)
            _set_taps(taps, np.ones((len(taps), *node.window.kernel), np.int8), node.window)
        parameters[:] = _parameter_bytes(np.array([bias]), np.array([multiplier]), np.array([shift]), look_up)
    half = WINDOW_WORDS // 2
    ordered = taps.reshape(groups, lanes, blocks, _TAPS).transpose(0, 2, 3, 1)
    weights = ordered.reshape(groups, blocks * half, -1).view(np.uint8)
    words = np.concatenate([weights, parameters.reshape(groups, half, -1)], axis=1).reshape(
        groups * (blocks + 1) * half, -1
    )
    return np.pad(words, ((0, -len(words) % WINDOW_WORDS), (0, 0)))


def _set_taps(taps: np.ndarray, weights: np.ndarray, window: Window) -> None:
    """Weights [channels, kernel rows, kernel columns] at their places [channels, block, row, column]: the last column is column 2."""
    blocks = block_weights(weights, window)
    taps[:, :, : blocks.shape[2], _SIDE - blocks.shape[3] :] = blocks


def table_halfwords(table: np.ndarray) -> np.ndarray:
    """A table int8 [256] (entry 0 for -128) as a unit of the stream, uint8 [1, 256]: entry a for the input byte a."""
    return np.roll(table, 128).view(np.uint8)[None]
