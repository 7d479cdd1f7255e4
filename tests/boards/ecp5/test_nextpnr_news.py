"""What is told of nextpnr's and yosys' output, from lines that they have printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hwgen.boards.ecp5.nextpnr_news import NextpnrNews
from hwgen.boards.ecp5.toolchain import yosys_news
from hwgen.boards.tools import Tool, run_tool

STATIC_AND_ROUTER2 = """
Warning: No clock constraint
Info: Packing IOs..
Info: pin 'led_pad7' constrained to Bel 'X0/Y41/PIOD'.
Info: Running Static placer...
Info: initial density penalty: 0.065398
Info: iter=101 steplen=2.024253 a=1.000000 penalty=[0.07, 0.07, 0.07, 0.07]
Info:    update_chains distance 0.00
Info:    system potential: 20564.054688 hpwl: 4465.272461
Info: overlap: COMB=57.1%, FF=9.3%, RAM=0.0%, MUL=0.0%
Info: Strict legalising 132 cells...
Info: Running simulated annealing placer for refinement.
Info:   at iteration #15: temp = 0.000000, timing cost = 12, wirelen = 911
Info:   at iteration #19: temp = 0.000000, timing cost = 8, wirelen = 904
Info: [  5891,   6096) |**
Info: Routing globals...
Info: Running router2...
Info: Running main router loop...
Info:     iter=1 wires=2021000 overused=14123 overuse=14999 tmgfail=0 archfail=NA
Info:     iter=88 wires=2021000 overused=0 overuse=0 tmgfail=1042 archfail=NA
Info:     iter=17 wires=2003 overused=0 overuse=0 archfail=0
Info: Running router1 to check that route is legal...
Info: Routing..
Info: Setting up routing queue.
Info:          0 |        0          0 |    0     0 |         0|       0.01       0.01|
Info: Critical path report for clock '$glbnet$clk' (posedge -> posedge):
"""

HEAP_AND_ROUTER1 = """
Info: Creating initial analytic placement for 1023 cells, random placement wirelen = 60123.
Info:     at initial placer iter 2, wirelen = 5123
Info:     at iteration #7, type ALL: wirelen solved = 4000, spread = 4800, legal = 4961; time = 0.02s
Info: Setting up routing queue.
Info:    IterCnt |  w/ripup   wo/ripup |  w/r  wo/r |      arcs| batch(sec) total(sec)|
Info:      21000 |      312      20688 |   12   988 |     83123|       0.31       6.51|
Info: Critical path report for clock '$glbnet$clk' (posedge -> posedge):
"""


def told(lines: str, prefix: str = "") -> list[str]:
    news = NextpnrNews(prefix)
    return [text for line in lines.splitlines(keepends=True) if (text := news(line)) is not None]


def test_stage_round_wires_and_placer() -> None:
    assert told(STATIC_AND_ROUTER2) == [
        "packing",
        "placing",
        "placing, round 101, wire length 4,465",
        "placing, every cell to a site",
        "refining the placement",
        "refining the placement, round 15, wire length 911",
        "refining the placement, round 19, wire length 904",
        "routing the clocks",
        "routing",
        "routing, round 1, 14,123 wires overused",
        "routing, round 88, 0 wires overused, 1,042 connections too slow",
        "routing, round 17, 0 wires overused",
        "checking the route",
        "timing analysis",
    ]
    assert told(HEAP_AND_ROUTER1) == [
        "placing",
        "placing, first solution, round 2, wire length 5,123",
        "placing, round 7, wire length 4,961",
        "routing",
        "routing, 21,000 connections tried, 83,123 to go",
        "timing analysis",
    ]
    assert told("Info: Packing LUTs...", "seed 2 of 3: ") == ["seed 2 of 3: packing"]


@pytest.mark.parametrize(
    ("line", "news"),
    [
        ("2.12. Executing OPT pass (performing simple optimizations).", "2.12. opt: performing simple optimizations"),
        ("1. Executing Verilog-2005 frontend: top.v", "1. verilog-2005"),
        ("2.7. Executing TRIBUF pass.", "2.7. tribuf"),
        ("2.4.1. Executing PROC_CLEAN pass (remove empty switches).", None),
        ("Removed a total of 0 cells.", None),
    ],
)
def test_commands_of_yosys(line: str, news: str | None) -> None:
    assert yosys_news(line + "\n") == news


def test_a_running_tools_news_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "router.py").write_text(f"def run():\n    print({STATIC_AND_ROUTER2!r})\n")
    monkeypatch.syspath_prepend(tmp_path)
    said: list[str] = []
    tool = Tool("router", "none", "router", "run", "prints")
    run_tool(tool, [], folder=tmp_path, log=tmp_path / "log", progress=said.append, news=NextpnrNews())
    assert said == told(STATIC_AND_ROUTER2)
    assert re.sub(r"\s", "", (tmp_path / "log").read_text()) == re.sub(r"\s", "", STATIC_AND_ROUTER2)
