"""Host link: answers the requests of `hw/isa/host_protocol.py` on a serial line."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.host.answer_data import AnswerData, PeekAddress
from hwgen.hw.host.answer_queue import AnswerQueue
from hwgen.hw.host.answer_sender import AnswerSender
from hwgen.hw.host.asked import write_command
from hwgen.hw.host.command_unit import CommandUnit, PokeWord
from hwgen.hw.host.request_receiver import RequestReceiver
from hwgen.hw.host.uart import UartReceiver, UartTransmitter, phase_step
from hwgen.hw.isa.host_protocol import BAUD, CRC_INIT, CRC_POLYNOMIAL, LENGTH_UNITS, VERSION
from hwgen.hw.lib.crc import Crc16
from hwgen.hw.memory.sdram import SdramWrite
from hwgen.hw.memory.sdram_config import ADDRESS_BITS

COUNTER_LATENCY = 3
"""Cycles after which `counter_data` must belong to `counter_addr`."""


def check_parameters(clock_hz: int, *, baud: int, build: int | Value, timeout: int, halfwords: int) -> None:
    """Raises ValueError when a `HostLink` cannot have these parameters."""
    if halfwords & halfwords - 1 or halfwords > 1 << ADDRESS_BITS:
        raise ValueError(f"halfwords must be a power of two up to 2^{ADDRESS_BITS}, or 0, not {halfwords}")
    phase_step(clock_hz, baud)
    if isinstance(build, Value):
        if len(build) != 32:
            raise ValueError(f"build must have 32 bits, not {len(build)}")
    elif not 0 <= build < 1 << 32:
        raise ValueError(f"build must fit 32 bits, not {build}")
    if timeout < 20 * clock_hz // baud:
        raise ValueError(f"timeout must be at least two bytes ({20 * clock_hz // baud} cycles), not {timeout}")


class HostLink(wiring.Component):
    """Receives requests, carries them out and answers them in order; every error is answered once the line is quiet.

    Both ways are independent: requests come while answers go.

    Parameters:
        clock_hz: clock, Hz.
        baud: of the serial line.
        build: 32 bits that tell builds apart, a number or, for simulators that serve many builds, a signal.
        timeout: quiet time that ends a request, cycles.
        halfwords: of the SDRAM, a power of two; 0: the machine has none, and knows POKE instead of WRITE, READ and CHECKSUM.
        depth: words of a bank of the activation memory.

    Members:
        rx : In(1), tx : Out(1), serial line.
        write : Out(stream of SdramWrite), to the SDRAM controller; never valid without SDRAM.
        read : Out(stream of 24-bit halfword addresses), bursts from the SDRAM controller, only while `busy` is 0; never valid without.
        poke : Out(stream of PokeWord), words for the activation memory, only while `busy` is 0; never valid with SDRAM.
        data, data_valid : In(16), In(1), halfwords from the SDRAM controller; looked at only after a request of `read`.
        start : Out(1), strobe: start a frame; base : Out(24), its command stream, stable until the next one.
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
        self,
        clock_hz: int,
        *,
        baud: int = BAUD,
        build: int | Value = 0,
        timeout: int,
        halfwords: int = 1 << ADDRESS_BITS,
        depth: int = 1 << 14,
    ) -> None:
        check_parameters(clock_hz, baud=baud, build=build, timeout=timeout, halfwords=halfwords)
        self.clock_hz = clock_hz
        self.baud = baud
        self.build = build
        self.timeout = timeout
        self.halfwords = halfwords
        self.depth = depth
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

    @property
    def identity(self) -> Value:
        """What IDENTIFY answers, 64 bits: build, clock in kHz, protocol version."""
        rest = (self.clock_hz + 500) // 1000 | VERSION << 24
        if isinstance(self.build, Value):
            return Cat(self.build, Const(rest, 32))
        return Const(self.build | rest << 32, 64)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.uart_receiver = line_in = UartReceiver(self.clock_hz, self.baud)
        m.submodules.uart_transmitter = line_out = UartTransmitter(self.clock_hz, self.baud)
        m.submodules.receiver = receiver = RequestReceiver(
            unit_bytes=LENGTH_UNITS[write_command(self.halfwords)], timeout=self.timeout
        )
        m.submodules.command = command = CommandUnit(halfwords=self.halfwords, depth=self.depth)
        m.submodules.queue = queue = AnswerQueue()
        m.submodules.data = answer_data = AnswerData(identity=self.identity, counter_latency=COUNTER_LATENCY)
        m.submodules.sender = sender = AnswerSender()
        m.submodules.crc_in = crc_in = Crc16(CRC_POLYNOMIAL, CRC_INIT)
        m.submodules.crc_out = crc_out = Crc16(CRC_POLYNOMIAL, CRC_INIT)
        m.d.comb += [
            crc_in.clear.eq(receiver.clear_crc),
            crc_in.valid.eq(line_in.data_valid),
            crc_in.byte.eq(line_in.data),
            receiver.crc.eq(crc_in.crc),
            crc_out.clear.eq(sender.clear_crc),
            crc_out.valid.eq(sender.o.valid & sender.o.ready),
            crc_out.byte.eq(sender.o.payload),
            sender.crc.eq(crc_out.crc),
        ]

        # The way of a request: line, receiver, command unit, queue, sender, line.
        wiring.connect(m, receiver.units, command.units)
        wiring.connect(m, sender.o, line_out.i)
        m.d.comb += [
            line_in.rx.eq(self.rx),
            receiver.byte.eq(line_in.data),
            receiver.byte_valid.eq(line_in.data_valid),
            command.header.eq(receiver.header),
            receiver.refusal.eq(command.refusal),
            receiver.has_payload.eq(command.has_payload),
            receiver.room.eq(queue.i.ready),
            command.accepted.eq(receiver.accepted),
            command.reading.eq(queue.reading),
            receiver.advance.eq(command.advance),
            receiver.next_address.eq(command.next_address),
            queue.i.valid.eq(receiver.answer),
            queue.i.payload.command.eq(receiver.header.command),
            queue.i.payload.status.eq(receiver.status),
            queue.i.payload.sequence.eq(receiver.header.sequence),
            queue.i.payload.length.eq(receiver.header.length),
            queue.i.payload.address.eq(receiver.header.address),
            queue.i.payload.with_data.eq(receiver.with_data),
            queue.sending.eq(sender.sending),
            queue.advance.eq(sender.unit_sent | answer_data.burst_summed),
            sender.start.eq(queue.start),
            sender.length.eq(queue.length),
            sender.status.eq(queue.status),
            sender.sequence.eq(queue.sequence),
            answer_data.asked.eq(queue.asked),
            answer_data.address.eq(queue.address),
            answer_data.bursts.eq(queue.units),
            answer_data.fetch.eq(sender.fetch),
            answer_data.digit.eq(sender.digit),
            answer_data.frame.eq(command.frame),
            sender.fetched.eq(answer_data.fetched),
            sender.last_digit.eq(answer_data.last_digit),
            sender.data_byte.eq(answer_data.byte),
            self.tx.eq(line_out.tx),
        ]

        # The machine around it.
        wiring.connect(m, command.write, wiring.flipped(self.write))
        wiring.connect(m, command.poke, wiring.flipped(self.poke))
        wiring.connect(m, answer_data.read, wiring.flipped(self.read))
        wiring.connect(m, answer_data.peek, wiring.flipped(self.peek))
        m.d.comb += [
            self.start.eq(command.start),
            self.base.eq(command.base),
            command.busy.eq(self.busy),
            command.initialised.eq(self.initialised),
            self.counter_addr.eq(answer_data.counter_addr),
        ]
        for name in ("data", "data_valid", "peek_data", "peek_valid", "counter_data"):
            m.d.comb += getattr(answer_data, name).eq(getattr(self, name))
        for name in ("busy", "initialised", "errors", "passes_done", "frame_cycles"):
            m.d.comb += getattr(answer_data, name).eq(getattr(self, name))
        return m
