"""Packets and their units, as the parts of the DMA hand them to each other."""

from __future__ import annotations

from amaranth.lib import data

from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import PARAMETER_BITS, WORD_BYTES, CoreConfig
from hwgen.hw.isa.descriptor import DESCRIPTOR_HALFWORDS
from hwgen.hw.isa.memories import TABLE_WORDS
from hwgen.hw.isa.packets import PacketKind

WRITE_DELAY = 2
"""Cycles from the use of a unit's last halfword to its write."""

HALFWORD_KINDS = (PacketKind.DESCRIPTOR, PacketKind.TABLE)
"""Packets whose every halfword is written as it comes."""

Place = data.StructLayout({"addr": 14, "bank": 2, "unpack": 1})
"""Where a unit goes; `unpack`: it is two pixels of 3 bytes for a word."""


def packet_kinds(config: CoreConfig) -> list[PacketKind]:
    """The kinds of packets that a core's DMA knows."""
    return [kind for kind in PacketKind if config.spill or kind is not PacketKind.STORE]


def kind_flags(config: CoreConfig) -> data.StructLayout:
    """A flag for each kind of packet, by its name in lower case; none of them is set for an unknown kind."""
    return data.StructLayout({kind.name.lower(): 1 for kind in packet_kinds(config)})


def packet_layout(config: CoreConfig) -> data.StructLayout:
    """The present packet: its kind, and the place of its next unit."""
    return data.StructLayout({"kind": kind_flags(config), "place": Place})


def unit_halfwords(config: CoreConfig, kind: PacketKind, *, unpack: bool = False) -> int:
    """Halfwords of one unit of a packet's payload."""
    match kind:
        case PacketKind.WEIGHTS:
            return config.weight_bytes // 2
        case PacketKind.PARAMETERS:
            return ceil_div(PARAMETER_BITS, 16)
        case PacketKind.WINDOW:
            return ceil_div(18 * config.window_lanes, 16)
        case PacketKind.DESCRIPTOR:
            return DESCRIPTOR_HALFWORDS
        case PacketKind.IMAGE:
            return 3 if unpack else WORD_BYTES // 2
        case PacketKind.TABLE:
            return TABLE_WORDS
        case PacketKind.STORE:
            return 4
        case PacketKind.END:
            return 0


def takes(config: CoreConfig, kind: PacketKind, word: int, *, unpack: bool = False) -> tuple[int, ...]:
    """Halfwords of one unit that are used in each cycle, up to `word` of them: never those of two units at once, and one by one where
    every halfword is written as it comes."""
    most = 1 if kind in HALFWORD_KINDS else word
    whole, rest = divmod(unit_halfwords(config, kind, unpack=unpack), most)
    return (most,) * whole + (rest,) * (rest > 0)


def all_takes(config: CoreConfig, word: int) -> list[int]:
    """Every number of halfwords of a unit that some cycle uses."""
    packed = takes(config, PacketKind.IMAGE, word, unpack=True)
    return sorted({*packed, *(count for kind in packet_kinds(config) for count in takes(config, kind, word))})


def widest_unit(config: CoreConfig) -> int:
    """Bits of the largest unit that is put together; a smaller one takes the upper part of as many bits."""
    kinds = [kind for kind in packet_kinds(config) if kind not in HALFWORD_KINDS]
    return max(16 * unit_halfwords(config, kind) for kind in kinds)
