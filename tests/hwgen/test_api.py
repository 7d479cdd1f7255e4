"""The Python interface: what is exported, how it is loaded, progress, errors, types."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hwgen
from tests.support.paths import ROOT

GRAPH = """graph small
  %image : 8x8x3 = input shape=8,8,3
  %conv : 8x8x8 = conv2d(%image) channels=8 kernel=3,3 pad=1,1,1,1 weight=conv.weight
  return %conv
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.graph"
    path.write_text(GRAPH)
    return path


def python(script: str, folder: Path) -> str:
    """What a script prints in a process of its own."""
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{script}"]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout


def test_every_name_is_there() -> None:
    assert sorted(hwgen.__all__) == hwgen.__all__
    for name in hwgen.__all__:
        value = getattr(hwgen, name)
        assert value is not None, name
    assert set(hwgen.__all__) <= set(dir(hwgen))
    absent = "nothing"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(hwgen, absent)


def test_import_loads_nothing_heavy(tmp_path: Path) -> None:
    heavy = ("numpy", "amaranth", "onnx", "rich", "click", "PIL", "scipy", "cocotb")
    script = f"import hwgen; hwgen.NetworkOptions; print([name for name in {heavy} if name in sys.modules])"
    assert python(script, tmp_path) == "[]\n"


def test_no_bare_names_after_planning(small: Path) -> None:
    """Else every class would exist twice."""
    script = f"""
import hwgen
hwgen.plan(hwgen.load({str(small)!r}), board="ulx3s-12f")
print(sorted({{"hw", "sim", "compiler", "boards"}} & sys.modules.keys()))
"""
    assert python(script, small.parent) == "[]\n"


def test_from_a_file_to_a_plan_with_progress(small: Path) -> None:
    told: list[hwgen.Progress] = []
    network = hwgen.load(small, progress=told.append)
    assert not network.is_quantised
    quantised = network.quantise(hwgen.QuantiseOptions(calibration="mse"), progress=told.append)
    assert (quantised.name, quantised.weights, quantised.input_shape) == ("small", "random, seed 0", (8, 8, 3))
    assert quantised.source.to_json() == {"calibration": "mse", "equalise": "auto", "correct_bias": "auto"}
    plan = hwgen.plan(quantised, board=hwgen.find_board("ulx3s-12f"), clock_mhz=75, progress=told.append)
    ends = [(news.step, news.state) for news in told if news.state != hwgen.State.NEWS]
    assert ends == [
        (step, state) for step in ("network", "quantiser", "plan") for state in (hwgen.State.BEGUN, hwgen.State.DONE)
    ]
    assert {news.step for news in told if news.state == hwgen.State.NEWS} == {"plan"}
    assert (plan.name, plan.clock_mhz, plan.folder) == ("small", 75.0, Path("build/small"))
    assert plan.to_json()["cycles"] == plan.cycles and "Passes" in plan.table()
    assert [str(news) for news in told][0] == "network ..."


def test_prediction_is_the_golden_models(small: Path) -> None:
    from hwgen.sim import golden

    network = hwgen.quantise(hwgen.load(small))
    image = np.random.default_rng(0).integers(-128, 128, network.input_shape, dtype=np.int8)
    np.testing.assert_array_equal(hwgen.predict(network, image).output, golden.predict(network.graph, image))
    np.save(small.parent / "image.npy", image)
    assert hwgen.predict(network, small.parent / "image.npy") == hwgen.predict(network, image)


def test_failed_step_is_told(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object) -> None:
        raise hwgen.ResourceError("too large")

    monkeypatch.setattr("hwgen.flow.plan._planned", fails)
    told: list[hwgen.Progress] = []
    with pytest.raises(hwgen.ResourceError):
        hwgen.plan(hwgen.load(small).quantise(), progress=told.append)
    assert [news.state for news in told] == [hwgen.State.BEGUN, hwgen.State.FAILED]


def test_errors(small: Path) -> None:
    for kind in (hwgen.ModelError, hwgen.UnsupportedOpError, hwgen.ResourceError, hwgen.ToolError):
        assert issubclass(kind, hwgen.HwgenError)
    with pytest.raises(hwgen.ModelError, match="unknown network 'shuflenet_v2'"):
        hwgen.load("shuflenet_v2")
    with pytest.raises(hwgen.ModelError, match="leave out width"):
        hwgen.load(small, hwgen.NetworkOptions(width=0.5))
    with pytest.raises(hwgen.ToolError, match="unknown board 'ulx3'"):
        hwgen.plan(hwgen.load(small), board="ulx3")
    with pytest.raises(hwgen.ModelError, match="no such image file"):
        hwgen.load(small).quantise(calibrate="absent")
    with pytest.raises(hwgen.ModelError, match="input must be int8"):
        hwgen.predict(hwgen.load(small), np.zeros((2, 2), np.float64))


TYPED = """
from pathlib import Path
import numpy as np
import hwgen

network: hwgen.Int8Network = hwgen.load("a.graph", hwgen.NetworkOptions(seed=1)).quantise()
plan: hwgen.Plan = hwgen.plan(network, board="ulx3s", clock_mhz=90.0, progress=print)
fps: float = plan.fps
outcome: hwgen.Simulation = hwgen.simulate(plan, [np.zeros((8, 8, 3), np.int8)], Path("build"))
made: hwgen.BuildResult = hwgen.build(plan)
names: list[str] = [board.title for board in hwgen.BOARDS.values()]
"""

WRONG = """
import hwgen
hwgen.plan("shufflenet_v2")
hwgen.NetworkOptions(equalise="perhaps")
hwgen.simulated
"""


@pytest.mark.parametrize(("script", "errors"), [(TYPED, 0), (WRONG, 3)])
def test_types_are_seen_from_outside(tmp_path: Path, script: str, errors: int) -> None:
    (tmp_path / "snippet.py").write_text(script)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(ROOT / ".mypy_cache"), "snippet.py"]
    environment = {"MYPYPATH": str(ROOT), "PATH": ""}
    result = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, env=environment)
    found = [line for line in result.stdout.splitlines() if line.startswith("snippet.py:") and " error: " in line]
    assert len(found) == errors, result.stdout
