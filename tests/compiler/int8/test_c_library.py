"""LOGISTIC and TANH against this system's C library, at every float32 near a tie of their output."""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable

import numpy as np
import pytest

from hwgen.compiler.int8 import arithmetic, tables

NEAR = 600
"""Neighbours of each tie: farther ones are more than `tables.LIBRARY_ULPS` away from it."""

LIBRARY = ctypes.util.find_library("m")


def around(places: np.ndarray) -> np.ndarray:
    """The float32 numbers nearest to real places, and their neighbours."""
    centre = places.astype(np.float32).view(np.int32)
    return (centre[:, None] + np.arange(-NEAR, NEAR + 1, dtype=np.int32)).view(np.float32).ravel()


def of_library(name: str, x: np.ndarray) -> np.ndarray:
    function = getattr(ctypes.CDLL(LIBRARY), name)
    function.restype, function.argtypes = ctypes.c_float, [ctypes.c_float]
    return np.array([function(float(value)) for value in x], np.float32)


def logistic_of_library(x: np.ndarray) -> np.ndarray:
    return np.float32(1) / (np.float32(1) + of_library("expf", -x))


TIES = (np.arange(1, 255) + 0.5) / 256
SIGNED_TIES = (np.arange(-127, 127) + 0.5) / 128


@pytest.mark.skipif(LIBRARY is None, reason="no C library of mathematics found")
@pytest.mark.parametrize(
    ("ours", "theirs", "x", "steps"),
    [
        (tables.logistic, logistic_of_library, around(np.log(TIES / (1 - TIES))), 256),
        (tables.tanh, lambda x: of_library("tanhf", x), around(np.arctanh(SIGNED_TIES)), 128),
    ],
    ids=["logistic", "tanh"],
)
def test_where_it_differs_is_known(
    ours: Callable[..., np.ndarray], theirs: Callable[[np.ndarray], np.ndarray], x: np.ndarray, steps: int
) -> None:
    """Wherever this library's result is another step, `tables.uncertain` would say so; and far from ties none is."""
    made = [arithmetic.round_half_away(ours(x, ulps) * np.float32(steps)) for ulps in range(-2, 3)]
    uncertain = np.ptp(np.stack(made), axis=0) > 0
    different = arithmetic.round_half_away(theirs(x) * np.float32(steps)) != made[2]
    assert not (different & ~uncertain).any()
    assert uncertain.any() and not uncertain.reshape(-1, 2 * NEAR + 1)[:, [0, -1]].any()
