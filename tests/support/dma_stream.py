"""Command streams for the DMA's bench: packets, their halfwords, and what they must write."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.packets import PacketKind
from hwgen.hw.memory.dma.units import packet_kinds, unit_halfwords

BASE = 0x1F8 * 8
"""Of the first stream: its first page boundary comes soon."""

STREAMS = 4

STORED = 0x8000
"""Rows are stored from this halfword of a stream on, where no stream is."""


@dataclass
class Packet:
    kind: PacketKind
    units: int
    addr: int = 0
    wait: int = 0
    bank: int = 0
    unpack: bool = False
    payload: list[int] = field(default_factory=list)

    def halfwords(self) -> list[int]:
        header = self.kind.value | self.bank << 4 | int(self.unpack) << 6
        return [header, self.addr, self.units, self.wait, *self.payload]

    @property
    def stored_place(self) -> tuple[int, int]:
        """(target, words) of a STORE packet."""
        return self.payload[0] | self.payload[1] << 16, self.payload[2]

    def stored(self, base: int) -> list[tuple[str, int, int]]:
        """("sdram", address, data) of the halfwords that a STORE packet of a stream at `base` writes."""
        target, words = self.stored_place if self.payload else (0, 0)
        values = [stored_value(self.bank, self.addr + i) for i in range(words)]
        halves = [value >> 16 * j & 0xFFFF for value in values for j in range(4)]
        return [("sdram", base + target + i, half) for i, half in enumerate(halves)]

    def writes(self, config: CoreConfig) -> list[tuple[int, tuple[str, int, int]]]:
        """(index of the payload halfword that completes it, (destination, address, data)) of each write."""
        length = unit_halfwords(config, self.kind, unpack=self.unpack)
        if self.kind in (PacketKind.DESCRIPTOR, PacketKind.TABLE):
            length = 1
        found = []
        for i in range(len(self.payload) // length):
            part = self.payload[i * length : (i + 1) * length]
            value = sum(halfword << 16 * j for j, halfword in enumerate(part))
            addr = self.addr + i
            match self.kind:
                case PacketKind.WEIGHTS:
                    item = ("weights", addr, value)
                case PacketKind.PARAMETERS:
                    item = ("parameters", addr, value & (1 << 72) - 1)
                case PacketKind.WINDOW:
                    item = ("window", addr, value & (1 << 18 * config.window_lanes) - 1)
                case PacketKind.DESCRIPTOR:
                    item = ("push", 0, value)
                case PacketKind.TABLE:
                    item = ("table", addr, value)
                case PacketKind.IMAGE:
                    if self.unpack:
                        value = value & 0xFFFFFF | value >> 24 << 32
                    item = ("image", self.bank << 14 | addr, value)
                case PacketKind.STORE:
                    break
                case _:
                    raise AssertionError(self.kind)
            found.append((i * length + length - 1, item))
        return found


def stream(config: CoreConfig, seed: int, *, packets: int = 40, waits: bool = True) -> list[Packet]:
    """A random stream with packets of all kinds, empty ones among them."""
    rng = random.Random(seed)
    kinds = [kind for kind in packet_kinds(config) if kind is not PacketKind.END]
    made = []
    wait = 0
    for _ in range(packets):
        kind = rng.choice(kinds)
        unpack = kind == PacketKind.IMAGE and rng.random() < 0.5
        units = (
            rng.choice([0, 1, 2, 3, 7, 30])
            if kind not in (PacketKind.TABLE, PacketKind.DESCRIPTOR)
            else rng.randrange(3)
        )
        wait += rng.random() < 0.4 and waits
        limit = {PacketKind.PARAMETERS: 1 << 10, PacketKind.TABLE: 2}.get(kind, 1 << 12)
        addr = rng.randrange(limit) * (128 if kind == PacketKind.TABLE else 1)
        if kind == PacketKind.TABLE and units == 2:
            addr = 0
        if kind == PacketKind.STORE:
            units = min(units, 1)
        size = units * unit_halfwords(config, kind, unpack=unpack)
        payload = [rng.getrandbits(16) for _ in range(size)]
        bank = rng.randrange(4) if kind in (PacketKind.IMAGE, PacketKind.STORE) else 0
        if kind == PacketKind.STORE and units:
            target = STORED + rng.randrange(1 << 14)
            payload = [target & 0xFFFF, target >> 16, rng.choice([1, 2, 3, 5, 9, 40, 200]), 0]
        made.append(Packet(kind, units, addr, wait if rng.random() < 0.7 else 0, bank, unpack, payload))
    return [*made, Packet(PacketKind.END, 0)]


def streams(config: CoreConfig) -> list[tuple[int, list[Packet]]]:
    """(base, packets) of the streams in the memory: three with everything, one of long packets without waits."""
    made = []
    base = BASE
    for seed in range(STREAMS):
        packets = stream(config, seed, waits=seed != 1)
        if seed == 1:
            rng = random.Random(99)
            length = 600 * (config.cols // 2)
            packets.insert(0, Packet(PacketKind.WEIGHTS, 600, 5, payload=[rng.getrandbits(16) for _ in range(length)]))
        made.append((base, packets))
        base += sum(len(packet.halfwords()) for packet in packets) + 7 & ~7
    return made


def stored_value(bank: int, addr: int) -> int:
    """Word of the activation memory that rows are stored from."""
    place = bank << 14 | addr & 0x3FFF
    return place | (place ^ 0xFFFF) << 16 | (place ^ 0x1234) << 32 | (place ^ 0x0F0F) << 48


BAD_STREAM = 0x800
"""Address of a stream whose first packet is of unknown kind."""


def sdram_content(config: CoreConfig) -> str:
    """The memory's content for `$readmemh`."""
    lines = [f"@{BAD_STREAM:x}", "000f", "0000", "0001", "0000"]
    for base, packets in streams(config):
        lines.append(f"@{base:x}")
        lines += [f"{halfword:04x}" for packet in packets for halfword in packet.halfwords()]
    return "\n".join(lines) + "\n"
