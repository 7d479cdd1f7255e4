"""When the DMA uses each word of a command stream that comes from a memory with a clock of its own."""

from __future__ import annotations

from collections import deque

from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.memories import FIFO_DEPTH
from hwgen.hw.isa.packets import PACKET_HEADER_HALFWORDS
from hwgen.hw.memory.dma.image_port import IMAGE_DELAY
from hwgen.hw.memory.dma.packet_header import check_cycles, header_take
from hwgen.hw.memory.related.burst_requester import REQUEST_PERIOD, ROOM_DELAY
from hwgen.hw.memory.related.frame_starter import started_cycle
from hwgen.hw.memory.sdram_config import BURST
from hwgen.sim.timing.sdram import SdramTiming

_CROSSING = 2  # from a register's last change to the first common edge that captures it


class WordStreamTiming:
    """Walks through a stream that begins at halfword `base`; all cycles are the core's, from its `frame_ready` on, which comes at a
    common edge.

    Mirrors `hwgen.hw.memory.related.related_sdram.RelatedSdram` and `hwgen.hw.memory.dma.word_reader.WordReader`, whose L and V are
    `_load` and `_move` here. Image words are taken to be accepted at once.
    """

    def __init__(self, sdram: SdramTiming, start: int, base: int = 0) -> None:
        if base % BURST:
            raise ValueError(f"base must be a multiple of {BURST}, not {base}")
        config = sdram.config
        self._timing = sdram
        self._base = base
        self._word = config.word
        self._ratio = config.ratio
        # The memory's cycle of the core's `frame_ready`, counted from its own.
        self._origin = config.ratio.memory * ceil_div(started_cycle(config) + _CROSSING, config.ratio.memory)
        self._origin -= started_cycle(config)
        self._request = 1  # the memory's earliest cycle of the next request
        self._bursts = 0  # asked for
        self._arrivals: deque[int] = deque()  # the core's cycles in which words that were asked for can be taken
        self._loads: deque[int] = deque()  # L of the latest words that the memory may wait for
        self._loaded = 0  # words whose L is known
        self._move = start  # V of the word in use, or before the first one
        self._place = 0  # halfwords used of the word in use
        self._checked = start  # earliest cycle of the use of what follows the latest header
        self.used = start
        """Cycle in which the latest halfword was used."""
        self._images = start  # earliest cycle of the use of what follows a header, for the image words before it
        self._known_next = False  # whether L of the word behind the one in use is known
        self._load_word()
        self._move = self._loads[-1] + 1

    def use(self, count: int, gate: int = 0, *, unit: int = 1) -> int:
        """Use `count` halfwords in units of `unit`, the first not before cycle `gate`; returns the cycle of the last."""
        while count:
            for take in (*(self._word,) * (unit // self._word), unit % self._word):
                if take:
                    self._take(take, gate)
                    gate = 0
            count -= unit
        return self.used

    def earliest(self, gate: int = 0) -> int:
        """Cycle in which the next halfword can be used, not before `gate`."""
        ready = self._move + 1
        if self._place:
            ready = max(ready, self._next_load() + 1)
        return max(ready, self.used + 1, self._checked, gate)

    def packet(self, halfwords: int, gate: int = 0, *, unit: int = 1, image: bool = False) -> int:
        """Use a header and a payload of `halfwords` in units of `unit`, its first not before `gate`; returns the cycle of the last."""
        self.header(image=image)
        last = self.use(halfwords, gate, unit=unit)
        if image and halfwords:
            self.image_used()
        return last

    def header(self, *, image: bool = False) -> None:
        """Use a header; what follows it waits until its `wait` could be compared, and unless it is of an `image` too, until the image words
        before it have left."""
        self._checked = self.use(PACKET_HEADER_HALFWORDS, unit=header_take(self._word)) + check_cycles(self._word) + 1
        if not image:
            self._checked = max(self._checked, self._images)

    def image_used(self) -> None:
        """What has been used last was a word of an image."""
        self._images = self.used + IMAGE_DELAY + 2

    def _take(self, halfwords: int, gate: int) -> None:
        self.used = self.earliest(gate)
        self._place += halfwords
        if self._place >= self._word:
            self._place -= self._word
            self._move = max(self._next_load() + 1, self.used)
            self._known_next = False

    def _next_load(self) -> int:
        """L of the word behind the one in use."""
        if not self._known_next:
            self._load_word()
            self._known_next = True
        return self._loads[-1]

    def _load_word(self) -> None:
        if not self._arrivals:
            self._read_burst()
        self._loads.append(max(self._arrivals.popleft(), self._move))
        self._loaded += 1
        while len(self._loads) > FIFO_DEPTH // self._word:
            self._loads.popleft()

    def _read_burst(self) -> None:
        """Ask for the next burst when there is room for it, and see its words arrive."""
        before = (self._bursts + 1) * BURST // self._word - FIFO_DEPTH // self._word  # words that must have been taken
        cycle = self._request
        if before > 0:
            load = self._loads[before - 1 - self._loaded]
            edge = self._ratio.memory * ceil_div(load + _CROSSING, self._ratio.core)
            cycle = max(cycle, edge + self._origin + ROOM_DELAY)
        access = self._timing.read(cycle, self._base + self._bursts * BURST)
        self._request = access.taken + REQUEST_PERIOD
        self._bursts += 1
        for last in range(self._word - 1, BURST, self._word):
            stored = access.first + last - self._origin
            self._arrivals.append(self._ratio.core * ceil_div(stored + _CROSSING, self._ratio.memory))
