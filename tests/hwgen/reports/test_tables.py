"""Tables fit a terminal of any width: columns are left out, the least wanted first, and named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.table import Table

from hwgen.flow.network import load
from hwgen.flow.plan import Plan, plan
from hwgen.reports.build import summary
from hwgen.reports.models import ESTIMATE, Model, Speed
from hwgen.reports.models import table as models_table
from hwgen.reports.quality import Quality, QualityReport, TensorQuality
from hwgen.reports.search import AtClock, Candidate, SearchResult
from hwgen.reports.search import table as search_table
from hwgen.reports.tables import fitted, rendered, wrapped
from tests.support.command_line import run
from tests.support.sample_report import GOOD

WIDTHS = pytest.mark.parametrize("width", [60, 80, 132])

GRAPH = """graph small
  %image : 8x8x3 = input shape=8,8,3
  %a_convolution_with_a_long_name_of_its_own : 8x8x8 = conv2d(%image) channels=8 kernel=3,3 pad=1,1,1,1 weight=a.weight
  %b : 8x8x8 = conv2d(%a_convolution_with_a_long_name_of_its_own) channels=8 kernel=1,1 weight=b.weight
  return %b
"""


def widest(text: str) -> int:
    return max(len(line.rstrip()) for line in text.splitlines())


def sample() -> Table:
    table = Table(title="sample", pad_edge=False)
    for heading in ("name", "first", "second", "third"):
        table.add_column(heading, no_wrap=True)
    table.add_row("a name", "1" * 20, "2" * 20, "3" * 20)
    return table


def test_the_least_wanted_go_first() -> None:
    wanted = ["second", "first", "absent", "third"]
    assert rendered(fitted(sample(), 200, wanted), 200) == rendered(sample(), 200)
    assert rendered(fitted(sample(), None, wanted), 200) == rendered(sample(), 200)
    text = rendered(fitted(sample(), 60, wanted), 60)
    assert "2" not in text and "1" * 20 in text and "3" * 20 in text
    assert "left out, as the terminal is narrow: second" in text
    text = rendered(fitted(sample(), 12, wanted), 12)
    assert "a name" in text and "third" in " ".join(text.split()) and not any(digit in text for digit in "123")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    file = tmp_path_factory.mktemp("small") / "small.graph"
    file.write_text(GRAPH)
    return plan(load(file), board="ulx3s-12f")


@WIDTHS
def test_plans(small: Plan, width: int) -> None:
    text = small.table(width)
    assert widest(text) <= width
    line = next(line for line in text.splitlines() if line.split()[:1] == ["b"])
    assert f"{small.machine.passes[-1].cycles:,}" in line.split() and small.machine.passes[-1].bound in line
    assert "…" not in text or width < 80


@WIDTHS
def test_other_tables(width: int) -> None:
    candidate = Candidate(
        dict.fromkeys(("rows", "cols", "k_steps", "window_lanes", "combine_lanes", "weights_kib", "activations_kib"), 16),
        300, 12_345_678, 123.4, 0.5, 41_234, 43_210, 156, 208, True,
    )  # fmt: skip
    model = Model(
        "shufflenet_v1_1.5_224_g3", "shufflenet_v1", {}, (224, 224, 3), 292_000_000, 3_400_000, 600_000, "",
        Speed(ESTIMATE, 12_345_678, 10_000_000, 123.4, (13, 12), 0.5),
    )  # fmt: skip
    tensor = TensorQuality("features.denseblock4.conv2", "depthwise_conv2d", 23.4, 34.5, 0.01, 12.3, 4.5, 1.0)
    report = QualityReport("x", "", "", "", (), (), Quality((tensor,), 1.0, None, None, 1))
    search = search_table(SearchResult([candidate], [AtClock(90, 12_345_678, 123.4)]), width)
    table = models_table([model], width).partition("\nUtilisation")[0]
    layers = report.text(layers=True, width=width).partition("\nweakest")[0].partition("\n\n")[2]
    for text, wanted in ((search, "12,345,678"), (table, "~123.4"), (layers, "23.4"), (summary(GOOD, width), "fps")):
        assert widest(text) <= width
        assert wanted in text or wanted == "fps"


def test_the_terminal_is_asked(
    small: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.graph").write_text(GRAPH)
    arguments = ["plan", str(tmp_path / "small.graph"), "--board", "ULX3S-12F"]
    monkeypatch.setenv("COLUMNS", "70")
    assert widest(run(capsys, *arguments)[1]) > 70, "a file or a pipe has no width"
    monkeypatch.setattr("hwgen.cli.asked.is_terminal", lambda: True)
    assert widest(run(capsys, *arguments)[1]) <= 70


def test_the_cycles_of_a_plan_add_up(small: Plan) -> None:
    """All of the frame's: in passes, before them and between them."""
    found = {}
    for line in small.table().splitlines():
        name, _, value = line.strip().rpartition("  ")
        if name.strip() and value.replace(",", "").isdigit():
            found[name.strip()] = int(value.replace(",", ""))
    parts = [found.get(name) for name in ("in passes", "waiting for descriptors", "between passes")]
    assert None not in parts and sum(part or 0 for part in parts) == small.cycles == found["cycles per frame"]


def test_lines_are_wrapped_at_words() -> None:
    text = "one two three\n  four five six\n\na/path/that/is/longer/than/a/line rest"
    assert (
        wrapped(text, 10) == "one two\n  three\n  four\n    five\n    six\n\na/path/that/is/longer/than/a/line\n  rest"
    )
    assert wrapped(text, 80) == text


def test_what_is_said_fits_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sentences besides tables; what programs read stays as it is."""
    file = tmp_path / "small.graph"
    file.write_text(GRAPH)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("hwgen.cli.asked.is_terminal", lambda: True)
    assert widest(run(capsys, "quantise", str(file), "--report")[1]) <= 60
    assert json.loads(run(capsys, "quantise", str(file), "--json")[1])["name"] == "small"
