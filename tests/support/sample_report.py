"""A sound report.json."""

from __future__ import annotations

from typing import Any

CYCLE_BREAKDOWN = {"issuing": 4, "pixels": 2, "room": 1, "chains": 1, "outside": 1, "wait": 1}

GOOD: dict[str, Any] = {
    "schema": 7,
    "name": "tiny_0.5_64",
    "network": "tiny",
    "options": {"width": 0.5, "resolution": 64, "seed": 0, "calibrate": None},
    "board": "ulx3s",
    "part": "LFE5U-85F",
    "weights": "random, seed 0",
    "weight_memory": "SDRAM",
    "plan": "ab12",
    "array": {"rows": 13, "cols": 12, "k_steps": 1},
    "clock_mhz": 100.0,
    "fmax_mhz": 104.5,
    "timing_met": True,
    "resources": {kind: {"used": 10, "available": 100} for kind in ("lut", "ff", "dsp", "ebr")},
    "macs": 20_000_000,
    "array_macs": 15_600_000,
    "weight_bytes": 1_000_000,
    "predicted": {"cycles": 200_000, "frames": 1, "fps": 500.0},
    "simulated": None,
    "mac_utilisation": 0.5,
    "bottleneck": [
        {"pass": "conv1", "cycles": 120_000, "wait": 1_000, "bound": "compute"},
        {"pass": "conv2", "cycles": 10_000, "wait": 0, "bound": "window"},
        {"pass": "fc", "cycles": 6_000, "wait": 59_000, "bound": "weights"},
    ],
    "files": {"top.v": "ab"},
    "tools": {"yosys": "0.70"},
}
