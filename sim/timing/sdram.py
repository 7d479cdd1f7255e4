"""Predicts every cycle of `hwgen.hw.memory.sdram.SdramController` from its configuration and the times of the requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.memory.sdram_config import BURST, SdramConfig

_LONG_AGO = -(1 << 30)
_OPEN_CYCLES = 2  # from a command taken to its issue, in an open page
_WRITE_CYCLES = 2  # from one halfword taken to the next, in an open page


class Access(NamedTuple):
    """Cycles of one command: taken from its stream, issued, and (reads) the cycle of the first of its 8 halfwords."""

    taken: int
    issued: int
    first: int


class SdramTiming:
    """State of the controller as far as later cycles depend on it.

    Cycle 0 is the one in which `frame_ready` strobes. Requests are given in the order in which the controller takes them.
    """

    def __init__(self, config: SdramConfig) -> None:
        self.config = config
        self._page = 1 << config.part.column_bits  # halfwords
        self.refreshes = 0
        self._due = config.refresh_period + 2 - config.rfc  # first cycle that sees the refresh due
        self._free = 0  # first cycle that can take a command
        self._idle = 0  # first cycle that can turn to a refresh
        self._rows: dict[int, int] = {}
        self._read = self._write = _LONG_AGO
        self._last_bank = -1

    def read(self, cycle: int, addr: int) -> Access:
        """A burst at halfword address `addr`, `valid` from `cycle` on."""
        return self._access(cycle, addr, write=False)

    def write(self, cycle: int, addr: int) -> Access:
        """A written halfword; `first` means nothing."""
        return self._access(cycle, addr, write=True)

    def reads(self, addr: int, cycles: Sequence[int]) -> list[int]:
        """Cycle of the first halfword of each of consecutive bursts from `addr`, every one `valid` from its cycle on and not before the
        one in front of it is taken.
        """
        firsts: list[int] = []
        latency = self.config.read_latency
        while len(firsts) < len(cycles):
            done = len(firsts)
            access = self._access(cycles[done], addr + done * BURST, write=False)
            firsts.append(access.first)
            issued, due = access.issued, self._due
            for cycle in cycles[done + 1 : done + 1 + self._in_page(addr + done * BURST)]:
                taken = max(cycle, issued)
                if taken >= due:
                    break
                issued = max(taken + _OPEN_CYCLES, issued + BURST)
                firsts.append(issued + latency)
            self._read = self._free = issued
            self._idle = issued + 1
        return firsts

    def evenly(self, addr: int, bursts: int, cycle: int) -> tuple[int, int]:
        """Cycle of the first halfword of a burst at `addr`, and how many of `bursts` consecutive ones, `valid` from `cycle` on and every
        BURST cycles after it, give theirs every BURST cycles: up to the end of the page or the next refresh.
        """
        access = self._access(cycle, addr, write=False)
        # Each is issued BURST cycles after the one before it, at least two after it could be taken.
        run = min(bursts - 1, self._run(addr, max(cycle + BURST, access.issued)))
        self._read = self._free = access.issued + BURST * run
        self._idle = self._free + 1
        return access.first, 1 + run

    def linear(self, addr: int, bursts: int, cycle: int = 0) -> NDArray[np.int64]:
        """Cycle of the first halfword of each of `bursts` consecutive bursts from `addr`, requested without a pause."""
        firsts = np.empty(bursts, dtype=np.int64)
        done = 0
        while done < bursts:
            access = self._access(cycle, addr + done * BURST, write=False)
            firsts[done] = access.first
            done += 1
            # Up to the end of the page or the next refresh a burst follows every 8 cycles.
            run = min(bursts - done, self._run(addr + (done - 1) * BURST, access.issued))
            if run > 0:
                firsts[done : done + run] = access.first + BURST * np.arange(1, run + 1)
                done += run
                self._free = access.issued + BURST * run
                self._idle = self._free + 1
                self._read = self._free
        return firsts

    def write_linear(self, addr: int, count: int, cycle: int, period: int) -> int:
        """Write halfwords to `count` consecutive addresses, the first offered in `cycle`, each further one `period` cycles after the one
        before was taken, nothing read meanwhile; the cycle in which the last one is taken.

        Raises:
            ValueError: `period` is less than the controller needs.
        """
        if period < _WRITE_CYCLES:
            raise ValueError(f"period must be at least {_WRITE_CYCLES}, not {period}")
        taken = cycle - period
        done = 0
        while done < count:
            access = self._access(taken + period, addr + done, write=True)
            taken = access.taken
            done += 1
            # Where the page is open and no refresh due, each is issued two cycles after it was taken.
            in_page = self._page - 1 - (addr + done - 1) % self._page
            first = max(taken + period, access.issued)
            run = min(count - done, in_page, ceil_div(self._due - first, period))
            if run > 0:
                taken = first + period * (run - 1)
                done += run
                self._write = self._free = taken + _WRITE_CYCLES
                self._idle = self._free + 1
        return taken

    def before(self, cycle: int, other: int) -> bool:
        """Whether a command offered from `cycle` on is taken no later than one offered from `other` on."""
        while self._due <= max(min(cycle, other), self._free):
            self._refresh()
        return max(cycle, self._free) <= max(other, self._free)

    def _run(self, addr: int, issued: int) -> int:
        """Bursts behind the one at `addr` in the same page that are taken, gapless, before the next refresh is due."""
        before_refresh = ceil_div(self._due - issued, BURST)  # taken at issued, issued + 8, ..., all before `due`
        return max(0, min(self._in_page(addr), before_refresh))

    def _in_page(self, addr: int) -> int:
        """Bursts behind the one at `addr` in the same page."""
        bursts = self._page // BURST
        return bursts - 1 - addr // BURST % bursts

    @property
    def _closable(self) -> int:
        """First cycle in which every bank may be closed."""
        if self._write > self._read:
            return self._write + self.config.write_to_precharge
        return self._read + BURST

    def _refresh(self) -> None:
        start = max(self._idle, self._due)
        precharge = max(start + 1, self._closable)
        self._free = self._idle = precharge + self.config.rp + self.config.rfc - 1
        self._due += self.config.refresh_period
        self._rows.clear()
        self.refreshes += 1

    def _access(self, cycle: int, addr: int, *, write: bool) -> Access:
        config = self.config
        taken = max(cycle, self._free)
        while self._due <= taken:
            self._refresh()
            taken = max(cycle, self._free)
        part = config.part
        bank = addr >> part.column_bits & ((1 << part.bank_bits) - 1)
        row = addr >> (part.column_bits + part.bank_bits)
        ready = taken + _OPEN_CYCLES
        if bank not in self._rows:
            ready += config.rcd
        elif self._rows[bank] != row:
            if self._write > self._read or self._last_bank == bank:
                ready = max(ready, self._closable)
            ready += config.rp + config.rcd
        self._rows[bank] = row
        issued = max(ready, self._read + (config.read_to_write if write else BURST))
        if write:
            self._write = issued
        else:
            self._read = issued
        self._last_bank = bank
        self._free, self._idle = issued, issued + 1
        return Access(taken, issued, issued + config.read_latency)
