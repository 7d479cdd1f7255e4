"""The tool chain on a design of a few cells: a bitstream, its figures, and how failures are told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hwgen.boards.bitstream import board_verilog, constraints
from hwgen.boards.ecp5 import route, toolchain
from hwgen.boards.ecp5.pll import plan_pll
from hwgen.boards.ecp5.router_watch import PATIENCE, RouterStuckError, RouterWatch
from hwgen.boards.ecp5.toolchain import LARGE_DIE
from hwgen.boards.family import Usage
from hwgen.boards.registry import find_board
from hwgen.boards.tools import Tool, run_tool
from hwgen.boards.ulx3s import ULX3S
from hwgen.errors import ToolError
from tests.support.echo import Echo

pytestmark = pytest.mark.build


def write(folder: Path, request_mhz: int) -> None:
    pll = plan_pll(ULX3S.oscillator_hz, request_mhz * 1_000_000)
    (folder / "top.v").write_text(board_verilog(ULX3S, Echo(), pll).text)
    (folder / "top.lpf").write_text(constraints(ULX3S))


def test_bitstream(tmp_path: Path) -> None:
    said: list[str] = []
    write(tmp_path, 100)
    recipe = LARGE_DIE
    toolchain.synthesise(tmp_path, "top.v", "netlist.json", recipe=recipe, progress=said.append)
    routed = route.place_and_route(
        tmp_path,
        "netlist.json",
        "top.lpf",
        "top.config",
        board=ULX3S,
        recipe=recipe,
        progress=said.append,
        remark=said.append,
    )
    toolchain.pack(tmp_path, "top.config", "top.bit", progress=said.append)
    assert routed.timing_met
    assert routed.fmax_mhz > 150, "the reset crosses the die on a global net"
    assert routed.constraint_mhz == pytest.approx(100, rel=1e-3)
    assert 24 <= routed.resources["ff"].used < 200
    assert routed.resources["dsp"] == Usage(0, 156)
    assert (tmp_path / "top.bit").read_bytes()[:2] == b"\xff\x00"
    assert any("synth" in line.lower() for line in said)
    assert "End of script" in (tmp_path / "yosys.log").read_text()

    write(tmp_path, 400)  # a 24-bit counter at 400 MHz is out of reach
    toolchain.synthesise(tmp_path, "top.v", "netlist.json", recipe=recipe, progress=said.append)
    with pytest.raises(
        ToolError,
        match=r"timing not met: \d+\.\d MHz reached, 400\.0 MHz asked for \(seeds 1, 2\): build with a clock of \d+ MHz or less",
    ):
        route.place_and_route(
            tmp_path,
            "netlist.json",
            "top.lpf",
            "top.config",
            board=ULX3S,
            recipe=replace(recipe, router_options=(), seeds=(1, 2)),
            jobs=2,
            progress=said.append,
            remark=said.append,
        )


ROUND = "Info:     iter={} wires=2021 overused={} overuse={} tmgfail={} archfail=NA\n"


def feed(rounds: list[tuple[int, int]]) -> None:
    watch = RouterWatch()
    watch("Info: Max frequency for clock 'clk': 310.25 MHz (FAIL at 400.00 MHz)\n")
    for number, (overused, slow) in enumerate(rounds):
        watch(ROUND.format(number, overused, overused, slow))


def test_watch_lets_the_router_work() -> None:
    feed([(900 - 10 * i, 0) for i in range(90)] + [(0, 300 - i) for i in range(300)])
    feed([(1, 0)] * PATIENCE + [(0, 40)] * PATIENCE + [(0, 0)])


@pytest.mark.parametrize("rounds", [[(0, 150)] * (PATIENCE + 1), [(5, 0), (3, 2)] + [(4, 0), (3, 2)] * (PATIENCE // 2)])
def test_watch_ends_a_route_that_is_stuck(rounds: list[tuple[int, int]]) -> None:
    feed(rounds[:-1])
    with pytest.raises(RouterStuckError) as error:
        feed(rounds)
    assert (error.value.overused, error.value.slow) == min(rounds) and error.value.placed_mhz == 310.25


def test_tool_is_ended_by_its_watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "endless.py").write_text("def run():\n    while True:\n        print('still here', flush=True)\n")
    monkeypatch.syspath_prepend(tmp_path)
    seen: list[str] = []

    def watch(line: str) -> None:
        seen.append(line)
        if len(seen) == 5:
            raise RouterStuckError(1, 0, None)

    with pytest.raises(RouterStuckError):
        run_tool(
            Tool("endless", "none", "endless", "run", "prints"),
            [],
            folder=tmp_path,
            log=tmp_path / "log",
            progress=print,
            news=lambda line: line,
            watch=watch,
        )
    assert seen == ["still here\n"] * 5


def test_script_keeps_and_flattens_hierarchy() -> None:
    lines = toolchain.yosys_script("a.v", "a.json", replace(LARGE_DIE, keep_modules=("*.x_*",))).splitlines()
    kept, synth, flat = (
        lines.index(text)
        for text in ("setattr -mod -set keep_hierarchy 1 *.x_*", "synth_ecp5 -nodsp -top top", "flatten")
    )
    assert kept < synth < flat
    assert "flatten" not in toolchain.yosys_script("a.v", "a.json", replace(LARGE_DIE, keep_modules=()))


def test_failing_tool_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "top.v").write_text("module top(; endmodule\n")
    with pytest.raises(ToolError, match=r"^yosys failed with status 1: .*ERROR: syntax error.*yosys\.log$"):
        toolchain.synthesise(tmp_path, "top.v", "netlist.json", recipe=LARGE_DIE, progress=print)


def test_error_after_mapping_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "top.v").write_text("module top(input a, b, output c); assign c = a & b; endmodule\n")
    script = toolchain.yosys_script("top.v", "netlist.json", LARGE_DIE).replace("write_json", "write_nonsense")
    monkeypatch.setattr(toolchain, "yosys_script", lambda *arguments: script)
    with pytest.raises(ToolError, match=r"^yosys failed with status 1: ERROR: No such command: write_nonsense"):
        toolchain.synthesise(tmp_path, "top.v", "netlist.json", recipe=LARGE_DIE, progress=print)


def test_missing_tool() -> None:
    tool = Tool("nothing", "no-such-package", "no_such_module", "run", "is missing")
    assert tool.version is None
    with pytest.raises(ToolError, match=r"nothing is not installed: run `pip install 'hwgen\[build\]'`"):
        run_tool(tool, [], folder=Path(), log=Path("x"), progress=print, news=lambda line: line)


def test_small_dies_have_another_router() -> None:
    assert toolchain.recipe_for(find_board("ulx3s").part) == LARGE_DIE
    for name in ("ulx3s-12f", "ulx3s-25f", "ulx3s-45f"):
        small = toolchain.recipe_for(find_board(name).part)
        assert (small.placer, small.router, small.router_options) == ("heap", "router1", ())
