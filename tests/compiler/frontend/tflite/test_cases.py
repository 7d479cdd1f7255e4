"""Files that gave wrong numbers once: each gives the right ones, or a refusal that names the node."""

from __future__ import annotations

import re

import numpy as np
import pytest

from hwgen.compiler.frontend import tflite
from hwgen.errors import HwgenError
from hwgen.sim import golden
from tests.support.paths import CASES

README = CASES / "README.md"
ROW = re.compile(r"\| `(\w+\.tflite)` \|.*\| WRONG NUMBERS")
NAMES = ROW.findall(README.read_text()) if README.exists() else []


@pytest.mark.skipif(not NAMES, reason=f"no cases in {CASES} (set HWGEN_MODELS to the folder `models` beside it)")
@pytest.mark.parametrize("name", NAMES)
def test_right_or_refused(name: str) -> None:
    case = np.load((CASES / name).with_suffix(".npz"))
    try:
        graph = tflite.load(CASES / name)
    except HwgenError as error:
        assert re.match(rf"{re.escape(name)}: the model cannot be imported, 1 problem: \w+_0\b.*; \w+", str(error))
        return
    np.testing.assert_array_equal(golden.predict(graph, case["x"]), case["y_0"])
