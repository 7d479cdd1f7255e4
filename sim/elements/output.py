"""From the collector to the writer: when segments are taken, in closed form where no operand segment can be late."""

from __future__ import annotations

from typing import Protocol

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor_fields import DescriptorFields
from hwgen.hw.output.operand import START_CYCLES
from hwgen.sim.elements.operand_reads import SEGMENT_GAP, Consumer, OperandReads, has_operand, may_be_late
from hwgen.sim.elements.writer import segment_cost


class SegmentWay(Protocol):
    """What the segments of a pass go through, chunk by chunk.

    Attributes:
        last_written: cycle in which the writer took the latest segment.
    """

    last_written: int

    def take(self, taken: list[int], first: int, pixels: int) -> None:
        """Add the cycles of `segment_taken` of the next chunk, the one after a segment is taken.

        Args:
            taken: of the pass so far.
            first: cycle in which the chunk's first segment is offered; the others follow every SEGMENT_GAP cycles.
            pixels: segments of the chunk with a pixel.
        """


def segment_way(fields: DescriptorFields, config: CoreConfig, latency: int) -> SegmentWay:
    """The way of a pass's segments; `latency` is that of the activation memory's port B."""
    if not has_operand(fields):
        return Direct(config.rows, 0, segment_cost(config.cols, bool(fields.writer.spread)))
    consumer = Consumer.of(fields, config)
    if may_be_late(fields, config.rows, consumer):
        return OperandReads(fields, config.rows, consumer, latency)
    return prompt_way(fields, config, latency)


def prompt_way(fields: DescriptorFields, config: CoreConfig, latency: int) -> SegmentWay:
    """The way of the segments beside an operand of which only the first segment may be late."""
    consumer = Consumer.of(fields, config)
    free = latency + consumer.words + START_CYCLES
    if fields.combine.combine:
        return Combining(config.rows, free, consumer)
    return Direct(config.rows, free, consumer.cost)


class Direct:
    """Segments that the writer takes from the collector.

    Parameters:
        rows: R.
        free: first cycle in which it may take one.
        cost: cycles that a segment with a pixel takes; one without takes 1.
    """

    def __init__(self, rows: int, free: int, cost: int) -> None:
        self._rows, self._free, self._cost = rows, free, cost
        self.last_written = 0

    def take(self, taken: list[int], first: int, pixels: int) -> None:
        """See `SegmentWay`."""
        cycle, cost = self._free, self._cost
        for row in range(self._rows):
            cycle = max(cycle, first + SEGMENT_GAP * row)
            taken.append(cycle + 1)
            cycle += cost if row < pixels else 1
        self._free, self.last_written = cycle, taken[-1] - 1


class Combining:
    """Segments on their way through the combine element to the writer.

    Parameters:
        rows: R.
        free: first cycle in which the combine element may take one: the operand is there.
        consumer: its cycles.
    """

    def __init__(self, rows: int, free: int, consumer: Consumer) -> None:
        self._rows, self._free, self._consumer = rows, free, consumer
        self._writer_free = 0
        self.last_written = 0

    def take(self, taken: list[int], first: int, pixels: int) -> None:
        """See `SegmentWay`."""
        consumer = self._consumer
        for row in range(self._rows):
            cycle = max(self._free, first + SEGMENT_GAP * row)
            self._free = cycle + consumer.cycles
            taken.append(cycle + 1)
            self.last_written = max(self._writer_free, cycle + consumer.latency)
            self._writer_free = self.last_written + (consumer.cost if row < pixels else 1)
