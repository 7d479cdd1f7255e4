"""The bench harness itself: a good design passes, and each kind of broken one is reported."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from amaranth import Elaboratable, Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.sim.harness.runner import simulate


class Stage(wiring.Component):
    """One register with valid/ready; `fault` breaks it in a chosen way."""

    def __init__(self, fault: str = "") -> None:
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))})
        self.fault = fault

    def elaborate(self, platform: Any) -> Elaboratable:
        m = Module()
        m.d.comb += self.i.ready.eq(~self.o.valid | self.o.ready)
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid)
        with m.If(self.i.ready & self.i.valid):
            m.d.sync += self.o.payload.eq(self.i.payload ^ (self.fault == "value"))
        if self.fault == "unstable":
            with m.If(self.o.valid & ~self.o.ready):
                m.d.sync += self.o.payload.eq(self.o.payload + 1)
        if self.fault == "deaf":
            m.d.comb += self.i.ready.eq(0)
        return m


def run(build_dir: Path, fault: str = "", **options: Any) -> None:
    simulate(Stage(fault), name="stage", test_module="tests.cocotb.bench_harness", build_dir=build_dir, **options)


def test_good_design_passes(bench_dir: Path) -> None:
    run(bench_dir)
    folders = sorted(path for path in bench_dir.glob("stage-*/top"))
    stamp = folders[0].stat().st_mtime_ns
    run(bench_dir)
    assert folders[0].stat().st_mtime_ns == stamp, "an unchanged design was compiled again"


def test_compiles_without_the_command_python(bench_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian has `python3` alone, and an environment need not be activated."""
    command = tmp_path / "python"
    command.write_text("#!/bin/sh\nexit 127\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    for folder in bench_dir.glob("pythonless-*"):
        shutil.rmtree(folder, ignore_errors=True)  # of an earlier run
    simulate(Stage(), name="pythonless", test_module="tests.cocotb.bench_harness", build_dir=bench_dir)


@pytest.mark.parametrize(
    ("fault", "message"),
    [("value", "tests failed: .*exact_cycles"), ("deaf", "nothing came for"), ("unstable", "payload changed from")],
)
def test_broken_design_fails(bench_dir: Path, fault: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        run(bench_dir, fault)


def test_endless_run_is_stopped(bench_dir: Path) -> None:
    with pytest.raises(AssertionError, match="time limit"):
        run(bench_dir, env={"ENDLESS": "1"}, limit_s=2)


def test_wrong_latency_fails(bench_dir: Path) -> None:
    with pytest.raises(AssertionError, match="1 of 11 tests failed"):
        run(bench_dir, env={"LATENCY": "2"})


def test_waves(bench_dir: Path, tmp_path: Path) -> None:
    run(bench_dir, waves=tmp_path / "stage.vcd")
    text = (tmp_path / "stage.vcd").read_text()
    assert text.startswith("$version")
    assert "i__payload" in text


def test_missing_test_module_fails(bench_dir: Path) -> None:
    with pytest.raises(AssertionError):
        simulate(Stage(), name="stage", test_module="tests.cocotb.absent", build_dir=bench_dir)
