"""Data of the answers: the machine's identity and state, and units of the memories that PEEK, READ, COUNTER and CHECKSUM look into."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwgen.hw.host.asked import Asked
from hwgen.hw.isa.host_protocol import CHECKSUM_BYTES, LENGTH_UNITS, STATUS_BYTES, Command
from hwgen.hw.lib.checksum import Checksum
from hwgen.hw.memory.sdram_config import ADDRESS_BITS, BURST

PeekAddress = data.StructLayout({"bank": 2, "addr": 14})

DIGIT_BITS = 4
"""Of the number of a byte in a unit; the largest unit is a burst."""


class AnswerData(wiring.Component):
    """Fetches one unit of an answer's data and gives its bytes by number.

    A unit is the whole of IDENTIFY (8 bytes), STATUS (16) or CHECKSUM (4), a word of the activation memory (8), a counter (4) or a burst of
    the SDRAM (16).

    Parameters:
        identity: 64 bits for IDENTIFY.
        counter_latency: cycles from `counter_addr` to `counter_data`, at most; at most 6.

    Members:
        asked : In(Asked), the command, stable from the cycle before `fetch` until the last byte has been asked for.
        address : In(24), of the unit, stable from the cycle after `fetch`; bursts : In(16), of CHECKSUM, stable as `asked` is.
        burst_summed : Out(1), strobe: go on to the address of CHECKSUM's next burst.
        fetch : In(1), strobe: fetch a unit; fetched : Out(1), strobe: `digit` may ask for its bytes.
        last_digit : Out(4), number of a unit's last byte.
        digit : In(4), number of a byte; byte : Out(8), that byte.
        read : Out(stream of 24-bit halfword addresses), bursts; data : In(16), data_valid : In(1), what comes of them.
        peek : Out(stream of PeekAddress); peek_data : In(64), peek_valid : In(1), what comes of them.
        counter_addr : Out(12); counter_data : In(32), of that address.
        busy : In(1), initialised : In(1), errors : In(8), passes_done : In(16), frame_cycles : In(32), frame : In(8), for STATUS.

    Timing: with `fetch` in cycle t, `fetched` strobes for IDENTIFY and STATUS in t + 1, for COUNTER in t + counter_latency + 2, for PEEK
        with `peek_valid`, for READ in the cycle after the eighth `data_valid`, for CHECKSUM CHECKSUM_LATENCY cycles after that of the last
        burst. `read` or `peek` is valid from t + 1 until taken; CHECKSUM's next burst from two cycles after the eighth `data_valid`.
        `byte` belongs to `digit` of the cycle before; a byte per cycle. STATUS is of the cycle in which each byte is asked for.
    """

    CHECKSUM_LATENCY = 3
    """Cycles from the last halfword of a range to the checksum: the halfword, the burst's end, the checksum with it."""

    def __init__(self, *, identity: Value, counter_latency: int) -> None:
        self._identity = identity
        self._counter_latency = counter_latency
        super().__init__(
            {
                "asked": In(Asked),
                "address": In(ADDRESS_BITS),
                "bursts": In(16),
                "burst_summed": Out(1),
                "fetch": In(1),
                "fetched": Out(1),
                "last_digit": Out(DIGIT_BITS),
                "digit": In(DIGIT_BITS),
                "byte": Out(8),
                "read": Out(stream.Signature(unsigned(ADDRESS_BITS))),
                "data": In(16),
                "data_valid": In(1),
                "peek": Out(stream.Signature(PeekAddress)),
                "peek_data": In(64),
                "peek_valid": In(1),
                "counter_addr": Out(12),
                "counter_data": In(32),
                "busy": In(1),
                "initialised": In(1),
                "errors": In(8),
                "passes_done": In(16),
                "frame_cycles": In(32),
                "frame": In(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        asked = self.asked
        fetching, asking = Signal(), Signal()
        received = Signal(range(BURST + 1))  # halfwords of a burst, or cycles of a counter's address
        held = Signal(64, reset_less=True)
        with m.If((self.read.valid & self.read.ready) | (self.peek.valid & self.peek.ready)):
            m.d.sync += asking.eq(0)
        with m.If(fetching & (self.data_valid | asked.counter)):
            m.d.sync += received.eq(received + 1)
        m.submodules.checksum = checksum = Checksum()
        summed = self._sum(m, checksum, fetching=fetching, asking=asking, received=received)
        with m.If(self.fetched):
            m.d.sync += fetching.eq(0)
        with m.If(self.fetch):
            m.d.sync += [fetching.eq(1), asking.eq(asked.peek | asked.read | asked.checksum), received.eq(0)]
        with m.If(self.peek_valid):
            m.d.sync += held.eq(self.peek_data)
        at_once = asked.identify | asked.status
        complete = Mux(asked.counter, received == self._counter_latency + 1, asked.read & received[-1])
        m.d.comb += [
            self.fetched.eq(fetching & (at_once | complete | (asked.peek & self.peek_valid) | summed)),
            self.read.valid.eq(asking & (asked.read | asked.checksum)),
            self.read.payload.eq(self.address),
            self.peek.valid.eq(asking & asked.peek),
            self.peek.payload.addr.eq(self.address),
            self.peek.payload.bank.eq(self.address[16:]),
            self.counter_addr.eq(self.address),
            self.last_digit.eq(LENGTH_UNITS[Command.PEEK] - 1),
        ]
        with m.If(asked.read | asked.status):
            m.d.comb += self.last_digit.eq(LENGTH_UNITS[Command.READ] - 1)
        with m.If(asked.counter | asked.checksum):
            m.d.comb += self.last_digit.eq(CHECKSUM_BYTES - 1)

        m.submodules.burst = burst = Memory(shape=16, depth=BURST, init=[])
        burst_write, burst_read = burst.write_port(), burst.read_port(domain="comb")
        m.d.comb += [
            burst_write.en.eq(self.data_valid & fetching),
            burst_write.addr.eq(received),
            burst_write.data.eq(self.data),
            burst_read.addr.eq(self.digit[1:]),
        ]
        flags = Cat(self.busy, self.initialised, Const(0, 6))
        state = Cat(flags, self.errors, self.passes_done, self.frame_cycles, self.frame)
        state = Cat(state, Const(0, 8 * STATUS_BYTES - len(state)))
        self._choose(
            m,
            {
                Command.IDENTIFY: self._identity,
                Command.STATUS: state,
                Command.CHECKSUM: checksum.checksum,
                Command.PEEK: held,
                Command.COUNTER: self.counter_data,
                Command.READ: burst_read.data,
            },
        )
        return m

    def _sum(self, m: Module, checksum: Checksum, *, fetching: Signal, asking: Signal, received: Signal) -> Value:
        """CHECKSUM's bursts one after the other, and their checksum; whether it is complete."""
        left = Signal(16, reset_less=True)  # bursts
        at_end, summed = Signal(), Signal()
        m.d.comb += [
            checksum.clear.eq(self.fetch),
            checksum.halfword.eq(self.data),
            checksum.valid.eq(self.data_valid & fetching),
        ]
        m.d.sync += [at_end.eq(0), summed.eq(at_end)]
        with m.If(self.fetch):
            m.d.sync += left.eq(self.bursts)
        with m.Elif(fetching & self.asked.checksum & received[-1]):
            m.d.comb += self.burst_summed.eq(1)
            m.d.sync += [received.eq(0), left.eq(left - 1)]
            with m.If(left == 1):
                m.d.sync += at_end.eq(1)
            with m.Else():
                m.d.sync += asking.eq(1)
        return summed

    def _choose(self, m: Module, units: dict[Command, Value]) -> None:
        """The byte `digit` of each unit into a register, for they stand all over the die; then that of the command."""
        for command, unit in units.items():
            name = command.name.lower()
            digits = (len(unit) // 8 - 1).bit_length()
            chosen = Signal(8, name=f"{name}_byte", reset_less=True)
            m.d.sync += chosen.eq(unit.word_select(self.digit[:digits], 8))
            with m.If(getattr(self.asked, name)):
                m.d.comb += self.byte.eq(chosen)
