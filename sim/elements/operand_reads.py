"""Operand fetch beside the writer: reads that port B of the activation memory refuses, and segments that come late by that.

In each bank and cycle the writer goes before the operand fetch.  The planner keeps their rows in different banks, but the fetch runs
ahead of the writer by its queues and by what is inside the combine element: on narrow maps by rows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import BANKS, CoreConfig
from hwgen.hw.isa.descriptor_fields import DescriptorFields
from hwgen.hw.lib.fifo import StreamFifo
from hwgen.hw.output.combine import combine_cycles, combine_latency
from hwgen.hw.output.crossbar import plain_words
from hwgen.hw.output.operand import AHEAD, START_CYCLES
from hwgen.sim.elements.writer import REQUEST_DELAY, segment_cost

SEGMENT_GAP = 2
"""Cycles from a segment of the array to the next one, at least."""

_TO_REQUEST = 1 + StreamFifo.LATENCY
"""Cycles from a word's turn in the walk over the pixels to its request: a register and the queue of requests."""

_FROM_ANSWER = StreamFifo.LATENCY
"""Cycles from a word's answer to its place in a segment: the FIFO of answers."""

_FIRST_TURN = START_CYCLES - _TO_REQUEST - _FROM_ANSWER
"""Cycle of the first word's turn; its segment stands in a register one cycle after its last word."""


def has_operand(fields: DescriptorFields) -> bool:
    """Whether a pass has a second operand."""
    return bool(fields.writer.merge or fields.combine.combine)


def bank_distance(fields: DescriptorFields) -> int:
    """Banks from the operand's to the output's of the same row, 0..3; 0 without an operand.  The only thing about a pass's addresses that
    its cycles depend on: rows follow each other bank by bank."""
    if not has_operand(fields):
        return 0
    return (fields.writer.output.slot - fields.operand.operand.slot) % BANKS


@dataclass(frozen=True)
class Consumer:
    """What takes operand segments with the array's: the combine element or, in a merge, the writer.

    Attributes:
        cycles: from a segment with a pixel to the next one, at least; missing: from one without.
        latency: from there to the writer.
        cost: cycles of the writer for a segment with a pixel, a word in each.
        words: of an operand segment.
    """

    cycles: int
    missing: int
    latency: int
    cost: int
    words: int

    @classmethod
    def of(cls, fields: DescriptorFields, config: CoreConfig) -> Consumer:
        """The consumer in a pass with an operand."""
        cost, words = segment_cost(config.cols, bool(fields.writer.spread)), plain_words(config.cols)
        if fields.combine.combine:
            return cls(combine_cycles(config), combine_cycles(config), combine_latency(config), cost, words)
        return cls(cost, 1, 0, cost, words)

    @property
    def lead(self) -> int:
        """Most operand segments by which a word that is requested is ahead of a segment that is written at the same time.

        Of the segment AHEAD words before it all words have left the FIFO of answers, at least a turn and `_TO_REQUEST` cycles ago; so the
        one before that was taken by then.  It is written REQUEST_DELAY + `latency` cycles after that, for `cost` cycles.
        """
        under_way = self.latency + REQUEST_DELAY + self.cost - 1 - (1 + _TO_REQUEST)
        return ceil_div(AHEAD - 1, self.words) + 2 + max(0, under_way // self.cycles)

    @property
    def leaves_room(self) -> bool:
        """Whether a bank has as many free cycles as a segment has words while the writer writes to it as fast as segments come.

        Then refusals cost a segment a few cycles, and there are at least AHEAD // words of them between its request and its use.
        """
        return self.words <= max(self.cycles, SEGMENT_GAP) - self.cost


def may_be_late(fields: DescriptorFields, rows: int, consumer: Consumer) -> bool:
    """Whether an operand segment behind the first may come late because its reads are refused.

    False if the writer is nowhere near the rows that are read, or leaves room for the reads.  With `still` it does: a tile's chunk has one
    segment to read, and the combine element leaves every bank a free cycle between segments.
    """
    if fields.combine.still or consumer.leaves_room:
        return False
    out_w = fields.fetch.out_w
    # Pixels from the written to the read one. With several chunks the walk goes back to the tile's first pixel.
    back = rows - 1 if fields.array.chunks > 1 else -1
    first, last = -back // out_w, (out_w - 1 + consumer.lead) // out_w
    most = fields.fetch.out_rows - 1
    distance = bank_distance(fields)
    return any(row % BANKS == distance for row in range(max(first, -most), min(last, most) + 1))


class OperandReads:
    """Segments and operand segments on their way to the writer, every read in the cycle in which the bank is free.

    Step by step over the words: a read is refused only because of segments before its own, and those are known by then.

    Parameters:
        fields: the descriptor; not `still`.
        rows: R.
        consumer: of the segments.
        latency: of the activation memory's port B.

    Attributes:
        last_written: cycle in which the writer took the latest segment.
    """

    def __init__(self, fields: DescriptorFields, rows: int, consumer: Consumer, latency: int) -> None:
        self._rows, self._consumer, self._latency = rows, consumer, latency
        self._chunks, self._out_w, self._distance = fields.array.chunks, fields.fetch.out_w, bank_distance(fields)
        self._chunk = self._pixel = 0  # of the next segments
        self._turn = _FIRST_TURN  # of the next word
        self._accepted = self._placed = 0  # latest request and latest word in a segment
        self._given = 0  # when the latest operand segment was taken
        self._words: deque[int] = deque([0] * AHEAD, AHEAD)  # when the latest words left the FIFO of answers
        self._writes: deque[tuple[int, int, int]] = deque()  # bank, first and past cycle of each segment's writes
        self._free = self._writer_free = 0
        self.last_written = 0

    def take(self, taken: list[int], first: int, pixels: int) -> None:
        """Add the cycles of `segment_taken` of the next chunk, whose segments are offered from `first` on, every SEGMENT_GAP cycles; those
        at and beyond `pixels` have none."""
        consumer = self._consumer
        for row in range(self._rows):
            cycle = max(self._free, first + SEGMENT_GAP * row)
            missing = row >= pixels
            bank = (self._pixel + row) // self._out_w % BANKS
            if not missing:
                cycle = self._given = max(cycle, self._offered(bank))
            taken.append(cycle + 1)
            self._free = cycle + (consumer.missing if missing else consumer.cycles)
            written = self.last_written = max(self._writer_free, cycle + consumer.latency)
            self._writer_free = written + (1 if missing else consumer.cost)
            if not missing:
                begin = written + REQUEST_DELAY
                self._writes.append(((bank + self._distance) % BANKS, begin, begin + consumer.cost))
        self._turn += self._rows - pixels
        self._chunk += 1
        if self._chunk == self._chunks:
            self._chunk = 0
            self._pixel += self._rows

    def _offered(self, bank: int) -> int:
        """Cycle in which the next operand segment is offered, whose words lie in `bank`."""
        for word in range(self._consumer.words):
            # Words have room one by one, in the cycle after another one has left.
            turn = max(self._turn, self._words[0] + 1)
            self._turn = turn + 1
            self._accepted = self._granted(bank, max(turn + _TO_REQUEST, self._accepted + 1))
            self._placed = max(self._accepted + self._latency + _FROM_ANSWER, self._placed + 1)
            if word == self._consumer.words - 1:
                self._placed = max(self._placed, self._given)  # the register of whole segments must be free
            self._words.append(self._placed)
        return self._placed + 1

    def _granted(self, bank: int, cycle: int) -> int:
        """First cycle from `cycle` on in which the writer does not want the bank."""
        writes = self._writes
        while writes:
            written, begin, past = writes[0]
            if past > cycle:
                if begin > cycle or written != bank:
                    break
                cycle = past
            writes.popleft()
        return cycle
