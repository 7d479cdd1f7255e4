"""Packet header: what it collects, and the cycle from which the payload may be used, against the formula of its docstring."""

from __future__ import annotations

import random
from typing import Any

import pytest

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.packets import PacketKind
from hwgen.hw.memory.dma.packet_header import CHECK_CYCLES, PacketHeader, check_cycles, header_take
from tests.support.python_simulation import run_bench

UNIT = 3
"""Halfwords of a unit here, one a cycle."""


class Bench:
    """Steps through cycles with inputs that change at random, and remembers those that a packet waits for."""

    def __init__(self, ctx: Any, dut: PacketHeader, seed: int) -> None:
        self.ctx, self.dut, self.rng = ctx, dut, random.Random(seed)
        self.cycle = 0
        self.passes: list[int] = []
        self.waits: list[int] = []
        self.drive()

    def drive(self) -> None:
        self.passes.append((self.passes[-1] if self.passes else 0) + (self.rng.random() < 0.1))
        self.waits.append(int(self.rng.random() < 0.5))
        self.ctx.set(self.dut.passes_done, self.passes[-1])
        self.ctx.set(self.dut.image_waits, self.waits[-1])

    async def tick(self) -> None:
        await self.ctx.tick()
        self.ctx.set(self.dut.next_addr, 0)
        self.cycle += 1
        self.drive()

    async def header(self, halfwords: list[int]) -> int:
        """Hands over a header with pauses; returns the cycle of its last halfword."""
        ctx, dut = self.ctx, self.dut
        for word in halfwords:
            while self.rng.random() < 0.4:
                hold = int(self.rng.random() < 0.5)
                ctx.set(dut.hold, hold)
                ctx.set(dut.i.valid, hold)
                assert ctx.get(dut.i.ready) == 1 - hold
                await self.tick()
            ctx.set(dut.hold, 0)
            ctx.set(dut.i.valid, 1)
            ctx.set(dut.i.payload, word)
            assert ctx.get(dut.i.ready) == 1 and not ctx.get(dut.payload) and not ctx.get(dut.compare)
            await self.tick()
        ctx.set(dut.i.payload, self.rng.getrandbits(16))  # valid: it has to wait
        return self.cycle - 1


async def payload(bench: Bench, units: int, addr: int, *, counts: bool) -> None:
    """Uses the units; their addresses go up a cycle behind."""
    ctx, dut = bench.ctx, bench.dut
    for unit in range(units):
        for index in range(UNIT):
            assert ctx.get(dut.payload) == 1 and ctx.get(dut.i.ready) == 0
            ctx.set(dut.next_unit, int(index == UNIT - 1))
            await bench.tick()
            ctx.set(dut.next_addr, int(counts and index == UNIT - 1))
        assert ctx.get(dut.packet.place.addr) == (addr + unit * counts) & 0x3FFF
    ctx.set(dut.next_unit, 0)
    assert ctx.get(dut.payload) == 0 and ctx.get(dut.i.ready) == 1 - ctx.get(dut.hold)


@pytest.mark.parametrize("spill", [False, True])
def test_packets(spill: bool) -> None:
    dut = PacketHeader(CoreConfig(spill=spill))
    kinds = [kind for kind in PacketKind if kind is not PacketKind.END and (spill or kind is not PacketKind.STORE)]

    async def run(ctx: Any) -> None:
        assert ctx.get(dut.busy) == 0 and ctx.get(dut.i.ready) == 0
        bench = Bench(ctx, dut, 1)
        ctx.set(dut.start, 1)
        await bench.tick()
        ctx.set(dut.start, 0)
        for _ in range(150):
            kind, bank, unpack = bench.rng.choice(kinds), bench.rng.randrange(4), bench.rng.randrange(2)
            addr, units = bench.rng.getrandbits(14), bench.rng.choice([0, 1, 2, 5])
            wait = bench.passes[-1] + bench.rng.randrange(-1, 3)
            last = await bench.header([kind.value | bank << 4 | unpack << 6, addr, units, max(wait, 0)])
            assert ctx.get(dut.compare) == 1
            await bench.tick()

            def passes(cycle: int, kind: PacketKind = kind, units: int = units, wait: int = wait) -> bool:
                free = kind is PacketKind.IMAGE or not bench.waits[cycle]
                return free and (not units or bench.passes[cycle - 1] >= wait)

            while not passes(bench.cycle):
                assert not ctx.get(dut.compare) and not ctx.get(dut.payload) and not ctx.get(dut.i.ready)
                await bench.tick()
            assert bench.cycle >= last + CHECK_CYCLES and ctx.get(dut.payload) == 0 and ctx.get(dut.i.ready) == 0
            flags = {name: ctx.get(dut.packet.kind[name]) for name in dut.packet.kind.shape().members}
            assert [name for name, flag in flags.items() if flag] == [kind.name.lower()]
            place = dut.packet.place
            assert [ctx.get(value) for value in (place.bank, place.unpack, place.addr)] == [bank, unpack, addr]
            await bench.tick()
            await payload(bench, units, addr, counts=bench.rng.random() < 0.5)
            assert ctx.get(dut.busy) == 1 and ctx.get(dut.error) == 0

    run_bench(dut, run)


@pytest.mark.parametrize("kind", [PacketKind.END.value, PacketKind.STORE.value, 15])
def test_the_last_packet_and_unknown_ones(kind: int) -> None:
    """Without `spill` a STORE packet is unknown. Both wait for the image; an error stays until the next `start`."""
    dut = PacketHeader(CoreConfig())
    unknown = int(kind != PacketKind.END.value)

    async def run(ctx: Any) -> None:
        for seed in (1, 2):
            bench = Bench(ctx, dut, seed)
            ctx.set(dut.start, 1)
            await bench.tick()
            ctx.set(dut.start, 0)
            assert ctx.get(dut.error) == 0
            last = await bench.header([kind, 0, 1, 0xFFFF])
            while bench.cycle < last + CHECK_CYCLES or bench.waits[bench.cycle]:
                assert ctx.get(dut.busy) == 1 and ctx.get(dut.error) == 0
                await bench.tick()
            await bench.tick()
            for _ in range(5):
                assert (ctx.get(dut.busy), ctx.get(dut.error), ctx.get(dut.i.ready)) == (0, unknown, 0)
                await bench.tick()

    run_bench(dut, run)


@pytest.mark.parametrize(
    ("units", "needed", "begins"), [(0x8000, 0, True), (0, 0, False), (1, 0x8005, False), (1, 0x7, True)]
)
def test_all_bits_of_the_counts_are_looked_at(units: int, needed: int, begins: bool) -> None:
    """A packet of 32,768 units is not an empty one, and one that waits for 32,773 passes does not begin behind 7."""
    dut = PacketHeader(CoreConfig())

    async def run(ctx: Any) -> None:
        ctx.set(dut.passes_done, 7)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        ctx.set(dut.i.valid, 1)
        for word in (PacketKind.WEIGHTS.value, 0, units, needed):
            ctx.set(dut.i.payload, word)
            assert ctx.get(dut.i.ready) == 1
            await ctx.tick()
        ctx.set(dut.i.valid, 0)
        for _ in range(CHECK_CYCLES):
            await ctx.tick()
        assert ctx.get(dut.payload) == begins and ctx.get(dut.i.ready) == (units == 0)

    run_bench(dut, run)


@pytest.mark.parametrize("word", [1, 2, 4, 8])
def test_room_has_followed_the_last_descriptor_before_the_next_one_begins(word: int) -> None:
    """Of headers back to back with packets of one unit, used at once: the payload is used when the sequencer's `room`, which falls four
    cycles after the use of the last halfword, has been in a register for a cycle."""
    dut = PacketHeader(CoreConfig(), word)
    take = header_take(word)

    async def bench(ctx: Any) -> None:
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        halfwords = [PacketKind.DESCRIPTOR.value, 0, 1, 0]
        ctx.set(dut.i.valid, 1)
        for _ in range(3):
            for first in range(0, 4, take):
                assert ctx.get(dut.i.ready) == 1
                ctx.set(dut.i.payload, sum(h << 16 * i for i, h in enumerate(halfwords[first : first + take])))
                await ctx.tick()
            waited = 0
            while not ctx.get(dut.payload):
                waited += 1
                await ctx.tick()
            assert waited == check_cycles(word) and 4 // take + waited >= 4
            assert ctx.get(dut.packet.kind.descriptor) == 1
            await ctx.tick()
            ctx.set(dut.next_unit, 1)
            await ctx.tick()
            ctx.set(dut.next_unit, 0)

    run_bench(dut, bench)
