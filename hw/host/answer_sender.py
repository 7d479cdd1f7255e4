"""Puts answers of `hw/isa/host_protocol.py` together: sync byte, header, data and both CRCs."""

from __future__ import annotations

import enum

from amaranth import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.host.answer_data import DIGIT_BITS
from hwgen.hw.isa.host_protocol import CRC_BYTES, RESPONSE_HEADER_BYTES, RESPONSE_SYNC, Status


class _State(enum.Enum):
    IDLE = 0
    HEADER = 1
    FETCH = 2  # a unit of data
    DATA = 3
    CRC = 4


class AnswerSender(wiring.Component):
    """Sends one answer at a time; fetches its data unit by unit.

    Members:
        start : In(1), strobe: send an answer with length : In(16) bytes of data, a multiple of a unit.
        status : In(Status), sequence : In(8), of the answer; stable while `sending`.
        sending : Out(1), an answer is under way, until its last byte has been taken.
        fetch : Out(1), strobe: fetch the next unit; fetched : In(1), strobe: it is there (see `AnswerData`).
        last_digit : In(4), number of a unit's last byte; unit_sent : Out(1), strobe: that byte has been taken.
        digit : Out(4), number of the byte that is wanted; data_byte : In(8), that byte, a cycle later.
        clear_crc : Out(1), crc : In(16), of the bytes taken since `clear_crc` (see `Crc16`).
        o : Out(stream of 8).

    Timing: with `start` in cycle t, the first byte is valid in t + LATENCY + 1. A byte is valid LATENCY + 1 cycles after the one before it
        was taken, the first byte of a unit LATENCY + 1 cycles after `fetched`; this is the pipeline's way, and the line takes far longer.
        `fetch` strobes when the header's CRC, or a unit that is not the last, has been sent. `sending` is a register.
    """

    LATENCY = 3
    """Number of a byte, the byte from every source, the byte that is wanted."""

    def __init__(self) -> None:
        super().__init__(
            {
                "start": In(1),
                "length": In(16),
                "status": In(Status),
                "sequence": In(8),
                "sending": Out(1),
                "fetch": Out(1),
                "fetched": In(1),
                "last_digit": In(DIGIT_BITS),
                "unit_sent": Out(1),
                "digit": Out(DIGIT_BITS),
                "data_byte": In(8),
                "clear_crc": Out(1),
                "crc": In(16),
                "o": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        state = Signal(_State)
        count = Signal(DIGIT_BITS)  # bytes of the header, the unit or the CRC in work
        left = Signal(16, reset_less=True)  # bytes of data
        sending = Signal()
        sent = self.o.valid & self.o.ready
        m.d.comb += self.sending.eq(sending)
        # That the byte in work is the answer's or the data's last one: a register, settled long before the byte is sent.
        header_ends = count == RESPONSE_HEADER_BYTES + CRC_BYTES
        last, finished = Signal(reset_less=True), Signal()
        with m.Switch(state):
            with m.Case(_State.IDLE):
                m.d.sync += [left.eq(self.length), count.eq(0)]
                with m.If(self.start):
                    m.d.sync += [state.eq(_State.HEADER), sending.eq(1)]
            with m.Case(_State.HEADER):
                m.d.sync += last.eq(header_ends & (left == 0))
                m.d.comb += [self.clear_crc.eq(sent & ((count == 0) | header_ends)), finished.eq(sent & last)]
                with m.If(sent):
                    m.d.sync += count.eq(count + 1)
                    with m.If(header_ends):
                        m.d.comb += self.fetch.eq(~last)
                        m.d.sync += [count.eq(0), state.eq(_State.FETCH)]
            with m.Case(_State.FETCH), m.If(self.fetched):
                m.d.sync += state.eq(_State.DATA)
            with m.Case(_State.DATA):
                m.d.sync += last.eq(left == 1)
                with m.If(sent):
                    m.d.sync += [count.eq(count + 1), left.eq(left - 1)]
                    with m.If(count == self.last_digit):
                        m.d.comb += [self.unit_sent.eq(1), self.fetch.eq(~last)]
                        m.d.sync += [count.eq(0), state.eq(_State.FETCH)]
                    with m.If(last):
                        m.d.sync += [count.eq(0), state.eq(_State.CRC)]
            with m.Case(_State.CRC):
                m.d.sync += last.eq(count[0])
                m.d.comb += finished.eq(sent & last)
                with m.If(sent):
                    m.d.sync += count.eq(count + 1)
        with m.If(finished):
            m.d.sync += [state.eq(_State.IDLE), sending.eq(0)]
        self._choose(m, state, count, left)

        # `outgoing` follows the state some cycles late, and so does its validity.
        settled = sending & (state != _State.FETCH)
        for i in range(self.LATENCY):
            register = Signal(name=f"settled_{i}")
            m.d.sync += register.eq(settled & ~sent)
            settled = register
        m.d.comb += self.o.valid.eq(settled)
        return m

    def _choose(self, m: Module, state: Signal, count: Signal, left: Signal) -> None:
        """What is sent, in three stages (see `LATENCY`): a byte of the header or of the data, or the CRC."""
        header = Cat(Const(RESPONSE_SYNC, 8), self.status, Const(0, 8 - len(self.status)), self.sequence, left)
        digit = Signal.like(count, reset_less=True)
        from_header, from_data = Signal(reset_less=True), Signal(reset_less=True)
        in_header, in_data = Signal(reset_less=True), Signal(reset_less=True)
        header_byte, outgoing = Signal(8, reset_less=True), Signal(8, reset_less=True)
        m.d.sync += [
            digit.eq(count),
            from_header.eq((state == _State.HEADER) & (count <= RESPONSE_HEADER_BYTES)),
            from_data.eq(state == _State.DATA),
            in_header.eq(from_header),
            in_data.eq(from_data),
            header_byte.eq(header.word_select(digit[:3], 8)),
            outgoing.eq(self.crc[8:]),
        ]
        with m.If(in_header):
            m.d.sync += outgoing.eq(header_byte)
        with m.If(in_data):
            m.d.sync += outgoing.eq(self.data_byte)
        m.d.comb += [self.digit.eq(digit), self.o.payload.eq(outgoing)]
