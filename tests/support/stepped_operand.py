"""Operand fetch, port B of the activation memory and the writer's requests, looked at in every cycle."""

from __future__ import annotations

from collections import deque

from hwgen.hw.isa.config import BANKS
from hwgen.hw.isa.descriptor_fields import DescriptorFields, RowPointerFields
from hwgen.sim.elements.operand import operand_pixels
from hwgen.sim.elements.writer import REQUEST_DELAY

PROMISES = 16
"""Words that the operand fetch asks for before the first one has left its FIFO."""

WORDS = {4: 1, 8: 1, 12: 2, 16: 2}
"""Of a segment, by the array's columns."""


class SteppedOperand:
    """A pass's second operand.

    In every cycle, in this order: `look`, then `take` if the operand segment is taken, then `advance`.

    Attributes:
        valid: an operand segment is offered.
    """

    def __init__(self, d: DescriptorFields, rows: int, cols: int, latency: int) -> None:
        self._d, self._latency, self._words = d, latency, WORDS[cols]
        # For each pixel without an operand None, for each word of the others its bank.
        self._turns: deque[int | None] = deque()
        for _, pixel in operand_pixels(d, rows):
            bank = None if pixel is None else self.bank(d.operand.operand, pixel)
            self._turns.extend([bank] if bank is None else [bank] * self._words)
        self._promised = self._placed = 0
        self._requests: deque[tuple[int, int]] = deque()  # cycle, bank
        self._answers: deque[int] = deque()
        self._writes: set[tuple[int, int]] = set()
        self.valid = False

    def bank(self, first_row: RowPointerFields, pixel: int) -> int:
        """The bank of an output pixel in the tensor whose first row is there."""
        return (first_row.slot + pixel // self._d.fetch.out_w) % BANKS

    def write(self, cycle: int, pixel: int, cost: int) -> None:
        """The writer took a segment in a cycle."""
        self._writes |= {(cycle + REQUEST_DELAY + i, self.bank(self._d.writer.output, pixel)) for i in range(cost)}

    def look(self, cycle: int) -> None:
        """Port B, and the next word's turn."""
        if self._requests and self._requests[0][0] <= cycle and (cycle, self._requests[0][1]) not in self._writes:
            self._requests.popleft()
            self._answers.append(cycle + self._latency + 2)
        if self._turns and cycle >= 1:
            bank = self._turns[0]
            if bank is None:
                self._turns.popleft()
            elif self._promised < PROMISES:
                self._turns.popleft()
                self._promised += 1
                self._requests.append((cycle + 3, bank))

    def take(self) -> None:
        """The operand segment is taken."""
        assert self.valid
        self.valid = False

    def advance(self, cycle: int) -> None:
        """A word goes to its place in the next segment."""
        if self._answers and self._answers[0] <= cycle and (self._placed < self._words - 1 or not self.valid):
            self._answers.popleft()
            self._promised -= 1
            self._placed += 1
            if self._placed == self._words:
                self._placed, self.valid = 0, True
