"""The report's schema: a sound report passes, every kind of damage is named."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from hwgen.reports.build import closing, problems, summary
from tests.support.sample_report import CYCLE_BREAKDOWN, GOOD


def test_good_report() -> None:
    assert problems(json.loads(json.dumps(GOOD))) == []
    assert problems(GOOD | {"fmax_mhz": None, "timing_met": None, "resources": None}) == []
    assert (
        problems(GOOD | {"simulated": {"cycles": 10, "frames": 1, "mismatches": 0, "cycle_breakdown": CYCLE_BREAKDOWN}})
        == []
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"macs": None}, "report.macs must be int, not None"),
        (
            {"simulated": {"cycles": 11, "frames": 1, "mismatches": 0, "cycle_breakdown": CYCLE_BREAKDOWN}},
            "report.simulated.cycle_breakdown must add up to the 11 cycles",
        ),
        ({"macs": 1.5}, "report.macs must be int, not 1.5"),
        ({"macs": True}, "report.macs must be int, not True"),
        ({"timing_met": 1}, "report.timing_met must be bool, not 1"),
        ({"extra": 1}, "report.extra is not in the schema"),
        ({"array": {"rows": 3, "k_steps": 1}}, "report.array.cols is missing"),
        (
            {"bottleneck": [{"pass": "a", "cycles": 1, "wait": 0, "bound": 2}]},
            "report.bottleneck[0].bound must be str, not 2",
        ),
        ({"bottleneck": [{"pass": "a", "cycles": 1, "bound": "fill"}]}, "report.bottleneck[0].wait is missing"),
        (
            {"bottleneck": [{"pass": "a", "cycles": 150_000, "wait": 50_001, "bound": "fill"}]},
            "report.bottleneck must not have more than the 200000 cycles that are predicted",
        ),
        ({"bottleneck": {}}, "report.bottleneck must be an array, not {}"),
        ({"tools": {"yosys": None}}, "report.tools.yosys must be str, not None"),
        ({"schema": 1}, "report.schema must be 7, not 1"),
        (
            {"predicted": {"cycles": 200_000, "frames": 1, "fps": 600.0}},
            "report.predicted.fps must be clock * frames / cycles = 500.00, not 600.0",
        ),
        ({"mac_utilisation": 0.9}, "report.mac_utilisation must be 0.5000, not 0.9"),
        ({"timing_met": False}, "report.timing_met must say whether fmax_mhz reaches clock_mhz"),
        (
            {"bottleneck": [{"pass": "a", "cycles": 1, "wait": 0, "bound": "luck"}]},
            "report.bottleneck: unknown bound 'luck'",
        ),
        ({"weights": "trained"}, "report.weights must say where the weights are from, not 'trained'"),
        ({"weight_memory": "flash"}, "report.weight_memory must be SDRAM or block RAM, not 'flash'"),
        (
            {"resources": GOOD["resources"] | {"dsp": {"used": 157, "available": 156}}},
            "report.resources.dsp: 157 used of 156",
        ),
    ],
)
def test_damage_is_named(change: dict[str, Any], message: str) -> None:
    assert problems(copy.deepcopy(GOOD) | change) == [message]


def test_not_an_object() -> None:
    assert problems([]) == ["report must be an object, not []"]


def test_summary() -> None:
    text = " ".join(summary(GOOD).replace("│", " ").split())  # cells may take several lines
    for expected in (
        "tiny_0.5_64 on ulx3s",
        "13 x 12 = 156",
        "500.0 frames",
        "timing met",
        "compute 60 %, waiting for weights and image 30 %, window 5 %, passes shorter than their wait 3 %, between passes 2 %",
        "random, seed 0",
    ):
        assert expected in text
    assert "block RAM, in the bitstream" in summary(GOOD | {"weight_memory": "block RAM"})
    assert "NOT MET" in summary(GOOD | {"timing_met": False})


def test_closing() -> None:
    folder, bitstream = Path("build/tiny"), Path("build/tiny/tiny.bit")
    lines = closing(GOOD, folder, bitstream, "").splitlines()
    assert lines[2] == "slack: 0.43 ns (104.5 MHz reached, 4.5 more than the clock of 100)"
    assert lines[3] == "next: give the bitstream to the board's loader"
    assert len(closing(GOOD | {"fmax_mhz": None, "timing_met": None}, folder, bitstream, "load").splitlines()) == 3
