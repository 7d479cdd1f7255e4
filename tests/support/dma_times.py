"""The cycle in which `hwgen.hw.memory.dma.dma.Dma` uses each halfword of a packet, from `hwgen.sim.timing.stream`."""

from __future__ import annotations

from collections.abc import Callable

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.packets import PacketKind
from hwgen.hw.memory.dma.units import takes
from hwgen.sim.timing.stream import StreamTiming
from hwgen.sim.timing.word_stream import WordStreamTiming


def payload_uses(
    stream: StreamTiming | WordStreamTiming,
    config: CoreConfig,
    kind: PacketKind,
    units: int,
    *,
    unpack: bool,
    reached: int,
    room: Callable[[int], int],
    word: int = 1,
) -> list[int]:
    """Cycles of the payload's halfwords of the next packet.

    Args:
        stream: the stream so far.
        config: of the DMA.
        kind, units, unpack: as in its header.
        reached: first cycle in which `passes_done` is at least the packet's wait.
        word: of the DMA.
        room: earliest cycle of a descriptor -> first cycle from there on in which the sequencer's `room` is 1.
    """
    image = kind == PacketKind.IMAGE
    stream.header(image=image)
    gate = reached + 2
    uses: list[int] = []
    for _ in range(units):
        if kind == PacketKind.DESCRIPTOR:
            gate = room(stream.earliest(gate))
        for take in takes(config, kind, word, unpack=unpack):
            uses += [stream.use(take, gate, unit=take)] * take
            gate = 0
    if image and uses and isinstance(stream, WordStreamTiming):
        stream.image_used()
    return uses
