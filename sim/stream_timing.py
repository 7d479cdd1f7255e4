"""When the DMA uses each halfword of the command stream: SDRAM bursts, FIFO, headers, waits."""

from __future__ import annotations

from hw.dma import CHECK_CYCLES, FIFO_DEPTH
from hw.sdram_config import BURST, SdramConfig
from sim.sdram_timing import SdramTiming

_ARRIVAL = 2  # from a halfword at the controller's output to its use
_LEAD = FIFO_DEPTH // BURST  # bursts under way or waiting


class StreamTiming:
    """Walks through a stream that begins at halfword `base`; all cycles count from the SDRAM's `frame_ready`.

    Mirrors `hw.dma.Dma`: halfword i, arriving in cycle a, is used in cycle max(a + 2, cycle after the use of halfword i - 1);
    a burst is requested when all of the one `_LEAD` before it has left the FIFO.  Image words are taken to be accepted at once.
    """

    def __init__(self, sdram: SdramConfig, start: int, base: int = 0) -> None:
        self._timing = SdramTiming(sdram)
        self._base = base
        self._request = start + 1  # earliest cycle of the next request
        self._left = [start] * _LEAD  # cycle in which the last halfword of each of the latest bursts left the FIFO
        self._burst = 0
        self._offset = BURST  # halfwords used of the present burst
        self._arrival = 0  # of its first halfword
        self.used = start
        """Cycle in which the latest halfword was used."""

    def use(self, count: int, gate: int = 0) -> int:
        """Use `count` halfwords, the first not before cycle `gate`; returns the cycle of the last."""
        while count:
            if self._offset == BURST and count >= 2 * BURST and gate <= self.used and self._caught_up:
                count -= self._run(count // BURST)
                continue
            if self._offset == BURST:
                self._next_burst()
            size = min(count, BURST - self._offset)
            first = max(self._arrival + self._offset + _ARRIVAL, self.used + 1, gate)
            last = first + size - 1
            if self._offset + size == BURST:
                # The last halfword moves out of the FIFO when the one before it is used.
                before = last - 1 if size > 1 else self.used
                self._left[(self._burst - 1) % _LEAD] = max(self._arrival + BURST, before)
            self.used = last
            self._offset += size
            count -= size
            gate = 0
        return self.used

    @property
    def _caught_up(self) -> bool:
        """The FIFO is empty: the SDRAM sets the pace, and goes on setting it until the DMA pauses."""
        return self.used == self._arrival + BURST - 1 + _ARRIVAL

    def _run(self, bursts: int) -> int:
        """Use whole bursts, without a pause of the DMA; returns their halfwords."""
        cycle = self._left[self._burst % _LEAD] + 1
        firsts = self._timing.linear(self._base + self._burst * BURST, bursts, cycle)
        for i in range(max(0, bursts - _LEAD), bursts):
            self._left[(self._burst + i) % _LEAD] = int(firsts[i]) + BURST
        self._burst += bursts
        self._arrival = int(firsts[-1])
        self._request = 0  # the controller is busy for longer than it takes to ask
        self.used = self._arrival + BURST - 1 + _ARRIVAL
        return bursts * BURST

    def packet(self, halfwords: int, gate: int = 0) -> int:
        """Use a header and a payload of `halfwords`, its first not before `gate`; returns the cycle of the last."""
        header = self.use(4)
        return self.use(halfwords, max(gate, header + CHECK_CYCLES + 1))

    def _next_burst(self) -> None:
        cycle = max(self._request, self._left[self._burst % _LEAD] + 1)
        access = self._timing.read(cycle, self._base + self._burst * BURST)
        self._request = access.taken + 1
        self._arrival = access.first
        self._burst += 1
        self._offset = 0
