"""Unit assembler: every unit of every kind, two cycles after its last halfword, at the place of its packet."""

from __future__ import annotations

import random
from typing import Any

import pytest

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.packets import PacketKind
from hwgen.hw.memory.dma.unit_assembler import UnitAssembler
from hwgen.hw.memory.dma.units import HALFWORD_KINDS, WRITE_DELAY, Place, packet_kinds, unit_halfwords, widest_unit
from tests.support.python_simulation import run_bench

CONFIGS = [CoreConfig(cols=4), CoreConfig(cols=8, window_lanes=8), CoreConfig(cols=16, spill=True)]
Valid = tuple[int, str, int, int]
"""(cycle, kind, unit, place)."""


@pytest.mark.parametrize("config", CONFIGS, ids=["4x4", "8x8", "spill"])
@pytest.mark.parametrize("often", [1.0, 0.5])
def test_units(config: CoreConfig, often: float) -> None:
    rng = random.Random(4)
    dut = UnitAssembler(config)
    sizes = {kind.name.lower(): 16 * unit_halfwords(config, kind) for kind in packet_kinds(config)}
    sizes |= {kind.name.lower(): 16 for kind in HALFWORD_KINDS}
    expected: list[Valid] = []
    counted: list[int] = []
    shown: list[Valid] = []
    counts: list[int] = []

    async def bench(ctx: Any) -> None:
        cycle = 0

        async def tick() -> None:
            nonlocal cycle
            unit = ctx.get(dut.unit)
            for name, size in sizes.items():
                if ctx.get(dut.valid[name]):
                    top = unit >> widest_unit(config) - size
                    shown.append((cycle, name, top, Place.const(ctx.get(dut.place)).as_value().value))
            if ctx.get(dut.next_addr):
                counts.append(cycle)
            await ctx.tick()
            cycle += 1

        for _ in range(60):
            kind = rng.choice([kind for kind in packet_kinds(config) if kind is not PacketKind.END])
            name, length = kind.name.lower(), min(unit_halfwords(config, kind), 12)
            ctx.set(dut.packet.kind, dut.packet.kind.shape().const({name: 1}))
            for _ in range(rng.choice([1, 2, 5])):
                place = rng.getrandbits(17)
                words: list[int] = []
                while len(words) < length:
                    word, used = rng.getrandbits(16), rng.random() < often
                    last = used and len(words) == length - 1
                    ctx.set(dut.word, word)
                    ctx.set(dut.used, int(used))
                    ctx.set(dut.unit_used, int(last))
                    # The place may be that of the next unit from the second cycle after the last halfword on.
                    if used:
                        words.append(word)
                        if kind in HALFWORD_KINDS or last:
                            value = word if kind in HALFWORD_KINDS else sum(w << 16 * i for i, w in enumerate(words))
                            expected.append((cycle + WRITE_DELAY, name, value, place))
                            counted.extend([cycle + 1] if kind is not PacketKind.DESCRIPTOR else [])
                    await tick()
                    if len(words) == 1 or length == 1:
                        ctx.set(dut.packet.place, Place.from_bits(place))
                ctx.set(dut.used, 0)
                ctx.set(dut.unit_used, 0)
        for _ in range(5):
            await tick()

    run_bench(dut, bench)
    assert len(shown) > 100
    assert shown == expected
    assert counts == counted


def test_start_drops_what_has_not_shown() -> None:
    dut = UnitAssembler(CoreConfig())

    async def bench(ctx: Any) -> None:
        ctx.set(dut.packet.kind.weights, 1)
        for delay in (1, 2):
            ctx.set(dut.used, 1)
            ctx.set(dut.unit_used, 1)
            for cycle in range(6):
                ctx.set(dut.start, int(cycle == delay - 1))
                assert ctx.get(dut.valid.weights) == 0
                await ctx.tick()
                ctx.set(dut.used, 0)
                ctx.set(dut.unit_used, 0)

    run_bench(dut, bench)
