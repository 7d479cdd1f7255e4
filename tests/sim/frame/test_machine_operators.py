"""Each operator alone through plan and RTL on the smallest core: every tensor, every pass's cycles, the model's own output."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.small_machine import Small
from tests.support.tflite_examples import example

SIMULATED = {
    "ADD": (0, 1, 2),
    "AVERAGE_POOL_2D": (32,),
    "CONCATENATION": (0, 2),
    "CONV_2D": (0, 4),
    "DEPTHWISE_CONV_2D": (0, 2),
    "FULLY_CONNECTED": (1, 2),
    "HARD_SWISH": (0, 2),
    "LEAKY_RELU": (0,),
    "LOGISTIC": (0,),
    "MAX_POOL_2D": (0, 1),
    "MEAN": (0, 1, 2),
    "MUL": (0, 1, 4, 8),
    "PAD": (0, 1),
    "PADV2": (0, 1),
    "QUANTIZE": (0, 1),
    "RELU": (0,),
    "RELU6": (0,),
    "RELU_N1_TO_1": (1,),
    "SPLIT": (0, 1),
    "SPLIT_V": (0, 2),
    "STRIDED_SLICE": (0, 3, 4),
    "TANH": (0,),
    "TRANSPOSE": (0, 1),
}
"""Seeds by operator."""


@pytest.mark.parametrize(("op", "seed"), [(op, seed) for op, seeds in SIMULATED.items() for seed in seeds])
def test_operator(op: str, seed: int, bench_dir: Path) -> None:
    small = Small.of(example(op, seed))
    x = small.input(seed)
    small.same_values(x)
    small.simulate(x, bench_dir)
