"""The block RAM DP16KD in the modes that this project uses."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import C, ClockSignal, Const, Instance, Value

_INIT_WORDS = 1024
"""The initial content of a block is 1024 words of 18 bits, 16 words to an INITVAL parameter."""


def initial_values(words: Sequence[int], width: int) -> dict[str, Const]:
    """INITVAL parameters of a block of `width` data bits.

    The block is an array of 9-bit units; narrower words fill the low 8 bits of a unit, lowest first. Two units make an 18-bit
    word, and each INITVAL carries 16 of those at a pitch of 20 bits.
    """
    units = [0] * (2 * _INIT_WORDS)
    for index, word in enumerate(words):
        if width >= 9:
            for part in range(width // 9):
                units[index * (width // 9) + part] = word >> (9 * part) & 0x1FF
        else:
            per_unit = 8 // width
            units[index // per_unit] |= (word & ((1 << width) - 1)) << (index % per_unit * width)
    values = {}
    for row in range(64):
        value = 0
        for i in range(16):
            unit = 2 * (16 * row + i)
            value |= (units[unit] | units[unit + 1] << 9) << (20 * i)
        values[f"p_INITVAL_{row:02X}"] = Const(value, 320)
    return values


def _bus(direction: str, name: str, value: Value) -> dict[str, Value]:
    return {f"{direction}_{name}{i}": value[i] for i in range(len(value))}


def block(
    width: int,
    words: Sequence[int],
    *,
    ce_a: Value,
    we_a: Value,
    addr_a: Value,
    ce_b: Value,
    we_b: Value,
    addr_b: Value,
    data_in: Value,
    data_a: Value,
    data_b: Value,
) -> Instance:
    """One block: both ports clocked by `sync`, `width` wide, with output registers; write mode NORMAL, no reset, no chip select.

    Args:
        width: 1, 2, 4, 9 or 18, or 36: then port A only writes and port B only reads, each through the data pins of both.
        words: initial content.
        ce_a: port A's clock enable.
        we_a: port A's write enable; not looked at for 36.
        addr_a: port A's 14 address pins: the word's address on top, below it byte enables (18: two, 36: four) or zeros.
        ce_b, we_b, addr_b: likewise for port B.
        data_in: 36 bits: port A's 18 data pins, then port B's.
        data_a: 18 bits: port A's outputs.
        data_b: 18 bits: port B's outputs. For 36 the lower half of the word is in `data_a`, the upper here.
    """
    return Instance(
        "DP16KD",
        p_DATA_WIDTH_A=width,
        p_DATA_WIDTH_B=width,
        p_REGMODE_A="OUTREG",
        p_REGMODE_B="OUTREG",
        p_WRITEMODE_A="NORMAL",
        p_WRITEMODE_B="NORMAL",
        p_CSDECODE_A="0b000",
        p_CSDECODE_B="0b000",
        p_GSR="DISABLED",
        i_CLKA=ClockSignal(),
        i_CLKB=ClockSignal(),
        i_CEA=ce_a,
        i_CEB=ce_b,
        i_WEA=we_a,
        i_WEB=we_b,
        i_OCEA=C(1, 1),
        i_OCEB=C(1, 1),
        i_RSTA=C(0, 1),
        i_RSTB=C(0, 1),
        **initial_values(words, width),
        **_bus("i", "CSA", C(0, 3)),
        **_bus("i", "CSB", C(0, 3)),
        **_bus("i", "ADA", addr_a),
        **_bus("i", "ADB", addr_b),
        **_bus("i", "DIA", data_in[:18]),
        **_bus("i", "DIB", data_in[18:]),
        **_bus("o", "DOA", data_a),
        **_bus("o", "DOB", data_b),
    )
