"""Control codes in the names of a model's file, and in files beside it, reach no terminal; what looks like markup is shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rich.table import Table

from hwgen.compiler.frontend import tflite
from hwgen.compiler.int8.graph import QGraph
from hwgen.errors import ModelError, printable
from hwgen.flow.progress import Progress, State
from hwgen.reports.tables import rendered
from tests.support.command_line import run
from tests.support.tflite_net import Net
from tests.support.tflite_networks import NETWORKS

RED = "\x1b[31m"


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> QGraph:
    """A model, m.tflite, whose tensors' names change the terminal's colour; its input is x.npy."""
    monkeypatch.chdir(tmp_path)
    data = named("head")
    Path("m.tflite").write_bytes(data)
    graph = tflite.parse(data, "m")
    np.save("x.npy", np.zeros(graph.host.input_shape, np.int8))
    return graph


def named(network: str, *operators: str) -> bytes:
    """A network's file with `operators` before it, all tensors of which have names that change the terminal's colour."""
    net = Net(0)
    x = first = net.tensor((1, 6, 7, 5))
    for operator in operators:
        x = net.one(operator, x, (1, 6, 7, 5))
    output = NETWORKS[network](net, x)
    for tensor in net.m.tensors:
        tensor["name"] = f"{RED}[/]{tensor['name']}"
    return net.m.finish([first], [output])


def test_a_plan_and_a_refusal(model: QGraph, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "plan", "m.tflite")
    assert code == 0 and "\\x1b[31m[/]t" in out
    assert "\x1b" not in out + err
    Path("m.tflite").write_bytes(named("head", "ABS"))
    code, out, err = run(capsys, "plan", "m.tflite")
    assert code == 2 and "\\x1b[31m[/]t" in err
    assert "\x1b" not in out + err


def test_labels(model: QGraph, capsys: pytest.CaptureFixture[str]) -> None:
    Path("labels.txt").write_text("".join(f"{RED}name{i}\n" for i in range(model.result.channels)))
    code, out, err = run(capsys, "predict", "m.tflite", "--input", "x.npy", "--labels", "labels.txt")
    assert code == 0 and "\\x1b[31mname" in out and "\x1b" not in out + err


def test_errors_and_news() -> None:
    error = ModelError(f"m: {RED}a", [f"{RED}b", "c\nd"])
    assert str(error) == "m: \\x1b[31ma: \\x1b[31mb; c\nd"
    assert (error.headline, error.details) == ("m: \\x1b[31ma", ("\\x1b[31mb", "c\nd"))
    for state in (State.NOTE, State.NEWS):
        assert "\x1b" not in str(Progress("plan", state, f"note: {RED}a"))


def test_what_is_printable() -> None:
    for text in ("plain", "two\nlines\tand a tab", "café 日本語 µ", "ideographic\u3000space"):
        assert printable(text) == text
    assert printable("\x07\x9b\u202e\u2028\udcff") == "\\x07\\x9b\\u202e\\u2028\\udcff"


def test_names_are_no_markup() -> None:
    table = Table(title="a [/] title", show_edge=False)
    table.add_column("[red]column")
    table.add_row(f"[/]name :smile:{RED}")
    text = rendered(table, 80)
    assert all(part in text for part in ("a [/] title", "[red]column", "[/]name :smile:\\x1b[31m"))


def test_brackets_are_shown() -> None:
    table = Table()
    table.add_column("[red]column")
    table.add_row("[bold]name")
    text = rendered(table, 80)
    assert "[red]column" in text and "[bold]name" in text
