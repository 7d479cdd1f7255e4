"""What is left of a build, from what earlier builds took."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from hwgen.flow import build as builder
from hwgen.flow.outlook import KEPT, Outlook, duration
from hwgen.flow.progress import Progress, State
from hwgen.flow.steps import BuildFolder

STEPS = ("synthesis", "route", "bitstream")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "took.json"


def test_what_is_left_of_this_step_and_those_behind_it(file: Path) -> None:
    first = Outlook(file, "large", STEPS)
    assert first.left("synthesis", 1000, 0) == "", "nothing is known yet"
    for step, seconds in (("synthesis", 120), ("route", 600), ("bitstream", 30)):
        first.took(step, 1000, seconds)
    later = Outlook(file, "large", STEPS)
    assert later.left("synthesis", 1000, 60) == "about 12 min left"
    assert later.left("route", 1000, 590) == "about 40 s left"
    assert later.left("route", 1000, 601) == "longer than the 10 min of earlier builds"
    assert later.left("route", 2001, 0) == "about 21 min left", "twice the design"
    assert Outlook(file, "small", STEPS).left("route", 1000, 0) == "", "another part or router"


def test_the_nearest_in_size_and_of_these_the_latest(file: Path) -> None:
    outlook = Outlook(file, "k", STEPS)
    for size, seconds in ((1000, 600), (100_000, 9000), (1000, 1200)):
        outlook.took("bitstream", size, seconds)
    assert outlook.left("bitstream", 1000, 0) == "about 20 min left"


@pytest.mark.parametrize("content", [None, "{", "[{}]", '{"a": 1}', "[1]"])
def test_a_record_that_cannot_be_used_costs_the_outlook_alone(file: Path, content: str | None) -> None:
    if content is None:
        file.parent.write_text("no folder")
    else:
        file.parent.mkdir()
        file.write_text(content)
    outlook = Outlook(file, "k", STEPS)
    assert outlook.left("route", 1000, 0) == ""
    outlook.took("route", 1000, 60)
    assert outlook.left("route", 1000, 0) == "about 1 min left"


def test_the_record_stays_short(file: Path) -> None:
    outlook = Outlook(file, "k", STEPS)
    for number in range(KEPT + 20):
        outlook.took("route", number, 60)
    assert outlook.left("route", 19, 0) == "about 57 s left", "that of size 19 is gone, 20 is the nearest"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "1 s"), (59, "59 s"), (80, "1 min"), (3500, "58 min"), (5000, "1 h 23 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_build_tells_it_with_each_piece_of_news(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "cache_folder", lambda name: tmp_path / "cache" / name)
    clock = itertools.count(0, 100)  # seconds from one look at it to the next
    monkeypatch.setattr(builder, "monotonic", lambda: next(clock))
    said: list[str] = []

    def listener(progress: Progress) -> None:
        if progress.state is State.NEWS:
            said.append(progress.text)

    def work(at: Path, tell: Callable[[str], None]) -> None:
        tell("routing, round 1, 14 wires overused")
        (at / "out").write_text("")

    for key in ("first", "second"):
        with BuildFolder(tmp_path / "build") as place:
            (place.path / builder.VERILOG).write_text("module top; endmodule")
            builder._Steps(place, listener, "kind").run("bitstream", [], key, ["out"], work)
    assert said == [
        "routing, round 1, 14 wires overused",
        "about 3 min left",
        "routing, round 1, 14 wires overused; about 2 min left",
    ]
