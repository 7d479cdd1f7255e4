"""CRC-16, a byte per cycle."""

from __future__ import annotations

from amaranth import Cat, Const, Value


def crc16_byte(crc: Value, byte: Value, polynomial: int) -> Value:
    """CRC register after one more byte, most significant bit first; XORs only."""
    bits = [crc[i] for i in range(16)]
    for i in reversed(range(8)):
        feedback = bits[15] ^ byte[i]
        shifted = [Const(0, 1), *bits[:15]]
        bits = [bit ^ feedback if polynomial >> j & 1 else bit for j, bit in enumerate(shifted)]
    return Cat(*bits)
