"""The block RAM wrappers against their behavioural reference models, and how memories are divided into blocks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.ecp5.bram import (
    SIMPLE_SHAPES,
    TRUE_SHAPES,
    SimpleDualPort,
    TrueDualPort,
    check_init,
    segments,
    simple_blocks,
    simple_latency,
    simple_members,
    true_blocks,
    true_latency,
    true_members,
)
from hwgen.hw.verilog import to_verilog
from hwgen.sim.harness.runner import MODELS, simulate
from tests.support.initial_words import initial_words
from tests.support.reference_primitives import SimpleDualPortReference, TrueDualPortReference

MODEL = MODELS / "ecp5" / "DP16KD.v"


class Pair(wiring.Component):
    """A memory and its reference model side by side; the reference model's outputs carry the prefix `reference_`."""

    def __init__(self, block: wiring.Component, reference: wiring.Component) -> None:
        self._block, self._reference = block, reference
        members = dict(block.signature.members)
        outputs = {f"reference_{name}": Out(member.shape) for name, member in members.items() if member.flow == Out}
        super().__init__({**members, **outputs})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.block, m.submodules.reference = self._block, self._reference
        for name, member in self._block.signature.members.items():
            if member.flow == In:
                m.d.comb += [getattr(unit, name).eq(getattr(self, name)) for unit in (self._block, self._reference)]
            else:
                m.d.comb += getattr(self, name).eq(getattr(self._block, name))
                m.d.comb += getattr(self, f"reference_{name}").eq(getattr(self._reference, name))
        return m


def run(
    kind: str, width: int, depth: int, seed: int, extra: bool, bench_dir: Path, copies: int = 0, shares: bool = False
) -> None:
    init = initial_words(width, depth, seed)
    if kind == "true":
        block, reference = (
            TrueDualPort(width, depth, init, extra, copies, shares),
            TrueDualPortReference(width, depth, init, extra, copies),
        )
    else:
        block, reference = SimpleDualPort(width, depth, init, extra), SimpleDualPortReference(width, depth, init, extra)
    assert block.latency == reference.latency
    env = {"KIND": kind, "WIDTH": width, "DEPTH": depth, "LATENCY": block.latency, "INIT_SEED": seed}
    simulate(
        Pair(block, reference),
        name=f"bram-{kind}-{width}x{depth}",
        test_module="tests.cocotb.bench_bram",
        build_dir=bench_dir,
        sources=[MODEL],
        env={name: str(value) for name, value in env.items()},
    )


@pytest.mark.parametrize(
    ("width", "depth", "seed", "extra", "copies"),
    [
        (16, 100, 1, False, 0),
        (40, 1024, 2, True, 2),
        (24, 3000, 3, False, 0),
        (16, 4096, 4, True, 0),
        (24, 2048, 5, False, 2),
        (8, 16384, 8, False, 0),
        (16, 6144, 6, False, 0),
        (16, 10240, 7, False, 2),
    ],
)
def test_true_dual_port_equals_reference(
    width: int, depth: int, seed: int, extra: bool, copies: int, bench_dir: Path
) -> None:
    run("true", width, depth, seed, extra, bench_dir, copies)


def test_choice_between_blocks_in_shares(bench_dir: Path) -> None:
    run("true", 40, 6144, 9, False, bench_dir, copies=3, shares=True)


@pytest.mark.parametrize(
    ("width", "depth", "seed", "extra"),
    [(64, 512, 1, True), (72, 1024, 2, False), (20, 2000, 3, False), (40, 1536, 5, False), (5, 300, 6, False)],
)
def test_simple_dual_port_equals_reference(width: int, depth: int, seed: int, extra: bool, bench_dir: Path) -> None:
    run("simple", width, depth, seed, extra, bench_dir)


@pytest.mark.parametrize(
    ("depth", "true", "simple"),
    [
        (1, [1024], [512]),
        (512, [1024], [512]),
        (513, [1024], [1024]),
        (1500, [2048], [1024, 512]),
        (2048, [2048], [2048]),
        (6144, [4096, 2048], [4096, 2048]),
        (9000, [8192, 1024], [8192, 1024]),
        (14000, [8192, 4096, 2048], [8192, 4096, 2048]),
        (40000, [16384, 16384, 8192], [16384, 16384, 4096, 2048, 1024, 512]),
    ],
)
def test_segments(depth: int, true: list[int], simple: list[int]) -> None:
    for shapes, expected in ((TRUE_SHAPES, true), (SIMPLE_SHAPES, simple)):
        found = segments(depth, shapes)
        assert sum(found) >= depth > sum(found) - min(shapes)
        assert found == sorted(found, reverse=True)
        assert found == expected


@pytest.mark.parametrize(
    ("blocks", "expected", "latency"),
    [
        (true_blocks(96, 8192), 48, true_latency(8192)),
        (true_blocks(64, 6144), 24, true_latency(6144)),
        (true_blocks(40, 1024), 3, true_latency(1024)),
        (simple_blocks(64, 512), 2, simple_latency(512)),
        (simple_blocks(72, 1024), 4, simple_latency(1024)),
        (simple_blocks(144, 2048), 16, simple_latency(2048)),
    ],
)
def test_blocks_and_latency(blocks: int, expected: int, latency: int) -> None:
    assert blocks == expected
    assert latency == (3 if expected == 24 else 2)


def test_block_count_is_what_is_built() -> None:
    assert to_verilog(TrueDualPort(16, 6144)).count("  DP16KD #(") == true_blocks(16, 6144) == 6
    assert to_verilog(TrueDualPort(24, 3000)).count("  DP16KD #(") == true_blocks(24, 3000) == 5
    assert to_verilog(SimpleDualPort(50, 1536)).count("  DP16KD #(") == simple_blocks(50, 1536) == 5


@pytest.mark.parametrize(
    ("call", "arguments", "message"),
    [
        (true_members, (12, 2048), "width must be a positive multiple of 8, not 12"),
        (simple_members, (0, 512), "width must be at least 1, not 0"),
        (segments, (0, TRUE_SHAPES), "depth must be at least 1, not 0"),
        (check_init, ([1, 2, 3], 8, 2), "init must have at most 2 words, not 3"),
        (check_init, ([256], 8, 2), r"words of init must be 0..2\^8 - 1"),
    ],
)
def test_errors(call: Callable[..., object], arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(*arguments)
