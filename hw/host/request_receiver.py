"""Takes requests of `hw/isa/host_protocol.py` apart: header, units of payload, and every way in which one can be spoilt."""

from __future__ import annotations

import enum

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.host_protocol import CRC_BYTES, REQUEST_HEADER_BYTES, REQUEST_SYNC, Status
from hwgen.hw.memory.sdram_config import ADDRESS_BITS

RequestHeader = data.StructLayout({"command": 8, "sequence": 8, "length": 16, "address": 32})


class _State(enum.Enum):
    HUNT = 0  # for the sync byte
    HEADER = 1
    CHECK = 2
    PAYLOAD = 3
    PAYLOAD_CHECK = 4
    FLUSH = 5  # until the line is quiet


class RequestReceiver(wiring.Component):
    """Receives one request after the other and says when, and with which status, each is to be answered; errors once the line is quiet.

    Payload leaves in units, the last byte on top. While a unit waits, there is room for all but the last byte of the next one.

    Parameters:
        unit_bytes: bytes of a unit, 2 or 8; the payload of an accepted request is a multiple.
        timeout: quiet time that ends a request, cycles.

    Members:
        byte : In(8), byte_valid : In(1), from the line.
        clear_crc : Out(1), crc : In(16), of the bytes since the cycle of `clear_crc` (see `Crc16`).
        header : Out(RequestHeader), as received; then the lower bits of the address are counted up, and the length down with the payload.
        advance : In(1), strobe; next_address : In(24), what it makes of the address.
        refusal : In(Status), has_payload : In(1), what is to become of `header`; before the last byte of its CRC. OK: not refused.
        room : In(1), another answer can be asked for.
        accepted : Out(1), strobe: a request without payload is good.
        units : Out(stream of `unit_bytes` bytes), payload.
        answer : Out(1), strobe: answer the request of `header`; with_data : Out(1), whether that has data, status : Out(Status), of the
            answer, mean something only together with `answer`. If the request has no payload `header` still is as received.

    Timing: with the last byte of the header's CRC in cycle t, `accepted` strobes in t + 1 and `answer` in t + 2 if the request has no
        payload. With the last byte of the payload's CRC in t, `answer` strobes in t + 2, or two cycles after the last unit has been taken.
        A unit is valid from the cycle after its last byte; it is an error (OVERRUN) if the one before it has not been taken before that
        byte came. An error is answered timeout + 3 cycles after the last byte of any kind, TIMEOUT one later, or as soon as there is room.
    """

    def __init__(self, *, unit_bytes: int, timeout: int) -> None:
        self._unit_bytes = unit_bytes
        self._timeout = timeout
        super().__init__(
            {
                "byte": In(8),
                "byte_valid": In(1),
                "clear_crc": Out(1),
                "crc": In(16),
                "header": Out(RequestHeader),
                "advance": In(1),
                "next_address": In(ADDRESS_BITS),
                "refusal": In(Status),
                "has_payload": In(1),
                "accepted": Out(1),
                "units": Out(stream.Signature(8 * unit_bytes)),
                "answer": Out(1),
                "with_data": Out(1),
                "status": Out(Status),
                "room": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        state = Signal(_State)
        count = Signal(4)  # bytes of the header or the unit, and of the CRC behind it
        header = Signal(RequestHeader, reset_less=True)
        status = Signal(Status, reset_less=True)
        answer, with_data = Signal(), Signal(reset_less=True)
        overrun = Signal(reset_less=True)
        timed_out = self._quiet(m, self.byte_valid | (state == _State.HUNT))
        in_payload = (state == _State.PAYLOAD) & self.byte_valid
        m.d.comb += [
            self.header.eq(header),
            self.status.eq(status),
            self.answer.eq(answer),
            self.with_data.eq(with_data),
        ]
        m.d.sync += [answer.eq(0), with_data.eq(0)]
        self._collect(m, in_payload, count, header, overrun)
        with m.If(self.advance):
            m.d.sync += header.address[:ADDRESS_BITS].eq(self.next_address)

        with m.Switch(state):
            with m.Case(_State.HUNT):
                m.d.comb += self.clear_crc.eq(1)
                m.d.sync += [count.eq(0), overrun.eq(0)]
                with m.If(self.byte_valid & (self.byte == REQUEST_SYNC)):
                    m.d.sync += state.eq(_State.HEADER)
                # What is no request may be the rest of one whose beginning was lost, and hold anything.
                with m.Elif(self.byte_valid):
                    m.d.sync += [state.eq(_State.FLUSH), status.eq(Status.SYNC)]
            with m.Case(_State.HEADER):
                with m.If(self.byte_valid):
                    m.d.sync += count.eq(count + 1)
                    with m.If(count < REQUEST_HEADER_BYTES):
                        m.d.sync += header.eq(Cat(header.as_value()[8:], self.byte))
                    with m.If(count == REQUEST_HEADER_BYTES + CRC_BYTES - 1):
                        m.d.sync += state.eq(_State.CHECK)
                with m.Elif(timed_out):
                    m.d.sync += [state.eq(_State.FLUSH), status.eq(Status.TIMEOUT)]
            with m.Case(_State.CHECK):
                m.d.comb += self.clear_crc.eq(1)
                m.d.sync += count.eq(0)
                with m.If(self.crc != 0):
                    m.d.sync += [state.eq(_State.FLUSH), status.eq(Status.HEADER_CRC)]
                with m.Elif(self.refusal != Status.OK):
                    m.d.sync += [state.eq(_State.FLUSH), status.eq(self.refusal)]
                with m.Elif(~self.room):
                    m.d.sync += [state.eq(_State.FLUSH), status.eq(Status.OVERRUN)]
                with m.Elif(self.has_payload):
                    m.d.sync += state.eq(_State.PAYLOAD)
                with m.Else():
                    m.d.comb += self.accepted.eq(1)
                    m.d.sync += [state.eq(_State.HUNT), answer.eq(1), with_data.eq(1), status.eq(Status.OK)]
            with m.Case(_State.PAYLOAD):
                with m.If(self.byte_valid & (header.length == 0) & count[0]):
                    m.d.sync += state.eq(_State.PAYLOAD_CHECK)
                with m.Elif(~self.byte_valid & timed_out):
                    m.d.sync += [state.eq(_State.FLUSH), status.eq(Status.TIMEOUT)]
            with m.Case(_State.PAYLOAD_CHECK):
                with m.If(self.crc != 0):
                    m.d.sync += [state.eq(_State.FLUSH), status.eq(Status.PAYLOAD_CRC)]
                with m.Elif(overrun):
                    m.d.sync += [state.eq(_State.FLUSH), status.eq(Status.OVERRUN)]
                with m.Elif(~self.units.valid):
                    m.d.sync += [state.eq(_State.HUNT), answer.eq(1), status.eq(Status.OK)]
            with m.Case(_State.FLUSH), m.If(timed_out & ~self.byte_valid & self.room):
                m.d.sync += [state.eq(_State.HUNT), answer.eq(1)]
        return m

    def _quiet(self, m: Module, restart: Value) -> Value:
        """Whether `timeout` cycles have passed since `restart`; a register."""
        quiet = Signal(range(self._timeout + 1))
        timed_out = Signal()
        with m.If(restart):
            m.d.sync += [quiet.eq(0), timed_out.eq(0)]
        with m.Elif(quiet != self._timeout):
            m.d.sync += quiet.eq(quiet + 1)
        with m.Else():
            m.d.sync += timed_out.eq(1)
        return timed_out

    def _collect(self, m: Module, enable: Value, count: Signal, header: data.View, overrun: Signal) -> None:
        """Units out of the bytes with `enable`, for as long as the header's length says; counts those of the CRC behind them too."""
        counted = count[: (self._unit_bytes - 1).bit_length()]
        low = Signal(8 * (self._unit_bytes - 1), reset_less=True)
        unit = Signal(8 * self._unit_bytes, reset_less=True)
        waiting = Signal()
        m.d.comb += [self.units.valid.eq(waiting), self.units.payload.eq(unit)]
        with m.If(self.units.ready):
            m.d.sync += waiting.eq(0)
        with m.If(enable):
            m.d.sync += [counted.eq(counted + 1), low.eq(Cat(low, self.byte)[8:])]
            with m.If(header.length != 0):
                m.d.sync += header.length.eq(header.length - 1)
                with m.If(counted.all() & waiting):
                    m.d.sync += overrun.eq(1)
                with m.Elif(counted.all()):
                    m.d.sync += [unit.eq(Cat(low, self.byte)), waiting.eq(1)]
