"""Host link: answers the requests of `hw/isa/host_protocol.py` on a serial line."""

from __future__ import annotations

import enum
from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwgen.hw.host.uart import UartReceiver, UartTransmitter, phase_step
from hwgen.hw.isa.host_protocol import (
    CRC_BYTES,
    CRC_INIT,
    CRC_POLYNOMIAL,
    LENGTH_UNITS,
    REQUEST_HEADER_BYTES,
    REQUEST_SYNC,
    RESIDENT_COMMANDS,
    RESPONSE_HEADER_BYTES,
    RESPONSE_SYNC,
    SDRAM_COMMANDS,
    STATUS_BYTES,
    VERSION,
    Command,
    Status,
)
from hwgen.hw.lib.crc import crc16_byte
from hwgen.hw.memory.sdram import SdramWrite
from hwgen.hw.memory.sdram_config import ADDRESS_BITS, BURST

PeekAddress = data.StructLayout({"bank": 2, "addr": 14})
PokeWord = data.StructLayout({"bank": 2, "addr": 14, "data": 64})

COUNTER_LATENCY = 3
"""Cycles after which `counter_data` must belong to `counter_addr`."""


class _State(enum.Enum):
    HUNT = 0  # for the sync byte
    HEADER = 1
    CHECK = 2
    PAYLOAD = 3
    PAYLOAD_CHECK = 4
    FLUSH = 5  # until the line is quiet
    ANSWER = 6  # header of the answer
    FETCH = 7  # data for the answer
    SEND = 8
    CRC = 9


def check_parameters(clock_hz: int, *, baud: int, build: int, timeout: int) -> None:
    """Raises ValueError when a `HostLink` cannot have these parameters."""
    phase_step(clock_hz, baud)
    if not 0 <= build < 1 << 32:
        raise ValueError(f"build must fit 32 bits, not {build}")
    if timeout < 20 * clock_hz // baud:
        raise ValueError(f"timeout must be at least two bytes ({20 * clock_hz // baud} cycles), not {timeout}")


class HostLink(wiring.Component):
    """Receives one request at a time, carries it out, answers it; every error is answered once the line is quiet.

    Parameters:
        clock_hz: clock, Hz.
        baud: of the serial line.
        build: 32 bits that tell builds apart.
        timeout: quiet time that ends a request, cycles.
        sdram: the machine has SDRAM: it knows WRITE and READ; else POKE.

    Members:
        rx : In(1), tx : Out(1), serial line.
        write : Out(stream of SdramWrite), to the SDRAM controller; never valid without SDRAM.
        read : Out(stream of 24-bit halfword addresses), bursts from the SDRAM controller, only while `busy` is 0; never valid without.
        poke : Out(stream of PokeWord), words for the activation memory, only while `busy` is 0; never valid with SDRAM.
        data, data_valid : In(16), In(1), halfwords from the SDRAM controller; looked at only after a request of `read`.
        start : Out(1), strobe: start a frame; base : Out(24), its command stream, stable from then on.
        busy : In(1), a frame is under way; at the latest 8 cycles after `start`.
        initialised : In(1), the SDRAM is ready.
        errors : In(8), error flags for the host.
        passes_done : In(16), frame_cycles : In(32), for the host.
        peek : Out(stream of PeekAddress), reads of the activation memory.
        peek_data, peek_valid : In(64), In(1), their results in order, one request at a time.
        counter_addr : Out(12), counter_data : In(32), COUNTER_LATENCY cycles later at the latest.

    Timing: the line sets the pace. Never waits for the host longer than `timeout`; it waits without limit for `write`, `read`,
        `poke` and `peek`, which the memories take within some 100 cycles.
    """

    def __init__(
        self, clock_hz: int, *, baud: int = 3_000_000, build: int = 0, timeout: int, sdram: bool = True
    ) -> None:
        check_parameters(clock_hz, baud=baud, build=build, timeout=timeout)
        self.clock_hz = clock_hz
        self.baud = baud
        self.build = build
        self.timeout = timeout
        self.sdram = sdram
        super().__init__(
            {
                "rx": In(1),
                "tx": Out(1, init=1),
                "write": Out(stream.Signature(SdramWrite)),
                "read": Out(stream.Signature(unsigned(ADDRESS_BITS))),
                "poke": Out(stream.Signature(PokeWord)),
                "data": In(16),
                "data_valid": In(1),
                "start": Out(1),
                "base": Out(ADDRESS_BITS),
                "busy": In(1),
                "initialised": In(1),
                "errors": In(8),
                "passes_done": In(16),
                "frame_cycles": In(32),
                "peek": Out(stream.Signature(PeekAddress)),
                "peek_data": In(64),
                "peek_valid": In(1),
                "counter_addr": Out(12),
                "counter_data": In(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(self.clock_hz, self.baud)
        m.submodules.transmitter = transmitter = UartTransmitter(self.clock_hz, self.baud)
        byte, arrived = receiver.data, receiver.data_valid
        out = transmitter.i
        sent = Signal()
        m.d.comb += [receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx), sent.eq(out.valid & out.ready)]

        state = Signal(_State)
        count = Signal(4)  # bytes of the header, the unit or the CRC in work
        left = Signal(16, reset_less=True)  # bytes of payload or of the answer's data
        status = Signal(Status, reset_less=True)
        overrun = Signal(reset_less=True)
        # Payload is written in units of a halfword, or of a word of the activation memory.
        writes = Command.WRITE if self.sdram else Command.POKE
        unit_bytes = LENGTH_UNITS[writes]
        counted = count[: (unit_bytes - 1).bit_length()]
        low = Signal(8 * (unit_bytes - 1), reset_less=True)
        write_data = Signal(8 * unit_bytes, reset_less=True)
        taken = self.write.ready if self.sdram else self.poke.ready
        writing = Signal()
        asking = Signal()
        received = Signal(4)

        # The request: bytes shift in from the top. The address is then counted up in place.
        header = Signal(8 * REQUEST_HEADER_BYTES, reset_less=True)
        command, sequence, length = header[:8], header[8:16], header[16:32]
        address = header[32 : 32 + ADDRESS_BITS]
        absent = RESIDENT_COMMANDS if self.sdram else SDRAM_COMMANDS
        present = [name for name in Command if name not in absent]
        asks: dict[Command, Value] = {
            name: Signal(name=f"is_{name.name.lower()}", reset_less=True) if name in present else Const(0)
            for name in Command
        }
        known, fits, free = Signal(reset_less=True), Signal(reset_less=True), Signal(reset_less=True)
        part = Cat(asks[name] & (length & LENGTH_UNITS[name] - 1).any() for name in present if LENGTH_UNITS[name]).any()
        bare = Cat(asks[name] for name in present if LENGTH_UNITS[name] == 0).any()
        guarded = asks[Command.READ] | asks[writes] | asks[Command.START]
        m.d.sync += [asks[name].eq(command == name.value) for name in present]
        m.d.sync += [
            known.eq(Cat(asks[name] for name in present).any()),
            fits.eq(~part & ((length == 0) == bare)),
            free.eq(~guarded | (self.initialised & ~self.busy)),
        ]

        # The address of the next unit, halfword or burst; it has many cycles until it is wanted.
        following = Signal.like(address, reset_less=True)
        m.d.sync += following.eq(address + Mux(asks[Command.READ], BURST, 1))

        # One CRC register for both ways: a request and its answer do not overlap. After a CRC's own bytes it is 0, and
        # after the first of them the second is at the top.
        crc = Signal(16, reset_less=True)
        clear_crc, sending = Signal(), Signal()
        with m.If(clear_crc):
            m.d.sync += crc.eq(CRC_INIT)
        with m.Elif(Mux(sending, sent, arrived)):
            m.d.sync += crc.eq(crc16_byte(crc, Mux(sending, out.payload, byte), CRC_POLYNOMIAL))

        quiet = Signal(range(self.timeout + 1))
        timed_out = Signal()
        with m.If(arrived | (state == _State.HUNT)):
            m.d.sync += [quiet.eq(0), timed_out.eq(0)]
        with m.Elif(quiet != self.timeout):
            m.d.sync += quiet.eq(quiet + 1)
        with m.Else():
            m.d.sync += timed_out.eq(1)

        with m.If(writing & taken):
            m.d.sync += [writing.eq(0), address.eq(following)]
        m.d.sync += self.start.eq(0)

        def answer(result: Status, bytes_: Value | int = 0) -> list[Any]:
            return [state.eq(_State.ANSWER), status.eq(result), left.eq(bytes_), count.eq(0), sending.eq(1)]

        def refuse(result: Status) -> list[Any]:
            return [state.eq(_State.FLUSH), status.eq(result)]

        def fetch() -> list[Any]:
            asked = asks[Command.PEEK] | asks[Command.READ]
            return [state.eq(_State.FETCH), asking.eq(asked), received.eq(0), count.eq(0)]

        with m.Switch(state):
            with m.Case(_State.HUNT):
                m.d.comb += clear_crc.eq(1)
                m.d.sync += [count.eq(0), overrun.eq(0)]
                with m.If(arrived & (byte == REQUEST_SYNC)):
                    m.d.sync += state.eq(_State.HEADER)
            with m.Case(_State.HEADER):
                with m.If(arrived):
                    m.d.sync += count.eq(count + 1)
                    with m.If(~count[3]):
                        m.d.sync += header.eq(Cat(header[8:], byte))
                    with m.If(count == REQUEST_HEADER_BYTES + CRC_BYTES - 1):
                        m.d.sync += state.eq(_State.CHECK)
                with m.Elif(timed_out):
                    m.d.sync += answer(Status.TIMEOUT)
            with m.Case(_State.CHECK):
                m.d.comb += clear_crc.eq(1)
                m.d.sync += [left.eq(length), count.eq(0)]
                with m.If(crc != 0):
                    m.d.sync += refuse(Status.HEADER_CRC)
                with m.Elif(~known):
                    m.d.sync += refuse(Status.COMMAND)
                with m.Elif(~fits):
                    m.d.sync += refuse(Status.LENGTH)
                with m.Elif(~free):
                    m.d.sync += refuse(Status.BUSY)
                with m.Elif(asks[writes]):
                    m.d.sync += state.eq(_State.PAYLOAD)
                with m.Elif(asks[Command.START]):
                    m.d.sync += [self.start.eq(1), self.base.eq(address), *answer(Status.OK)]
                with m.Else():
                    m.d.sync += answer(Status.OK, Mux(bare, STATUS_BYTES, length))
            with m.Case(_State.PAYLOAD):
                with m.If(arrived):
                    m.d.sync += [counted.eq(counted + 1), low.eq(Cat(low, byte)[8:])]
                    with m.If(left != 0):
                        m.d.sync += left.eq(left - 1)
                        with m.If(counted.all() & writing):
                            m.d.sync += overrun.eq(1)
                        with m.Elif(counted.all()):
                            m.d.sync += [write_data.eq(Cat(low, byte)), writing.eq(1)]
                    with m.Elif(count[0]):
                        m.d.sync += state.eq(_State.PAYLOAD_CHECK)
                with m.Elif(timed_out):
                    m.d.sync += answer(Status.TIMEOUT)
            with m.Case(_State.PAYLOAD_CHECK):
                with m.If(crc != 0):
                    m.d.sync += refuse(Status.PAYLOAD_CRC)
                with m.Elif(overrun):
                    m.d.sync += refuse(Status.OVERRUN)
                with m.Elif(~writing):
                    m.d.sync += answer(Status.OK)
            with m.Case(_State.FLUSH), m.If(timed_out):
                m.d.sync += [state.eq(_State.ANSWER), left.eq(0), count.eq(0), sending.eq(1)]
            with m.Case(_State.ANSWER), m.If(sent):
                m.d.sync += count.eq(count + 1)
                m.d.comb += clear_crc.eq(count == 0)
                with m.If(count == RESPONSE_HEADER_BYTES + CRC_BYTES):
                    m.d.comb += clear_crc.eq(1)
                    m.d.sync += fetch()
                    with m.If(left == 0):
                        m.d.sync += [state.eq(_State.HUNT), sending.eq(0), asking.eq(0)]
            with m.Case(_State.FETCH):
                with m.If((self.read.valid & self.read.ready) | (self.peek.valid & self.peek.ready)):
                    m.d.sync += asking.eq(0)
                with m.If(self.data_valid | asks[Command.COUNTER]):
                    m.d.sync += received.eq(received + 1)
                enough = Mux(asks[Command.COUNTER], received[2], received[3])
                with m.If(bare | enough | (asks[Command.PEEK] & self.peek_valid)):
                    m.d.sync += state.eq(_State.SEND)
            with m.Case(_State.SEND), m.If(sent):
                m.d.sync += [count.eq(count + 1), left.eq(left - 1)]
                whole = Mux(asks[Command.READ], 15, Mux(asks[Command.COUNTER], 3, 7))
                with m.If(count == whole):
                    m.d.sync += [address.eq(following), *fetch()]
                with m.If(left == 1):
                    m.d.sync += [state.eq(_State.CRC), asking.eq(0), count.eq(0)]
            with m.Case(_State.CRC), m.If(sent):
                m.d.sync += count.eq(count + 1)
                with m.If(count[0]):
                    m.d.sync += [state.eq(_State.HUNT), sending.eq(0)]

        m.submodules.burst = burst = Memory(shape=16, depth=BURST, init=[])
        burst_write, burst_read = burst.write_port(), burst.read_port(domain="comb")
        held = Signal(64, reset_less=True)
        digit = Signal.like(count, reset_less=True)  # `count` of the cycle before
        with m.If(self.peek_valid):
            m.d.sync += held.eq(self.peek_data)
        m.d.comb += [
            self.write.payload.addr.eq(address),
            self.write.payload.enable.eq(3),
            self.poke.payload.addr.eq(address),
            self.poke.payload.bank.eq(address[16:]),
            (self.write if self.sdram else self.poke).valid.eq(writing),
            (self.write if self.sdram else self.poke).payload.data.eq(write_data),
            self.read.valid.eq(asking & asks[Command.READ]),
            self.read.payload.eq(address),
            burst_write.en.eq(self.data_valid & (state == _State.FETCH)),
            burst_write.addr.eq(received),
            burst_write.data.eq(self.data),
            burst_read.addr.eq(digit[1:]),
            self.peek.valid.eq(asking & asks[Command.PEEK]),
            self.peek.payload.addr.eq(address),
            self.peek.payload.bank.eq(address[16:]),
            self.counter_addr.eq(address),
        ]

        # What is sent: the answer's header, data by command and byte number, or the CRC.
        flags = Cat(self.busy, self.initialised, Const(0, 6))
        identity = self.build | (self.clock_hz + 500) // 1000 << 32 | VERSION << 56
        wholes = {
            Command.IDENTIFY: Const(identity, 64),
            Command.STATUS: Cat(flags, self.errors, self.passes_done, self.frame_cycles),
            Command.PEEK: held,
            Command.COUNTER: self.counter_data,
            Command.READ: burst_read.data,
        }
        answer_header = Cat(Const(RESPONSE_SYNC, 8), status, Const(0, 8 - len(status)), sequence, left)
        # In three stages, because the sources stand all over the die: the byte's number, a byte of each source, the one that is wanted.
        outgoing = Signal(8, reset_less=True)
        from_answer, from_send = Signal(reset_less=True), Signal(reset_less=True)
        in_answer, in_send = Signal(reset_less=True), Signal(reset_less=True)
        answer_byte = Signal(8, reset_less=True)
        m.d.comb += out.payload.eq(outgoing)
        m.d.sync += [
            digit.eq(count),
            from_answer.eq((state == _State.ANSWER) & (count <= RESPONSE_HEADER_BYTES)),
            from_send.eq(state == _State.SEND),
            in_answer.eq(from_answer),
            in_send.eq(from_send),
            answer_byte.eq(answer_header.word_select(digit[:3], 8)),
            outgoing.eq(crc[8:]),
        ]
        with m.If(in_answer):
            m.d.sync += outgoing.eq(answer_byte)
        for name, whole in wholes.items():
            digits = (len(whole) // 8 - 1).bit_length()
            chosen = Signal(8, name=f"{name.name.lower()}_byte", reset_less=True)
            m.d.sync += chosen.eq(whole.word_select(digit[:digits], 8))
            with m.If(in_send & asks[name]):
                m.d.sync += outgoing.eq(chosen)
        # `outgoing` follows the state three cycles late, and so does its validity.
        settled = sending & (state != _State.FETCH)
        for i in range(3):
            register = Signal(name=f"settled_{i}")
            m.d.sync += register.eq(settled & ~sent)
            settled = register
        m.d.comb += out.valid.eq(settled)
        return m
