"""Names in the Verilog for synthesis: none that yosys would read as a bit of another."""

from __future__ import annotations

import re

import pytest

from hwgen.boards.names import plain_names
from hwgen.hw.array.systolic import SystolicArray
from hwgen.hw.verilog import to_verilog


def test_elements_of_arrays_are_renamed_everywhere() -> None:
    text = "  wire [7:0] \\a[3] ;\n  wire [31:0] a;\n  assign \\a[3]  = a[31:24];\n  wire \\w[1][2] ;\n"
    assert (
        plain_names(text) == "  wire [7:0] \\a.3 ;\n  wire [31:0] a;\n  assign \\a.3  = a[31:24];\n  wire \\w.1.2 ;\n"
    )


def test_two_names_never_become_one() -> None:
    with pytest.raises(ValueError, match="differ only by their brackets"):
        plain_names("wire \\a[3] ; wire \\a.3 ;\n")


def test_names_of_a_design() -> None:
    array = SystolicArray(2, 2, 20, None)
    text = to_verilog(array, platform="ecp5")
    names = set(re.findall(r"\\\S+(?=\s)", text))
    renamed = set(re.findall(r"\\\S+(?=\s)", plain_names(text)))
    assert any("[" in name for name in names), "Amaranth no longer names an array's elements in this way"
    assert len(renamed) == len(names)
    assert not any("[" in name for name in renamed)
