"""CRC-32 of halfwords against zlib."""

from __future__ import annotations

import random
import zlib
from typing import Any

from hwgen.hw.lib.checksum import Checksum
from tests.support.python_simulation import run_bench


def test_checksum() -> None:
    """Runs of halfwords with and without pauses, each begun anew in the middle of the one before it."""
    rng = random.Random(1)
    dut = Checksum()

    async def bench(ctx: Any) -> None:
        for size in (1, 2, 17, 200):
            for pause in (0.0, 0.5):
                halfwords = [rng.getrandbits(16) for _ in range(size)]
                ctx.set(dut.clear, 1)
                ctx.set(dut.valid, 1)  # of before; must not count
                ctx.set(dut.halfword, rng.getrandbits(16))
                await ctx.tick()
                ctx.set(dut.clear, 0)
                for halfword in halfwords:
                    while rng.random() < pause:
                        ctx.set(dut.valid, 0)
                        ctx.set(dut.halfword, rng.getrandbits(16))
                        await ctx.tick()
                    ctx.set(dut.valid, 1)
                    ctx.set(dut.halfword, halfword)
                    await ctx.tick()
                ctx.set(dut.valid, 0)
                await ctx.tick()
                octets = b"".join(halfword.to_bytes(2, "little") for halfword in halfwords)
                assert ctx.get(dut.checksum) == zlib.crc32(octets)

    run_bench(dut, bench)
