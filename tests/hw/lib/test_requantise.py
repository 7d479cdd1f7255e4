"""Requantiser: exact results and latency, in the simulated form and built of carry cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.compiler.int8 import arithmetic
from hwgen.hw.lib.requantise import Requantiser, check_widths, requantiser_latency
from hwgen.sim.elements.requantise import requantise
from hwgen.sim.harness.runner import MODELS, simulate
from tests.support.on_carry_cells import OnCarryCells


@pytest.mark.parametrize(
    ("in_bits", "clamp_bits", "latency"), [(26, 24, 13), (25, 23, 13), (20, 16, 13), (33, 32, 14), (30, 30, 13)]
)
def test_requantiser(bench_dir: Path, in_bits: int, clamp_bits: int, latency: int) -> None:
    component = Requantiser(in_bits, clamp_bits)
    assert component.latency == latency
    env = {"IN_BITS": str(in_bits), "CLAMP_BITS": str(clamp_bits), "LATENCY": str(latency)}
    simulate(component, name="requantise", test_module="tests.cocotb.bench_requantise", build_dir=bench_dir, env=env)


@pytest.mark.parametrize(("in_bits", "clamp_bits"), [(26, 24), (25, 23)])
def test_requantiser_on_carry_cells(bench_dir: Path, in_bits: int, clamp_bits: int) -> None:
    env = {"IN_BITS": str(in_bits), "CLAMP_BITS": str(clamp_bits), "LATENCY": str(requantiser_latency(clamp_bits))}
    simulate(
        OnCarryCells(Requantiser(in_bits, clamp_bits)),
        name="requantise_cells",
        test_module="tests.cocotb.bench_requantise",
        build_dir=bench_dir,
        env=env,
        sources=[MODELS / "ecp5" / "CCU2C.v"],
    )


def test_models_agree() -> None:
    """The two-step model equals the compiler's formula on a million cases."""
    rng = np.random.default_rng(1)
    n = 1_000_000
    shift = rng.integers(0, 32, n)
    size = np.minimum(shift + 10, 31)
    acc = np.round((rng.random(n) * 2 - 1) * 2.0**size).astype(np.int64)
    multiplier = np.where(rng.random(n) < 0.3, 1 << 30, rng.integers(1 << 30, 1 << 31, n))
    zero = np.zeros_like(acc)
    model = requantise(acc, zero, multiplier, shift, clamp_bits=32, zero_point=3, low=-128, high=127)
    np.testing.assert_array_equal(model, arithmetic.requantise(acc, multiplier, shift, 3))


@pytest.mark.parametrize(
    ("in_bits", "clamp_bits", "message"),
    [(8, 24, "in_bits must be 16..33, not 8"), (26, 33, "clamp_bits must be 16..32, not 33")],
)
def test_bad_widths(in_bits: int, clamp_bits: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_widths(in_bits, clamp_bits)
