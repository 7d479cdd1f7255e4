"""Predicts when `hw.dma.Dma` delivers each packet of a command stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hw.config import RingConfig
from hw.descriptor import PACKET_HEADER_HALFWORDS, PacketKind
from hw.dma import CHECK_CYCLES, FIFO_DEPTH, unit_halfwords
from hw.sdram_config import BURST
from sim.sdram_timing import SdramTiming


@dataclass(frozen=True)
class PacketTimes:
    """Cycles of a packet.

    Attributes:
        checked: the header was complete and its `wait` was looked at from here on.
        first: use of the payload's first halfword (of the header's last one, if there is no payload).
        last: use of the payload's last halfword (likewise); a unit's write shows in `last + 1`, of IMAGE in `last + 2`.
    """

    checked: int
    first: int
    last: int


class DmaTiming:
    """The stream so far; packets are given in order, each as soon as the time of its `wait` is known.

    Cycle 0 is the SDRAM controller's `frame_ready` strobe, which is also the DMA's `start`. IMAGE words are taken at once.

    Attributes:
        uses: set it to a list to have the cycle in which each halfword is used appended.
    """

    def __init__(self, config: RingConfig, sdram: SdramTiming, base: int, start: int = 0) -> None:
        if base % BURST:
            raise ValueError(f"base must be a multiple of {BURST}, not {base}")
        self.config = config
        self._sdram = sdram
        self._next_addr = base
        self._request = start + 1  # earliest cycle of the next request
        self._freed: list[int] = []  # per burst: cycle in which its last halfword left the FIFO
        self._arrived = 0  # cycle of the first halfword of the burst in work
        self._used = BURST  # halfwords of it that are used up
        self._next = start + 1  # earliest cycle of the next use
        self._last_use = start
        self._bursts = 0
        self.uses: list[int] | None = None

    def packet(
        self,
        kind: PacketKind,
        units: int,
        *,
        unpack: bool = False,
        reached: int = 0,
        room: Callable[[int, int], int] | None = None,
    ) -> PacketTimes:
        """The next packet of the stream.

        Args:
            kind, units, unpack: as in its header.
            reached: first cycle in which `passes_done` is at least the packet's wait.
            room: for DESCRIPTOR: (index of the descriptor in the packet, earliest cycle) -> first cycle from there on in
                which the sequencer's `room` is 1; None if it always is.
        """
        self._use(1)
        header = self._use(PACKET_HEADER_HALFWORDS - 1)
        checked = header + CHECK_CYCLES
        self._next = checked + 1
        if kind == PacketKind.END or units == 0:
            return PacketTimes(checked, header, header)
        self._next = max(self._next, reached + 2)
        length = unit_halfwords(self.config, kind, unpack=unpack)
        if kind == PacketKind.DESCRIPTOR:
            first = None
            for i in range(units):
                if room is not None:
                    self._next = room(i, max(self._next, self._arrival()))
                use = self._use(1)
                first = use if first is None else first
                last = self._use(length - 1)
            assert first is not None
            return PacketTimes(checked, first, last)
        first = last = self._use(1)
        if units * length > 1:
            last = self._use(units * length - 1)
        return PacketTimes(checked, first, last)

    def _arrival(self) -> int:
        """Earliest use of the next halfword as far as its arrival goes; asks for another burst if there is none."""
        if self._used == BURST:
            if self._bursts >= FIFO_DEPTH // BURST:
                self._request = max(self._request, self._freed[self._bursts - FIFO_DEPTH // BURST] + 1)
            access = self._sdram.read(self._request, self._next_addr)
            self._request = access.taken + 1
            self._next_addr += BURST
            self._arrived = access.first
            self._used = 0
            self._bursts += 1
        return self._arrived + self._used + 2

    def _use(self, halfwords: int) -> int:
        """Use that many halfwords; cycle of the last use."""
        while True:
            # The halfwords of a burst arrive in consecutive cycles: only the first can be late.
            begin = max(self._next, self._arrival())
            count = min(halfwords, BURST - self._used)
            before_last = begin + count - 2 if count > 1 else self._last_use
            self._last_use = begin + count - 1
            self._used += count
            if self._used == BURST:
                # The last halfword moves to the output register when the one before it is used.
                self._freed.append(max(self._arrived + BURST, before_last))
            if self.uses is not None:
                self.uses.extend(range(begin, begin + count))
            self._next = begin + count
            halfwords -= count
            if halfwords == 0:
                return self._last_use
