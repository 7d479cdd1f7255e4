"""The crossbar and the writer against their models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.output.crossbar import landing, plain_words, quads, spread_words
from hwgen.hw.output.writer import Writer
from hwgen.sim.elements.writer import REQUEST_DELAY, segment_cost, taken_cycles
from hwgen.sim.harness.runner import simulate
from tests.support.passes import bench_environment


@pytest.mark.parametrize(("rows", "cols", "write_to_read"), [(2, 4, 0), (3, 8, 3), (4, 12, 2), (5, 16, 1)])
def test_writer(rows: int, cols: int, write_to_read: int, bench_dir: Path) -> None:
    assert Writer.REQUEST_DELAY == REQUEST_DELAY
    shape: dict[str, Any] = {"rows": rows, "cols": cols}
    simulate(
        Writer(CoreConfig(**shape), write_to_read),
        name=f"writer-{rows}x{cols}",
        test_module="tests.cocotb.bench_writer",
        build_dir=bench_dir,
        env=bench_environment(shape, WRITE_TO_READ=write_to_read),
    )


@pytest.mark.parametrize("cols", [4, 8, 12, 16])
def test_crossbar_is_a_permutation(cols: int) -> None:
    """In every mode each byte of a segment (and, spread, of the operand) lands exactly once."""
    assert plain_words(cols) == segment_cost(cols, False)
    assert spread_words(cols) == segment_cost(cols, True)
    halves = 2 if cols % 8 == 4 else 1
    for spread, variants, words in ((False, halves, plain_words(cols)), (True, 2, spread_words(cols))):
        for variant in range(variants):
            landed = []
            for word in range(words):
                pair = quads(cols, spread, variant, word)
                for number, index in (landing(spread, variant, byte) for byte in range(8)):
                    quad = pair[number]
                    if quad is not None:
                        landed.append((quad[0], 4 * quad[1] + index))
            kinds = ("operand", "segment") if spread else ("segment",)
            assert sorted(landed) == [(kind, i) for kind in kinds for i in range(cols)]


def test_taken_cycles_equal_the_recurrence() -> None:
    generator = np.random.default_rng(5)
    available, costs = np.sort(generator.integers(0, 300, 200)), generator.integers(1, 4, 200)
    cycle, expected = 7, []
    for at, cost in zip(available.tolist(), costs.tolist(), strict=True):
        expected.append(max(at, cycle))
        cycle = expected[-1] + cost
    assert taken_cycles(available, costs, free=7).tolist() == expected
