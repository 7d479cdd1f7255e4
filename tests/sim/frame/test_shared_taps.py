"""A small network whose words go to the pixels of all their taps at once, in RTL: every tensor, every pass's cycles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hwgen.hw.isa.config import CoreConfig
from hwgen.sim.timing.frame import predict
from tests.support.make_tflite import VALID
from tests.support.small_machine import CONFIG, SDRAM, TWO_STEPS, Small
from tests.support.tflite_net import Net

SHARED = (1, 1, 1, 1, 0, 1, 1, 1, 0, 0)


def stem() -> bytes:
    """A stem of stride 2 on two pixels in a word, in three stripes; 3 x 3 of strides 1, 2 and 3, of one word and of several, rows no
    multiple of the array's; 2 x 2; 5 x 5, which the array has too few rows for; 1 x 1."""
    net = Net(4)
    image = net.tensor((1, 21, 28, 3))
    first = net.conv(image, 8, 3, stride=2)
    second = net.conv(first, 17, 3, activation="RELU")
    third = net.conv(second, 10, 3, stride=3)
    fourth = net.two("ADD", net.conv(third, 10, 3), third, (0.08, 0))
    fifth = net.conv(fourth, 9, 3, stride=2, padding=VALID)
    sixth = net.conv(fifth, 6, 2)
    return net.m.finish([image], [net.conv(net.conv(sixth, 5, 5), 7)])


@pytest.mark.parametrize(
    "core",
    [pytest.param(replace(CONFIG, shared_taps=True), marks=pytest.mark.long), TWO_STEPS],
    ids=["one step", "two steps"],
)
def test_network(core: CoreConfig, bench_dir: Path) -> None:
    data = stem()
    small = Small.of(data, core)
    fetches = [fields.fetch for fields in small.program.descriptors]
    assert tuple(fetch.shared for fetch in fetches) == SHARED
    before, after = (
        predict(one.program, SDRAM).passes for one in (Small.of(data, replace(core, shared_taps=False)), small)
    )
    assert all((new.cycles < old.cycles) == shared for old, new, shared in zip(before, after, SHARED, strict=True))
    small.simulate(small.input(1), bench_dir)
