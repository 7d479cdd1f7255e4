"""Payload counter against a count of halfwords: what it takes in which cycle, and where units end."""

from __future__ import annotations

import random
from typing import Any

import pytest

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.packets import PacketKind
from hwgen.hw.memory.dma.payload_counter import PayloadCounter
from hwgen.hw.memory.dma.units import packet_kinds, unit_halfwords
from tests.support.python_simulation import run_bench

CONFIGS = [CoreConfig(cols=4), CoreConfig(cols=8, window_lanes=8), CoreConfig(cols=16, spill=True)]


@pytest.mark.parametrize("config", CONFIGS, ids=["4x4", "8x8", "spill"])
@pytest.mark.parametrize("often", [1.0, 0.6])
def test_units(config: CoreConfig, often: float) -> None:
    """`often`: how often a halfword is there, the sequencer has room, and the image port is not full."""
    rng = random.Random(2)
    dut = PayloadCounter(config)

    async def packet(ctx: Any, kind: PacketKind, unpack: bool, units: int) -> None:
        length = unit_halfwords(config, kind, unpack=unpack)
        ctx.set(dut.packet.kind, dut.packet.kind.shape().const({kind.name.lower(): 1}))
        ctx.set(dut.packet.place.unpack, int(unpack))
        ctx.set(dut.i.valid, 1)
        room, full = 1, 0
        for strobe in (1, 0, 0):
            ctx.set(dut.compare, strobe)
            ctx.set(dut.room, room)
            ctx.set(dut.image_full, full)
            assert ctx.get(dut.i.ready) == 0 and ctx.get(dut.used) == 0
            await ctx.tick()
        ctx.set(dut.payload, 1)
        index = 0
        while index < units * length:
            first, last = index % length == 0, index % length == length - 1
            stopped = (kind is PacketKind.DESCRIPTOR and first and not room) or (
                kind is PacketKind.IMAGE and last and full
            )
            valid, room, full = (int(rng.random() < often), int(rng.random() < often), int(rng.random() >= often))
            ctx.set(dut.i.valid, valid)
            ctx.set(dut.room, room)
            ctx.set(dut.image_full, full)
            assert ctx.get(dut.i.ready) == (not stopped)
            used = valid and not stopped
            assert ctx.get(dut.used) == used and ctx.get(dut.unit_used) == (used and last)
            index += used
            await ctx.tick()
        ctx.set(dut.payload, 0)

    async def bench(ctx: Any) -> None:
        for _ in range(4):
            kinds = [kind for kind in packet_kinds(config) if kind is not PacketKind.END]
            for kind in rng.sample(kinds, len(kinds)):
                await packet(ctx, kind, kind is PacketKind.IMAGE and rng.random() < 0.5, rng.choice([1, 2, 3]))

    run_bench(dut, bench)
