"""The cycle in which `hwgen.hw.memory.dma.dma.Dma` uses each halfword of a packet, from `hwgen.sim.timing.stream`."""

from __future__ import annotations

from collections.abc import Callable

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.packets import PacketKind
from hwgen.hw.memory.dma.units import unit_halfwords
from hwgen.sim.timing.stream import StreamTiming


def payload_uses(
    stream: StreamTiming,
    config: CoreConfig,
    kind: PacketKind,
    units: int,
    *,
    unpack: bool,
    reached: int,
    room: Callable[[int], int],
) -> list[int]:
    """Cycles of the payload's halfwords of the next packet.

    Args:
        stream: the stream so far.
        config: of the DMA.
        kind, units, unpack: as in its header.
        reached: first cycle in which `passes_done` is at least the packet's wait.
        room: earliest cycle of a descriptor -> first cycle from there on in which the sequencer's `room` is 1.
    """
    stream.header()
    gate = reached + 2
    length = unit_halfwords(config, kind, unpack=unpack)
    uses = []
    for i in range(units * length if kind != PacketKind.END else 0):
        if kind == PacketKind.DESCRIPTOR and i % length == 0:
            gate = room(stream.earliest(gate))
        uses.append(stream.use(1, gate))
        gate = 0
    return uses
