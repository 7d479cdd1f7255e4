"""CRC-32, a halfword per cycle."""

from __future__ import annotations

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.host_protocol import CHECKSUM_POLYNOMIAL

_BITS = 32


def crc32_halfword(crc: Value, halfword: Value) -> Value:
    """CRC register after one more halfword, least significant bit first; XORs only."""
    bits = [crc[i] for i in range(_BITS)]
    for i in range(16):
        feedback = bits[0] ^ halfword[i]
        shifted: list[Value | None] = [*bits[1:], None]
        bits = [
            feedback if bit is None else bit ^ feedback if CHECKSUM_POLYNOMIAL >> j & 1 else bit
            for j, bit in enumerate(shifted)
        ]
    return Cat(*bits)


class Checksum(wiring.Component):
    """CRC-32 of halfwords as of their bytes, the lower one first: what `zlib.crc32` computes.

    Members:
        clear : In(1), strobe: begin anew; wins over `valid`.
        halfword : In(16), valid : In(1), the next halfword.
        checksum : Out(32).

    Timing: a halfword of cycle t counts from t + 2 on, `clear` from t + 1 and for halfwords from t + 1 on; a halfword per cycle.
    """

    def __init__(self) -> None:
        super().__init__({"clear": In(1), "halfword": In(16), "valid": In(1), "checksum": Out(32)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        crc = Signal(_BITS, reset_less=True)
        # They come from pads far away, and a bit of the CRC is the sum of some ten.
        halfword, valid = Signal(16, reset_less=True), Signal()
        m.d.sync += [halfword.eq(self.halfword), valid.eq(self.valid & ~self.clear)]
        with m.If(self.clear):
            m.d.sync += crc.eq((1 << _BITS) - 1)
        with m.Elif(valid):
            m.d.sync += crc.eq(crc32_halfword(crc, halfword))
        m.d.comb += self.checksum.eq(~crc)
        return m
