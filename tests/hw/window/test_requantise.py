"""Requantisation of the window's lanes: bytes in the exact cycle, each lane with its own parameters, with and without a table."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import ChannelParameters, Descriptor
from hwgen.hw.lib.table import TableWrite
from hwgen.hw.window.requantise import RequantiseStage, requantise_latency
from tests.support.double_rounding import double_rounding
from tests.support.python_simulation import random_bits, run_bench
from tests.support.reference_primitives import SimpleDualPortReference
from tests.support.resident_tables import entries, resident_tables

ACC_BITS = 25
CLAMPS = [(0, -128, 127), (-128, -128, 5), (45, -100, 101)]
CYCLES = 80

Clamp = tuple[int, int, int]


def as_signed(byte: int) -> int:
    return byte - 256 if byte >= 128 else byte


class Lanes:
    """What the lanes must give.

    Attributes:
        table: 256 bytes, or None.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self.table: Sequence[int] | None = None

    def byte(self, acc: int, parameters: dict[str, int], clamp: Clamp) -> int:
        limit = 1 << self.config.window_clamp_bits - 1
        total = max(-limit, min(limit - 1, acc + parameters["bias"]))
        zero_point, low, high = clamp
        rounded = double_rounding(total, parameters["multiplier"], parameters["shift"]) + zero_point
        result = max(low, min(high, rounded))
        if self.table is not None and parameters["unused"] & 1:
            return as_signed(int(self.table[result & 0xFF]))
        return result


def random_lane(rng: random.Random) -> tuple[int, dict[str, int]]:
    """An accumulator and parameters whose result lies mostly inside of int8; now and then the sum saturates."""
    shift = rng.randrange(32)
    size = min(1 << min(shift + 8, 31), (1 << ACC_BITS - 1) - 1)
    acc = rng.randint(-size, size)
    bias = rng.randint(-(1 << 31), (1 << 31) - 1) if rng.random() < 0.1 else rng.randint(-size, size)
    multiplier = rng.randrange(1 << 30, 1 << 31)
    return acc, {"bias": bias, "multiplier": multiplier, "shift": shift, "unused": rng.randrange(8)}


async def compare(ctx: Any, dut: RequantiseStage, lanes: Lanes, rng: random.Random, latency: int, clamp: Clamp) -> int:
    """New values in every cycle against the bytes `latency` cycles later; returns how many were inside of the clamp."""
    zero_point, low, high = clamp
    count = lanes.config.window_lanes
    ctx.set(dut.clamps, [{"zero_point": zero_point, "low": low, "high": high}] * count)
    due: list[list[int]] = []
    for cycle in range(CYCLES + latency):
        values = [random_lane(rng) for _ in range(count)]
        ctx.set(dut.acc, [acc for acc, _ in values])
        ctx.set(dut.parameters, [ChannelParameters.const(parameters) for _, parameters in values])
        if not lanes.config.window_table:
            ctx.set(dut.table_write, random_bits(rng, TableWrite))
        due.append([lanes.byte(acc, parameters, clamp) for acc, parameters in values])
        if cycle >= latency:
            assert list(ctx.get(dut.o)) == due[cycle - latency], f"cycle {cycle}, clamp {clamp}"
        await ctx.tick()
    return sum(low < byte < high for lane in due for byte in lane)


@pytest.mark.parametrize(
    ("config", "latency"),
    [
        (CoreConfig(window_lanes=8), 13),
        (CoreConfig(window_lanes=4, window_clamp_bits=32), 14),
        (CoreConfig(window_lanes=4, window_clamp_bits=16), 13),
    ],
)
def test_requantised(config: CoreConfig, latency: int) -> None:
    rng = random.Random(config.window_clamp_bits)
    dut = RequantiseStage(config)
    assert requantise_latency(config) == latency

    async def bench(ctx: Any) -> None:
        inside = sum([await compare(ctx, dut, Lanes(config), rng, latency, clamp) for clamp in CLAMPS])
        assert inside > CYCLES * config.window_lanes

    run_bench(dut, bench)


@pytest.fixture
def table_without_vendor_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table's memory is the model of a block RAM, which needs no compiled simulator."""
    monkeypatch.setattr("hwgen.hw.lib.table.SimpleDualPort", SimpleDualPortReference)


@pytest.mark.usefixtures("table_without_vendor_block")
def test_table_that_is_written() -> None:
    """Channels ask for it by bit 0 of `unused`; until it is written it changes nothing."""
    rng = random.Random(7)
    config = CoreConfig(window_table=True)
    dut, lanes = RequantiseStage(config), Lanes(config)
    latency = 13 + 3
    assert requantise_latency(config) == latency

    async def bench(ctx: Any) -> None:
        await compare(ctx, dut, lanes, rng, latency, CLAMPS[0])
        for clamp in CLAMPS:
            lanes.table = list(rng.randbytes(256))
            for addr in range(128):
                word = lanes.table[2 * addr] | lanes.table[2 * addr + 1] << 8
                ctx.set(dut.table_write, TableWrite.const({"valid": 1, "addr": addr, "data": word}))
                await ctx.tick()
            ctx.set(dut.table_write, TableWrite.const({"valid": 0, "addr": 3, "data": 0x5555}))
            await compare(ctx, dut, lanes, rng, latency, clamp)

    run_bench(dut, bench)


@pytest.mark.usefixtures("table_without_vendor_block")
def test_resident_tables() -> None:
    """The descriptor says which table."""
    rng = random.Random(8)
    config = CoreConfig(window_table=True, table_slots=4)
    dut, lanes = RequantiseStage(config, resident_tables(3)), Lanes(config)

    async def bench(ctx: Any) -> None:
        for number in (2, 0, 1):
            lanes.table = [int(byte) for byte in entries(number)]
            ctx.set(dut.descriptor, Descriptor.const({"window_table": number}))
            await compare(ctx, dut, lanes, rng, 16, CLAMPS[0])

    run_bench(dut, bench)
