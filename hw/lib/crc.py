"""CRC-16, a byte per cycle."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


def crc16_byte(crc: Value, byte: Value, polynomial: int) -> Value:
    """CRC register after one more byte, most significant bit first; XORs only."""
    bits = [crc[i] for i in range(16)]
    for i in reversed(range(8)):
        feedback = bits[15] ^ byte[i]
        shifted = [Const(0, 1), *bits[:15]]
        bits = [bit ^ feedback if polynomial >> j & 1 else bit for j, bit in enumerate(shifted)]
    return Cat(*bits)


class Crc16(wiring.Component):
    """CRC of the bytes since it was cleared.

    After the two bytes of a CRC itself, most significant byte first, it is 0; after the first of them the second is at the top.

    Parameters:
        polynomial: without x^16, bit i for x^i.
        init: value that `clear` gives.

    Members:
        clear : In(1), strobe: begin anew; wins over `valid`.
        byte : In(8), valid : In(1), the next byte.
        crc : Out(16).

    Timing: `crc` is a register: a byte or `clear` of cycle t counts from t + 1 on; a byte per cycle.
    """

    def __init__(self, polynomial: int, init: int) -> None:
        self._polynomial = polynomial
        self._init = init
        super().__init__({"clear": In(1), "byte": In(8), "valid": In(1), "crc": Out(16)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        crc = Signal(16, reset_less=True)
        m.d.comb += self.crc.eq(crc)
        with m.If(self.clear):
            m.d.sync += crc.eq(self._init)
        with m.Elif(self.valid):
            m.d.sync += crc.eq(crc16_byte(crc, self.byte, self._polynomial))
        return m
