"""Small networks in RTL on a core whose array takes two steps of K a cycle: every tensor, every pass's cycles."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.small_machine import TWO_STEPS, Small
from tests.support.tflite_examples import example
from tests.support.tflite_networks import NETWORKS, network, random_network


@pytest.mark.parametrize(
    ("op", "seed"), [("CONV_2D", 0), ("CONV_2D", 4), ("FULLY_CONNECTED", 1), ("FULLY_CONNECTED", 2)]
)
def test_operator(op: str, seed: int, bench_dir: Path) -> None:
    small = Small.of(example(op, seed), TWO_STEPS)
    small.simulate(small.input(seed), bench_dir)


@pytest.mark.parametrize("name", NETWORKS)
def test_network(name: str, bench_dir: Path) -> None:
    small = Small.of(network(name), TWO_STEPS)
    small.simulate(small.input(1), bench_dir)


@pytest.mark.parametrize("seed", range(4))
def test_random_network(seed: int, bench_dir: Path) -> None:
    small = Small.of(random_network(seed), TWO_STEPS)
    small.simulate(small.input(seed), bench_dir)
