"""Files that gave wrong numbers once: each gives the right ones, or a refusal that names the node."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from hwgen.compiler.frontend import tflite
from hwgen.errors import HwgenError
from hwgen.sim import golden
from tests.support.cases import WHY, seen
from tests.support.paths import CASES

NAMES = [name for name, text in seen(".tflite").items() if text.startswith("WRONG NUMBERS")]
REFUSED = {"builtin_code_only_sub", "mean_huge_factor"}
"""What the machine does not compute: an operator that it has not, a factor beyond its multipliers. All others must be right."""


@pytest.mark.skipif(not NAMES, reason=WHY)
@pytest.mark.parametrize("name", NAMES)
def test_right_or_refused(name: str) -> None:
    case = np.load((CASES / name).with_suffix(".npz"))
    if Path(name).stem in REFUSED:
        with pytest.raises(
            HwgenError, match=rf"^{re.escape(name)}: the model cannot be imported, 1 problem: \w+_0\b.*; \w+"
        ):
            tflite.load(CASES / name)
        return
    graph = tflite.load(CASES / name)
    np.testing.assert_array_equal(golden.predict(graph, case["x"]), case["y_0"])
