"""Benches of small components in Amaranth's own simulator: nothing is compiled, and each takes a second at most."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine
from typing import Any

from amaranth.hdl import Elaboratable
from amaranth.lib import data
from amaranth.sim import Simulator

Bench = Callable[[Any], Coroutine[Any, Any, None]]


def run_bench(dut: Elaboratable, *benches: Bench) -> None:
    """Simulate `dut` from reset, with a clock, until all `benches` end; they get the simulator's context (`get`, `set`, `tick`)."""
    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    for bench in benches:
        simulator.add_testbench(bench)
    simulator.run()


def random_bits(rng: random.Random, layout: data.Layout) -> Any:
    """A value of this layout: what a port carries in a cycle in which it must not matter."""
    return layout.from_bits(rng.getrandbits(layout.size))
