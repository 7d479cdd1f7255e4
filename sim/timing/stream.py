"""When the DMA uses each halfword of the command stream: SDRAM bursts, FIFO, headers, waits."""

from __future__ import annotations

from collections import deque

from hwgen.hw.isa.memories import FIFO_DEPTH
from hwgen.hw.isa.packets import PACKET_HEADER_HALFWORDS
from hwgen.hw.memory.dma.packet_header import CHECK_CYCLES
from hwgen.hw.memory.dma.units import WRITE_DELAY
from hwgen.hw.memory.row_store import DONE, FIRST_WRITE, WORD_HALFWORDS, WRITE_PERIOD
from hwgen.hw.memory.sdram_config import BURST
from hwgen.sim.timing.sdram import Access, SdramTiming

_ARRIVAL = 2  # from a halfword at the controller's output to its use
_LEAD = FIFO_DEPTH // BURST  # bursts under way or waiting


class StreamTiming:
    """Walks through a stream that begins at halfword `base`; all cycles count from the SDRAM's `frame_ready`.

    Mirrors `hwgen.hw.memory.dma.dma.Dma`: halfword i, arriving in cycle a, is used in cycle max(a + 2, cycle after the use of
    halfword i - 1); a burst is requested when all of the one `_LEAD` before it has left the FIFO. Image words are taken to be
    accepted at once.
    """

    def __init__(self, sdram: SdramTiming, start: int, base: int = 0) -> None:
        if base % BURST:
            raise ValueError(f"base must be a multiple of {BURST}, not {base}")
        self._timing = sdram
        self._base = base
        self._request = start + 1  # earliest cycle of the next request
        self._left = [start] * _LEAD  # cycle in which the last halfword of each of the latest bursts left the FIFO
        self._burst = 0  # bursts that are used up or in use
        self._ahead: deque[Access] = deque()  # those behind them whose cycles are known
        self._offset = BURST  # halfwords used of the present burst
        self._checked = start  # earliest cycle of the use of what follows the latest header
        self._arrival = 0  # of its first halfword
        self.used = start
        """Cycle in which the latest halfword was used."""

    def use(self, count: int, gate: int = 0, *, unit: int = 1) -> int:
        """Use `count` halfwords, the first not before cycle `gate`; returns the cycle of the last. They are used one by one whatever
        their `unit`."""
        while count:
            if self._together(count, gate):
                bursts = count // BURST
                count -= self._run(bursts) if self._caught_up else self._read_ahead(bursts)
                continue
            first = self.earliest(gate)
            size = min(count, BURST - self._offset)
            last = first + size - 1
            if self._offset + size == BURST:
                self._leave(last - 1 if size > 1 else self.used)
            self.used = last
            self._offset += size
            count -= size
            gate = 0
        return self.used

    def earliest(self, gate: int = 0) -> int:
        """Cycle in which the next halfword can be used, not before `gate`."""
        if self._offset == BURST:
            self._next_burst()
        return max(self._arrival + self._offset + _ARRIVAL, self.used + 1, self._checked, gate)

    def _together(self, count: int, gate: int) -> bool:
        """Whole bursts of the `count` halfwords follow one another with nothing else between them."""
        alone = self._offset == BURST and count >= 2 * BURST and not self._ahead
        return alone and max(gate, self._checked) <= self.used

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

    def _read_ahead(self, bursts: int) -> int:
        """Use some whole bursts, at most so many, while the FIFO holds others; returns their halfwords.

        They are asked for as those `_LEAD` before them leave the FIFO.
        """
        places = [(self._burst + i) % _LEAD for i in range(_LEAD)]
        cycles = [self._left[place] + 1 for place in places]
        cycles[0] = max(cycles[0], self._request)
        addr = self._base + self._burst * BURST
        if all(later == cycles[0] + i * BURST for i, later in enumerate(cycles)) and cycles[-1] == self.used:
            # The DMA has not paused for a while, so what is behind these is asked for at the same pace.
            first, count = self._timing.evenly(addr, bursts, cycles[0])
            arrivals = [first + i * BURST for i in range(count)]
        else:
            arrivals = self._timing.reads(addr, cycles[:bursts])
        used = self.used
        for i, arrival in enumerate(arrivals):
            before = max(arrival + _ARRIVAL, used + 1) + BURST - 2
            self._left[places[i % _LEAD]] = max(arrival + BURST, before)
            used = before + 1
        self._burst += len(arrivals)
        self._arrival = arrivals[-1]
        self._request = 0  # as in `_run`
        self.used = used
        return len(arrivals) * BURST

    def packet(self, halfwords: int, gate: int = 0, *, unit: int = 1, image: bool = False) -> int:
        """Use a header and a payload of `halfwords`, its first not before `gate`; returns the cycle of the last. Neither their `unit` nor
        whether they are of an `image` matters here."""
        self.header()
        return self.use(halfwords, gate)

    def header(self, *, image: bool = False) -> None:
        """Use a header; what follows it waits until its `wait` could be compared. Image words before it have left until then."""
        self._checked = self.use(PACKET_HEADER_HALFWORDS) + CHECK_CYCLES + 1

    def store(self, target: int, words: int, latency: int, gate: int = 0) -> int:
        """Use a STORE packet, its payload not before cycle `gate`: `words` words go to halfword `target` of the stream and on,
        `latency` cycles from a request to the activation memory to its answer, none of which is refused. Returns the cycle in which
        the last halfword is taken.

        The DMA reads ahead until its FIFO is full; these bursts come before what is written.
        """
        self.packet(WORD_HALFWORDS, gate)
        if self._offset == BURST - 1:
            self._leave(self.used)
        cycle = self.used + WRITE_DELAY + FIRST_WRITE + latency
        halfwords, addr = words * WORD_HALFWORDS, self._base + target
        known = self._burst - (self._offset < BURST - 1)  # bursts that have left the FIFO
        while halfwords and self._burst + len(self._ahead) < known + _LEAD:
            if self._timing.before(self._next_request, cycle):
                self._ahead.append(self._read())
            else:
                cycle = self._timing.write_linear(addr, 1, cycle, WRITE_PERIOD) + WRITE_PERIOD
                halfwords, addr = halfwords - 1, addr + 1
        last = self._timing.write_linear(addr, halfwords, cycle, WRITE_PERIOD)
        self._checked = last + DONE + 1
        return last

    def _leave(self, before: int) -> None:
        """The last halfword of the present burst moves out of the FIFO when the one before it is used, in cycle `before`."""
        self._left[(self._burst - 1) % _LEAD] = max(self._arrival + BURST, before)

    @property
    def _next_request(self) -> int:
        """Earliest cycle in which the next burst that is not known yet can be asked for."""
        return max(self._request, self._left[(self._burst + len(self._ahead)) % _LEAD] + 1)

    def _read(self) -> Access:
        access = self._timing.read(self._next_request, self._base + (self._burst + len(self._ahead)) * BURST)
        self._request = access.taken + 1
        return access

    def _next_burst(self) -> None:
        access = self._ahead.popleft() if self._ahead else self._read()
        self._arrival = access.first
        self._burst += 1
        self._offset = 0
