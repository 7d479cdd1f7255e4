"""Serial receiver and transmitter, 8 data bits, no parity, one stop bit, for any ratio of clock and baud rate above 8."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

_PHASE_BITS = 16
_FRAME_BITS = 10  # start, 8 data, stop


def phase_step(clock_hz: int, baud: int) -> int:
    """What a 16-bit phase gains per cycle, so that it overflows once per bit; its error is below 1 % for a ratio up to 600.

    Raises:
        ValueError: fewer than 8 cycles a bit, or more than 600.
    """
    if not 8 * baud <= clock_hz <= 600 * baud:
        raise ValueError(f"baud must be clock_hz / 8 at most and clock_hz / 600 at least, not {baud} at {clock_hz} Hz")
    return ((baud << _PHASE_BITS) + clock_hz // 2) // clock_hz


class UartReceiver(wiring.Component):
    """Samples every bit in its middle; bytes with a wrong stop bit are dropped.

    Parameters:
        clock_hz, baud: Hz.

    Members:
        rx : In(1), line, asynchronous, idle 1.
        data : Out(8), data_valid : Out(1), a byte, for one cycle.

    Timing: a byte is delivered within half a bit and 4 cycles before the end of its stop bit; the next start bit may
        follow at once. The sender's baud rate may be off by 3 % from 30 cycles a bit on, 1 % at 8 cycles a bit.
    """

    def __init__(self, clock_hz: int, baud: int) -> None:
        self.step = phase_step(clock_hz, baud)
        super().__init__({"rx": In(1), "data": Out(8), "data_valid": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        line = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, line, init=1)
        phase = Signal(_PHASE_BITS, reset_less=True)
        tick = Signal()
        left = Signal(range(_FRAME_BITS + 1))
        armed = Signal()
        bits = Signal(9, reset_less=True)  # data and stop bit
        m.d.sync += [Cat(phase, tick).eq(phase + Const(self.step, _PHASE_BITS)), self.data_valid.eq(0)]
        m.d.comb += self.data.eq(bits)
        with m.If(left == 0):
            # Half a bit from the edge to the middle of the start bit; the line must be 1 before a start bit.
            m.d.sync += [phase.eq(1 << (_PHASE_BITS - 1)), tick.eq(0)]
            with m.If(line):
                m.d.sync += armed.eq(1)
            with m.Elif(armed):
                m.d.sync += [left.eq(_FRAME_BITS), armed.eq(0)]
        with m.Elif(tick):
            m.d.sync += [bits.eq(Cat(bits[1:], line)), left.eq(left - 1)]
            with m.If((left == _FRAME_BITS) & line):  # a spike, not a start bit
                m.d.sync += left.eq(0)
            with m.If(left == 1):
                m.d.sync += self.data_valid.eq(line)
        return m


class UartTransmitter(wiring.Component):
    """Sends bytes, one behind the other without a gap while `i` is valid.

    Parameters:
        clock_hz, baud: Hz.

    Members:
        i : In(stream of 8).
        tx : Out(1), line, idle 1.

    Timing: `i` is ready for one cycle per byte, every 10 bits.
    """

    def __init__(self, clock_hz: int, baud: int) -> None:
        self.step = phase_step(clock_hz, baud)
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        phase = Signal(_PHASE_BITS, reset_less=True)
        tick = Signal()
        left = Signal(range(_FRAME_BITS))
        bits = Signal(9, reset_less=True)
        m.d.sync += Cat(phase, tick).eq(phase + Const(self.step, _PHASE_BITS))
        m.d.comb += self.i.ready.eq((left == 0) & tick)
        with m.If(tick):
            with m.If(left != 0):
                m.d.sync += [left.eq(left - 1), self.tx.eq(bits[0]), bits.eq(Cat(bits[1:], Const(1, 1)))]
            with m.Elif(self.i.valid):
                m.d.sync += [left.eq(_FRAME_BITS - 1), self.tx.eq(0), bits.eq(Cat(self.i.payload, Const(1, 1)))]
        return m
