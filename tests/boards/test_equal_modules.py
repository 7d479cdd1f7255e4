"""Equal modules are merged: the flattened design stays what it was, and sites find their cells."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hwgen.boards.ecp5.tools import YOSYS
from hwgen.boards.equal_modules import merge_equal_modules
from hwgen.boards.tools import run_tool
from hwgen.hw.array.systolic import SystolicArray
from hwgen.hw.ecp5.floorplan import multiplier_sites
from hwgen.hw.verilog import to_verilog

ROWS, COLS = 3, 4


@pytest.fixture(scope="module")
def text() -> str:
    array = SystolicArray(ROWS, COLS, 20, "LFE5U-85F")
    found: str = to_verilog(array, platform="ecp5")
    return found


def modules(text: str) -> list[str]:
    return re.findall(r"^module (\S+)", text, re.MULTILINE)


def flattened(folder: Path, text: str) -> Counter[Any]:
    """Cells of the flattened design: type, parameters, and the public names of the nets at every port."""
    (folder / "top.v").write_text(text)
    lines = [
        "read_verilog -lib +/ecp5/cells_bb.v",
        "read_verilog top.v",
        "hierarchy -check -top top",
        "proc",
        "flatten",
    ]
    (folder / "flat.ys").write_text("\n".join([*lines, "opt_clean", "write_json flat.json"]))
    run_tool(
        YOSYS,
        ["-s", "flat.ys"],
        folder=folder,
        log=folder / "flat.log",
        progress=lambda line: None,
        news=lambda line: None,
    )
    top = json.loads((folder / "flat.json").read_text())["modules"]["top"]
    names: dict[Any, str] = {}
    for name, net in sorted(top["netnames"].items()):
        for index, bit in enumerate(net["bits"]):
            if "$" not in name:
                names.setdefault(bit, f"{name}[{index}]")
    return Counter(
        (
            name if "$" not in name else "",
            cell["type"],
            tuple(sorted(cell["parameters"].items())),
            tuple(
                (port, tuple(names.get(bit, str(type(bit))) for bit in bits))
                for port, bits in sorted(cell["connections"].items())
            ),
        )
        for name, cell in top["cells"].items()
    )


def test_the_flattened_design_stays(text: str, tmp_path: Path) -> None:
    merged = merge_equal_modules(text)
    assert len(modules(text)) == 1 + 2 * ROWS * COLS
    assert len(modules(merged.text)) < 12, "elements differ only at the array's edges"
    folders = [tmp_path / "whole", tmp_path / "merged"]
    for folder in folders:
        folder.mkdir()
    whole = flattened(folders[0], re.sub(r"\(\* BEL = .*\*\)", "", text))
    assert whole == flattened(folders[1], merged.text)
    assert sum(whole.values()) > 10 * ROWS * COLS


def test_sites_go_by_the_cells_names(text: str) -> None:
    merged = merge_equal_modules(text)
    expected = multiplier_sites("LFE5U-85F", ROWS, COLS)
    assert merged.sites == {
        f"pe_{r}_{c}.multiplier.multiplier": expected[r][c] for r in range(ROWS) for c in range(COLS)
    }
    assert "BEL" not in merged.text


def test_different_modules_stay() -> None:
    text = "\n".join(
        [
            r"module \top.a (x, y, clk);",
            "  assign y = x;",
            "endmodule",
            r"module \top.b (clk, y, x);",
            "  assign y = x;",
            "endmodule",
            r"module \top.c (x, y, clk);",
            "  assign y = ~x;",
            "endmodule",
            "module top(x, y, clk);",
            r"  \top.a  a (",
            "    .x(x)",
            "  );",
            r"  \top.b  b (",
            "    .x(x)",
            "  );",
            r"  \top.c  c (",
            "    .x(x)",
            "  );",
            "endmodule",
            "",
        ]
    )
    merged = merge_equal_modules(text).text
    assert modules(merged) == [r"\top.a", r"\top.c", "top"]
    assert [line.split()[:2] for line in merged.splitlines() if line.startswith(r"  \top")] == [
        [r"\top.a", "a"],
        [r"\top.a", "b"],
        [r"\top.c", "c"],
    ]
