"""Small networks of several operators through plan and RTL on the smallest core, as `tests.sim.frame.test_machine_operators`."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.errors import ResourceError, UnsupportedOpError
from tests.support.small_machine import Small
from tests.support.tflite_networks import NETWORKS, network, random_network


@pytest.mark.parametrize("name", NETWORKS)
def test_network(name: str, bench_dir: Path) -> None:
    small = Small.of(network(name))
    x = small.input(1)
    small.same_values(x)
    small.simulate(x, bench_dir)


def test_resized_columns_and_rows(bench_dir: Path) -> None:
    small = Small.of(network("pyramid", (5, 8, 4)))
    small.simulate(small.input(3), bench_dir)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shape", [(3, 3, 8), (4, 3, 1), (7, 8, 16)])
def test_shapes(name: str, shape: tuple[int, int, int]) -> None:
    """Planned, replayed on the symbolic machine, and the same values with and without the rewrites."""
    small = Small.of(network(name, shape, seed=2))
    small.same_values(small.input(2))


@pytest.mark.parametrize("seed", range(6))
def test_random_network(seed: int, bench_dir: Path) -> None:
    small = Small.of(random_network(seed))
    small.simulate(small.input(seed), bench_dir)


def test_random_networks_keep_their_values() -> None:
    refused: dict[int, type[Exception]] = {}
    for seed in range(100, 160):
        try:
            small = Small.of(random_network(seed))
        except (ResourceError, UnsupportedOpError) as error:
            refused[seed] = type(error)
            continue
        small.same_values(small.input(seed))
    # A concatenation of a transposition that is no channel shuffle.
    assert refused == {137: UnsupportedOpError}
