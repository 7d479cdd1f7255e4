"""Content of the core's memories when everything of a network stays in block RAM."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwgen.compiler.int8.nodes import QTable
from hwgen.compiler.program.descriptors import packed
from hwgen.compiler.program.stream import as_halfwords
from hwgen.compiler.tiling.stripes import Step
from hwgen.compiler.weight_schedule.packing import (
    array_parameters,
    parameter_head,
    table_halfwords,
    weight_words,
    window_words,
)
from hwgen.compiler.weight_schedule.schedule import StepLoads
from hwgen.hw.isa.config import WINDOW_WORDS, CoreConfig
from hwgen.hw.isa.descriptor_fields import DescriptorFields
from hwgen.hw.isa.resident import Resident


def resident_content(
    steps: Sequence[Step], loads: Sequence[StepLoads], descriptors: Sequence[DescriptorFields], config: CoreConfig
) -> Resident:
    """The words of every memory; those that no pass reads are 0."""
    weights = [0] * config.weight_depth
    parameters = [0] * config.parameter_depth
    window = [0] * config.window_depth if config.window else []
    tables: tuple[dict[int, tuple[int, ...]], ...] = ({}, {})
    for step, load in zip(steps, loads, strict=True):
        if step.source.array_node is not None:
            _put(weights, load.weight_base, weight_words(step, config))
            _put(parameters, load.parameter_base - parameter_head(step), array_parameters(step))
        words = window_words(step, config.window_lanes)
        if words is not None:
            _put(window, load.window_base * WINDOW_WORDS, words)
        if step.source.array_table is not None:
            tables[0][load.array_table] = _table(step.source.array_table)
        if step.source.window_table is not None:
            tables[1][load.window_table] = _table(step.source.window_table)
    return Resident(
        tuple(weights),
        tuple(parameters),
        tuple(window),
        tuple(packed(step.name, fields) for step, fields in zip(steps, descriptors, strict=True)),
        *(tuple(found[i] for i in range(len(found))) for found in tables),
    )


def _table(node: QTable) -> tuple[int, ...]:
    return tuple(as_halfwords(table_halfwords(node.table))[0].tolist())


def _put(memory: list[int], base: int, units: np.ndarray) -> None:
    """Units uint8 [units, bytes] from word `base` on."""
    words = [int.from_bytes(unit.tobytes(), "little") for unit in units]
    if base + len(words) > len(memory):
        raise ValueError(f"{base + len(words)} words do not fit a memory of {len(memory)}")
    memory[base : base + len(words)] = words
