"""Runs the cocotb tests of a module against an Amaranth component under Verilator, and fails when any of them does."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from amaranth.hdl import Elaboratable

import hwgen
from hwgen.child import child_command
from hwgen.files import move_file
from hwgen.hw.verilog import to_verilog
from hwgen.sim.harness.scratch import scratch_folder
from hwgen.sim.harness.verilate import TOP, tool_environment, verilate

MODELS = Path(__file__).resolve().parents[1] / "models"
"""Folder of the simulation models of what lies outside the generated Verilog: primitives of the part, SDRAM."""

PRIMITIVES = tuple(sorted((MODELS / "ecp5").glob("*.v")))
"""Models of the primitives that the RTL instantiates."""

_START, _WAVES = "start.sh", "dump.vcd"

_ROOT = Path(hwgen.__file__).resolve().parents[1]


def simulate(
    component: Elaboratable,
    *,
    name: str,
    test_module: str,
    build_dir: Path,
    plusargs: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    sources: Sequence[Path] = (),
    internals: bool = False,
    optimise: bool = False,
    waves: bool | Path = False,
    testcase: str | None = None,
    limit_s: int = 600,
) -> float:
    """Simulate `component` with the cocotb tests of `test_module`.

    Args:
        component: the device under test; becomes the Verilog module `top`.
        name: names the build; builds are kept in `build_dir` by a hash of the Verilog.
        test_module: importable name, e.g. "tests.cocotb.bench_fetch".
        build_dir: cache folder of builds and logs.
        plusargs: for the simulator.
        env: environment for the tests, e.g. parameters of the bench.
        sources: more Verilog files.
        internals: make all signals reachable by `dut.path.to.signal`, not only the ports of `top`; slower.
        optimise: compile for long runs (more than some 100,000 cycles).
        waves: file to record the waves in (VCD); True: `dump.vcd` in the simulator's folder.
        testcase: run only the test of this name.
        limit_s: seconds after which a run that does not end is stopped and counts as failed.

    Returns:
        Seconds that the run took, compilation not counted.

    Raises:
        AssertionError: a test failed, none ran, or the simulator ended early; the text holds the log's failures.
        ToolError: the design could not be compiled.
    """
    __tracebackhide__ = True
    simulator = compile_cocotb(
        component,
        name=name,
        build_dir=build_dir,
        sources=sources,
        internals=internals,
        optimise=optimise,
        waves=bool(waves),
    )
    return run_cocotb(
        simulator,
        test_module=test_module,
        plusargs=plusargs,
        env=env,
        waves=waves,
        testcase=testcase,
        limit_s=limit_s,
    )


def compile_cocotb(
    component: Elaboratable | Callable[[], Elaboratable],
    *,
    name: str,
    key: str = "",
    build_dir: Path,
    sources: Sequence[Path] = (),
    internals: bool = False,
    optimise: bool = False,
    waves: bool = False,
) -> Path:
    """The simulator of `component` (or of what it makes) for `run_cocotb`, compiled if `build_dir` has none.

    `key` is that of `verilate`; other arguments and ToolError as of `simulate`.
    """
    import cocotb_tools.config

    libraries = cocotb_tools.config.libs_dir
    return verilate(
        lambda: to_verilog(component if isinstance(component, Elaboratable) else component()),
        [Path(cocotb_tools.config.share_dir) / "lib" / "verilator" / "verilator.cpp"],
        build_dir=Path(build_dir),
        name=name,
        key=key,
        sources=sources,
        flags=("--vpi", "--timescale", "1ns/1ps"),
        link=f"-Wl,-rpath,{libraries} -L{libraries} -lcocotbvpi_verilator",
        public="all" if internals else "ports",
        optimise=optimise,
        waves=waves,
    )


def run_cocotb(
    simulator: Path,
    *,
    test_module: str,
    plusargs: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    waves: bool | Path = False,
    testcase: str | None = None,
    limit_s: int = 600,
) -> float:
    """Run the cocotb tests of `test_module` in a built `simulator`; returns the seconds it took, raises AssertionError as `simulate`."""
    __tracebackhide__ = True
    from cocotb_tools.runner import get_runner

    if str(_ROOT) not in sys.path:  # cocotb hands sys.path on to the simulator, where `test_module` is imported
        sys.path.insert(0, str(_ROOT))
    prefix = f"run-{test_module.rpartition('.')[2]}-"
    with scratch_folder(simulator.parent, prefix, keep_failed=True) as folder:
        results, log = folder / "results.xml", folder / "run.log"
        ended = ""
        begun = time.monotonic()
        # The runner splits the prefix at blanks, which paths may have.
        (folder / _START).write_text(f'exec {shlex.join(child_command([], limit_s))} "$@"\n')
        os.environ["SIM_CMD_PREFIX"] = f"sh ./{_START}"  # the only way the runner offers
        try:
            get_runner("verilator").test(
                test_module=test_module,
                hdl_toplevel=TOP,
                hdl_toplevel_lang="verilog",
                build_dir=simulator.parent,
                test_dir=folder,
                results_xml=str(results),
                plusargs=list(plusargs),
                extra_env={**tool_environment(), "COCOTB_ANSI_OUTPUT": "0", **(env or {})},
                waves=bool(waves),
                testcase=testcase,
                log_file=log,
            )
        except (SystemExit, RuntimeError) as error:  # the runner ends the process; the results file has the last word
            limit = f"time limit of {limit_s} s reached; " if str(error).endswith(f" {-signal.SIGALRM}") else ""
            ended = f"simulator ended early: {error}; {limit}"
        finally:
            del os.environ["SIM_CMD_PREFIX"]
        seconds = time.monotonic() - begun
        problem = _problem(results)
        if ended or problem:
            lines = log.read_text(errors="replace").splitlines() if log.exists() else []
            end = "\n".join(lines[-60:])
            raise AssertionError(f"{ended}{problem or 'results are good'}; log {log}, its end:\n{end}")
        if waves:
            move_file(folder / _WAVES, waves if isinstance(waves, Path) else simulator.parent / _WAVES)
        return seconds


def _problem(results: Path) -> str:
    """What a results file says is wrong; empty when at least one test ran and all passed."""
    if not results.is_file():
        return "no results file: the simulation did not reach its end"
    cases = list(ElementTree.parse(results).getroot().iter("testcase"))
    bad = [
        case.get("name", "?")
        for case in cases
        if any(case.find(tag) is not None for tag in ("failure", "error", "skipped"))
    ]
    if not cases:
        return "no test ran"
    return f"{len(bad)} of {len(cases)} tests failed: {', '.join(bad)}" if bad else ""
