"""Drives and checks valid/ready/payload streams in cocotb benches.

A source separates *what* is sent from *when* (an idle pattern); a sink separates what is received from when it is ready (a stall
pattern). All signals are driven right after a rising edge and read just before the next one, so "cycle" means the cycle that the edge
at its end closes; cycles are counted by one `CycleCounter` per clock. Prefix "i" stands
for the signals `i__valid`, `i__ready`, `i__payload`.
"""

from __future__ import annotations

import random as _random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge
from cocotb.utils import get_sim_time

Pattern = Callable[[], Iterator[bool]]
"""Makes a fresh sequence that says for each cycle whether to idle (source) or stall (sink)."""

PERIOD_NS = 10


def never() -> Iterator[bool]:
    """Never idle, never stall."""
    while True:
        yield False


def every(n: int) -> Pattern:
    """One active cycle in `n`: idle or stall in the n - 1 cycles before it."""

    def pattern() -> Iterator[bool]:
        while True:
            for i in range(n):
                yield i != n - 1

    pattern.__qualname__ = f"every({n})"  # names the case where cocotb lists a product of patterns
    return pattern


def random(seed: int, probability: float) -> Pattern:
    """Idle or stall in a cycle with this probability, seeded; 1.0 would never move and is refused."""
    if not 0.0 <= probability < 1.0:
        raise ValueError(f"probability must be at least 0 and below 1, not {probability}")

    def pattern() -> Iterator[bool]:
        generator = _random.Random(seed)
        while True:
            yield generator.random() < probability

    pattern.__qualname__ = f"random({seed}, {probability})"
    return pattern


def start_clock(clk: Any) -> None:
    """Start `clk` at 10 ns, implemented inside the simulator (several times faster than a Python task); first edge at once."""
    Clock(clk, PERIOD_NS, unit="ns", impl="gpi").start(start_high=False)


async def reset(dut: Any, cycles: int = 2) -> None:
    """Start the clock `dut.clk`, hold `dut.rst` for some cycles and return right after the edge that ends the reset."""
    start_clock(dut.clk)
    if hasattr(dut, "rst"):
        dut.rst.value = 1
    for _ in range(cycles):
        await RisingEdge(dut.clk)
    if hasattr(dut, "rst"):
        dut.rst.value = 0


class CycleCounter:
    """Counts the cycles of a clock that `start_clock` drives, from simulation time: costs nothing per cycle."""

    def __init__(self) -> None:
        self._origin = 0
        self.restart()

    @property
    def cycle(self) -> int:
        """The present cycle; the one during which the counter was made (or restarted) is 0."""
        return self._now() - self._origin

    def restart(self) -> None:
        """Make the present cycle 0."""
        self._origin = self._now()

    @staticmethod
    def _now() -> int:
        # Rising edges lie at PERIOD_NS / 2 + k * PERIOD_NS (the clock starts low).
        return int((get_sim_time("ns") + PERIOD_NS / 2) // PERIOD_NS)


class _Port:
    def __init__(self, dut: Any, prefix: str, clk: Any) -> None:
        self.name = prefix
        self.clk = clk
        self.valid = getattr(dut, f"{prefix}__valid")
        self.ready = getattr(dut, f"{prefix}__ready")
        self.payload = getattr(dut, f"{prefix}__payload", None)

    def value(self) -> int:
        """The payload; 0 for a stream without one."""
        return 0 if self.payload is None else int(self.payload.value)

    def moves(self) -> bool:
        return bool(int(self.valid.value) and int(self.ready.value))


class StreamSource(_Port):
    """Sends payloads into the input stream `prefix` of `dut`; valid falls to 0 when idle."""

    def __init__(self, dut: Any, prefix: str, clk: Any) -> None:
        super().__init__(dut, prefix, clk)
        self.valid.value = 0
        if self.payload is not None:
            self.payload.value = 0

    async def send(self, payloads: Sequence[int], idle: Pattern = never, timeout: int = 100_000) -> list[int]:
        """Send `payloads` in order; call right after a rising edge.

        Returns:
            For each payload the cycle in which it was taken, as counted from the start of the simulation.

        Raises:
            AssertionError: a payload was not taken for `timeout` cycles.
        """
        idles = idle()
        taken = []
        for payload in payloads:
            while next(idles):
                await RisingEdge(self.clk)
            self.valid.value = 1
            if self.payload is not None:
                self.payload.value = payload
            for _ in range(timeout):
                await ReadOnly()
                accepted = int(self.ready.value)
                cycle = CycleCounter._now()
                await RisingEdge(self.clk)
                if accepted:
                    taken.append(cycle)
                    break
            else:
                raise AssertionError(f"{self.name}: payload {len(taken)} was not taken for {timeout} cycles")
            self.valid.value = 0
        return taken


class StreamSink(_Port):
    """Receives payloads from the output stream `prefix` of `dut`; not ready while nothing is being received."""

    def __init__(self, dut: Any, prefix: str, clk: Any) -> None:
        super().__init__(dut, prefix, clk)
        self.ready.value = 0
        self.counter = CycleCounter()

    async def receive(self, n: int, stall: Pattern = never, timeout: int = 100_000) -> list[tuple[int, int]]:
        """Receive `n` payloads; call right after a rising edge.

        Returns:
            (payload, cycle) of each; cycle counted by `self.counter` (which the bench may restart or replace by a shared one).

        Raises:
            AssertionError: nothing was transferred for `timeout` cycles.
        """
        stalls = stall()
        got: list[tuple[int, int]] = []
        waited = 0
        while len(got) < n:
            self.ready.value = 0 if next(stalls) else 1
            await ReadOnly()
            if self.moves():
                got.append((self.value(), self.counter.cycle))
                waited = 0
            else:
                waited += 1
            await RisingEdge(self.clk)
            assert waited < timeout, f"{self.name}: nothing came for {timeout} cycles after {len(got)} of {n} payloads"
        self.ready.value = 0
        return got

    async def expect_nothing(self, cycles: int) -> None:
        """Stay ready for `cycles` cycles and raise AssertionError when anything comes."""
        self.ready.value = 1
        for _ in range(cycles):
            await ReadOnly()
            assert not self.moves(), f"{self.name}: unexpected payload {self.value():#x} in cycle {self.counter.cycle}"
            await RisingEdge(self.clk)
        self.ready.value = 0


class StreamMonitor(_Port):
    """Checks in every cycle that a stream obeys the rules: once valid, valid and payload stay until transferred.

    Make it right after a rising edge (e.g. after `reset`); the present cycle is the first one checked.
    That the producer never waits for ready is checked by `cycles_valid_unready`: a bench that holds ready at 0 asserts it is above 0.
    A broken rule fails the running test.
    """

    def __init__(self, dut: Any, prefix: str, clk: Any) -> None:
        super().__init__(dut, prefix, clk)
        self.transfers = 0
        self.cycles_valid_unready = 0
        self._task = cocotb.start_soon(self._watch())

    async def _watch(self) -> None:
        held: int | None = None
        while True:
            await ReadOnly()
            valid, ready = int(self.valid.value), int(self.ready.value)
            payload = self.value() if valid else 0
            if held is not None:
                assert valid, f"{self.name}: valid fell before the payload {held:#x} was transferred"
                assert payload == held, (
                    f"{self.name}: payload changed from {held:#x} to {payload:#x} before it was transferred"
                )
            held = payload if valid and not ready else None
            self.transfers += valid and ready
            self.cycles_valid_unready += valid and not ready
            await RisingEdge(self.clk)
