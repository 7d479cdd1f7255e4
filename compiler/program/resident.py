"""Content of the ring's memories when everything of a network stays in block RAM."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compiler.plan.bands import Step
from compiler.plan.pack import array_parameters, parameter_head, weight_words, window_words
from compiler.plan.schedule import StepLoads
from compiler.program.descriptors import Fields, packed
from hw.config import WINDOW_WORDS, RingConfig
from hw.resident import Resident


def resident_content(
    steps: Sequence[Step], places: Sequence[StepLoads], descriptors: Sequence[Fields], config: RingConfig
) -> Resident:
    """The words of every memory; those that no pass reads are 0."""
    weights = [0] * config.weight_depth
    parameters = [0] * config.parameter_depth
    window = [0] * config.window_depth
    for step, place in zip(steps, places, strict=True):
        if step.source.array_node is not None:
            _put(weights, place.weight_base, weight_words(step, config.cols))
            _put(parameters, place.parameter_base - parameter_head(step), array_parameters(step))
        words = window_words(step, config.window_lanes)
        if words is not None:
            _put(window, place.window_base * WINDOW_WORDS, words)
    return Resident(tuple(weights), tuple(parameters), tuple(window), tuple(packed(fields) for fields in descriptors))


def _put(memory: list[int], base: int, units: np.ndarray) -> None:
    """Units uint8 [units, bytes] from word `base` on."""
    words = [int.from_bytes(unit.tobytes(), "little") for unit in units]
    if base + len(words) > len(memory):
        raise ValueError(f"{base + len(words)} words do not fit a memory of {len(memory)}")
    memory[base : base + len(words)] = words
