"""Timing of a single-data-rate SDRAM in nanoseconds, and what it comes to in cycles of a controller's clock."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.memory.clock_ratio import ONE_CLOCK, ClockRatio

BURST = 8
"""Halfwords of one read burst."""

ADDRESS_BITS = 24
"""Bits of a halfword address in the machine, the host's protocol and the command stream: no larger memory can be used."""

HALFWORD_BITS = 16
"""Width of the data that the controller is made for."""

INIT_REFRESHES = 8


@dataclass(frozen=True)
class SdramPart:
    """Timing limits of a part, picoseconds (cycles where the name says so). The defaults are the slowest of common parts of 32 MB:
    IS42S16160G-7, MT48LC16M16A2-75, AS4C16M16SA-7 (data sheets).

    Attributes:
        rcd: ACTIVATE to READ or WRITE, same bank.
        rp: PRECHARGE to ACTIVATE or REFRESH.
        rc: ACTIVATE to ACTIVATE, same bank.
        ras: ACTIVATE to PRECHARGE, least.
        ras_max: ACTIVATE to PRECHARGE, most.
        rrd: ACTIVATE to ACTIVATE, other bank; never less than `rrd_cycles`.
        rrd_cycles: least of the same in cycles.
        rfc: REFRESH to ACTIVATE or REFRESH.
        wr: last data written to PRECHARGE; never less than `wr_cycles`.
        wr_cycles: least of the same in cycles.
        mrd_cycles: mode register set to the next command.
        refresh: average interval of REFRESH commands.
        init: pause after power-up.
        cl2: least clock period at CAS latency 2.
        cl3: least clock period at CAS latency 3.
        column_bits: columns of a page, 2^8 to 2^10.
        bank_bits: banks, 2 or 4.
        row_bits: rows of a bank, 2^11 to 2^13.
        width: data pins.
    """

    rcd: int = 21_000
    rp: int = 21_000
    rc: int = 67_500
    ras: int = 45_000
    ras_max: int = 100_000_000
    rrd: int = 15_000
    rrd_cycles: int = 1
    rfc: int = 70_000
    wr: int = 15_000
    wr_cycles: int = 2
    mrd_cycles: int = 2
    refresh: int = 7_812_500
    init: int = 200_000_000
    cl2: int = 10_000
    cl3: int = 7_000
    column_bits: int = 9
    bank_bits: int = 2
    row_bits: int = 13
    width: int = HALFWORD_BITS

    def __post_init__(self) -> None:
        ranges = {"column_bits": (8, 10), "bank_bits": (1, 2), "row_bits": (11, 13)}
        for name, (least, most) in ranges.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be {least}..{most}, not {getattr(self, name)}")
        if self.width != HALFWORD_BITS:
            raise ValueError(
                f"width must be {HALFWORD_BITS}, the data pins that the controller is made for, not {self.width}"
            )
        if self.address_bits > ADDRESS_BITS:
            raise ValueError(
                f"a memory of {self.bytes >> 20} MB is too large: halfword addresses have {ADDRESS_BITS} bits, "
                f"so that {2 << ADDRESS_BITS >> 20} MB can be used; leave out a row or column bit"
            )

    @property
    def address_pins(self) -> int:
        """Address pins: those of a row, and A10, by which PRECHARGE means all banks."""
        return max(self.row_bits, 11)

    @property
    def address_bits(self) -> int:
        """Of a halfword address: column in the least significant bits, then bank, then row."""
        return self.column_bits + self.bank_bits + self.row_bits

    @property
    def bytes(self) -> int:
        """Size of the memory."""
        return 2 << self.address_bits


@dataclass(frozen=True)
class SdramConfig:
    """An SDRAM behind a controller with a given clock.

    Attributes:
        clock_hz: clock of controller and memory, Hz; the core's too, unless `ratio` says otherwise.
        cas_latency: 2 or 3.
        capture_delay: cycles added to the CAS latency by the way to the memory and back. The memory's clock is the inverse of
            the controller's. 0: pads and access time together take less than half a cycle (an ideal simulation);
            1: between half a cycle and one and a half (the board).
        pad_registers: cycles that registers in the pads add to the way to the memory and back (0, or 2: one each way).
        part: timing limits of the memory.
        init_us: pause after reset before the first command, microseconds; shorter than the part's only in simulation.
        ratio: of the core's clock and the memory's.
        word: halfwords that the DMA takes at once where that ratio is not 1:1: 2, 4 or 8, at least as many as come in a cycle of the core.
    """

    clock_hz: int
    cas_latency: int = 3
    capture_delay: int = 1
    pad_registers: int = 0
    part: SdramPart = SdramPart()
    init_us: int = 200
    ratio: ClockRatio = ONE_CLOCK
    word: int = 4

    def __post_init__(self) -> None:
        if self.cas_latency not in (2, 3):
            raise ValueError(f"cas_latency must be 2 or 3, not {self.cas_latency}")
        if self.capture_delay not in (0, 1, 2):
            raise ValueError(f"capture_delay must be 0, 1 or 2, not {self.capture_delay}")
        if self.pad_registers not in (0, 2):
            raise ValueError(f"pad_registers must be 0 or 2, not {self.pad_registers}")
        if self.init_us < 1:
            raise ValueError(f"init_us must be at least 1, not {self.init_us}")
        least_ps = self.part.cl2 if self.cas_latency == 2 else self.part.cl3
        if not 20_000_000 <= self.clock_hz <= 10**12 // least_ps:
            raise ValueError(
                f"clock_hz must be 20e6..{10**12 // least_ps} at CAS latency {self.cas_latency}, not {self.clock_hz}"
            )
        if self.word not in (2, 4, 8):
            raise ValueError(f"word must be 2, 4 or 8 halfwords, not {self.word}")
        # The controller tracks neither ACTIVATE to ACTIVATE nor single banks' write recovery: its own pace covers them.
        if self.rrd > self.rcd + 2 or self.write_to_precharge > 4:
            raise ValueError(
                f"the part is too slow for the controller at {self.clock_hz} Hz: rrd {self.rrd}, "
                f"write to precharge {self.write_to_precharge} cycles"
            )

    @property
    def core_hz(self) -> int:
        """The core's clock, Hz."""
        return ceil_div(self.clock_hz * self.ratio.core, self.ratio.memory)  # the memory's is rounded down

    def cycles(self, picoseconds: int) -> int:
        """Least cycles that last `picoseconds`."""
        return ceil_div(picoseconds * self.clock_hz, 10**12)

    @property
    def rcd(self) -> int:
        return self.cycles(self.part.rcd)

    @property
    def rp(self) -> int:
        return self.cycles(self.part.rp)

    @property
    def rfc(self) -> int:
        # Never less than it takes until the last halfword read before the refresh has been delivered.
        return max(4, self.cycles(self.part.rfc), self.read_latency + 1 - self.rp)

    @property
    def rrd(self) -> int:
        return max(self.part.rrd_cycles, self.cycles(self.part.rrd))

    @property
    def write_to_precharge(self) -> int:
        """WRITE to PRECHARGE: write recovery, and what tRAS and tRC ask for after an ACTIVATE and a single write."""
        return max(
            self.part.wr_cycles,
            self.cycles(self.part.wr),
            self.cycles(self.part.ras) - self.rcd,
            self.cycles(self.part.rc) - self.rp - self.rcd,
        )

    @property
    def read_to_write(self) -> int:
        """READ to WRITE: the burst has left the bus and one cycle more, for the drivers to turn around."""
        return self.cas_latency + BURST + 1

    @property
    def refresh_period(self) -> int:
        """Cycles between refreshes, at most the part's average interval."""
        return self.part.refresh * self.clock_hz // 10**12

    @property
    def init_cycles(self) -> int:
        return self.cycles(self.init_us * 1_000_000)

    @property
    def mode_register(self) -> int:
        """Burst of 8, sequential, CAS latency, single writes."""
        return 1 << 9 | self.cas_latency << 4 | 3

    @property
    def read_latency(self) -> int:
        """Cycles from the READ decision to the first halfword at `data`: pins' register, CAS latency, capture, one more."""
        return self.cas_latency + self.capture_delay + self.pad_registers + 2
