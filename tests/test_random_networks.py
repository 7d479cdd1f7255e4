"""A hundred random networks against reference kernels: an installed interpreter's, else recorded ones, and always our own.

`python -m tests.random_networks` compares thousands.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwgen.compiler.frontend.tflite.operators import HANDLERS
from hwgen.compiler.frontend.tflite.schema import read
from hwgen.compiler.int8 import arithmetic
from hwgen.compiler.int8.nodes import QTensor
from hwgen.compiler.legalise.rewriter import Rewriter
from tests.random_networks import recorded
from tests.random_networks.__main__ import has_interpreter
from tests.random_networks.check import DIFFERENT, EQUAL, PLANNED, REFUSED, Outcome, check
from tests.random_networks.network import random_network
from tests.support.long_run import LongRun

COUNT = 100
EVERY_PROGRAM = 8
"""One network of so many is planned too."""


def test_a_hundred_networks() -> None:
    interpreter, seed = has_interpreter(), 0
    counts: Counter[str] = Counter()
    while counts[EQUAL] < COUNT:
        outcome = check(seed, interpreter=interpreter, program=seed % EVERY_PROGRAM == 0)
        outcome = recorded.compared(seed, outcome)
        assert outcome.result != DIFFERENT, f"seed {seed}: {outcome.text}"
        counts[outcome.result] += 1
        counts[outcome.program] += 1
        counts["recorded"] += str(seed) in recorded.known() and outcome.result == EQUAL
        seed += 1
    assert counts["recorded"] > 0.9 * COUNT and counts[REFUSED] < 0.15 * COUNT
    assert counts[PLANNED] > 0.5 * COUNT / EVERY_PROGRAM


def test_every_operator_is_drawn() -> None:
    """And every activation, kind of input and output."""
    files = [read(random_network(seed), "m") for seed in range(250)]
    assert {op.op for file in files for op in file.operators} == set(HANDLERS)
    options = [op.options for file in files for op in file.operators if op.options]
    assert {found["FusedActivationFunction"] for found in options if "FusedActivationFunction" in found} == {0, 1, 2, 3}
    kinds = {(file.tensors[file.inputs[0]].type, file.tensors[file.outputs[0]].type) for file in files}
    assert {first for first, _ in kinds} == {last for _, last in kinds} == {"INT8", "UINT8", "FLOAT32"}


def finds(*, program: bool) -> bool:
    """Whether one of the first networks differs."""
    return any(check(seed, interpreter=False, program=program).result == DIFFERENT for seed in range(30))


def test_a_planted_fault_of_the_arithmetic_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second rounding without regard to the sign."""

    def up(acc: np.ndarray, multiplier: np.ndarray, shift: np.ndarray) -> np.ndarray:
        right, left = np.maximum(shift, 0), np.maximum(-np.asarray(shift), 0)
        half = np.int64(1) << 30
        return ((acc << left) * multiplier + np.where(right > 0, half << right, 0) + half) >> (31 + right)

    monkeypatch.setattr(arithmetic, "scale_by", up)
    assert finds(program=False)


def test_a_planted_fault_of_a_rewrite_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Channels chosen in the wrong order."""
    select = Rewriter.select

    def reverse(self: Rewriter, name: str, x: QTensor, out: QTensor, order: list[int], *more: int) -> None:
        select(self, name, x, out, order[::-1], *more)

    monkeypatch.setattr(Rewriter, "select", reverse)
    assert finds(program=True)


def test_recorded_outputs_are_compared() -> None:
    seed = int(next(iter(recorded.known())))
    found = check(seed, interpreter=False, program=False)
    assert recorded.compared(seed, found) == found
    other = recorded.compared(seed, replace(found, output="0" * 16))
    assert other.result == DIFFERENT and other.text == f"the output is not the recorded one of {recorded.interpreter()}"
    assert recorded.compared(10**6, found) == found
    assert recorded.compared(seed, Outcome(REFUSED, "why")) == Outcome(REFUSED, "why")


def test_a_run_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    run = LongRun(state, "key", 10)
    for number in run.numbers():
        if number == 3:
            break
        run.counts["done"] += 1
    again = LongRun(state, "key", 10)
    assert (again.next, again.counts) == (3, {"done": 3}) and next(again.numbers()) == 3
    assert LongRun(state, "other sources", 10).next == 0
