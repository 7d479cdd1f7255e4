"""Outputs of an interpreter's reference kernels for the first random networks, recorded for runs where none is installed.

`recorded.json`, by seed: digests of the network's file, and of its output over all frames.  `python -m tests.random_networks --record`
writes it anew, with an interpreter that rounds as is meant.
"""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hwgen.compiler.frontend import tflite
from hwgen.errors import HwgenError
from hwgen.flow.verify import Reference
from tests.random_networks.check import C_LIBRARY, DIFFERENT, EQUAL, FRAMES, Outcome, digest
from tests.random_networks.network import random_frames, random_network

FILE = Path(__file__).with_name("recorded.json")
NETWORKS = 160
"""The first seeds; a hundred networks of them are compared in every run of the tests."""


def record(label: str) -> None:
    """Write the file, from the interpreter that is installed.

    Raises:
        ValueError: it is one whose FULLY_CONNECTED rounds otherwise.
    """
    entries: dict[str, list[str]] = {}
    for seed in range(NETWORKS):
        data = random_network(seed)
        try:
            graph = tflite.parse(data, f"{seed}.tflite")
            reference = Reference.open(data)
        except HwgenError:  # refused by the importer, or by the interpreter
            continue
        if reference.rounds_once:
            raise ValueError(f"{label} rounds FULLY_CONNECTED once; record with ai-edge-litert 1.2.0")
        if not any(C_LIBRARY in note for note in graph.notes):
            outputs = [reference.run(graph, frame)["output"] for frame in random_frames(data, seed, FRAMES)]
            entries[str(seed)] = [_of_file(data), digest(outputs)]
    lines = ",\n".join(f'"{seed}": {json.dumps(pair)}' for seed, pair in entries.items())
    FILE.write_text(f'{{"interpreter": "{label}", "networks": {{\n{lines}\n}}}}\n')


def compared(seed: int, outcome: Outcome) -> Outcome:
    """The outcome, or another one if the output is not what was recorded."""
    entry = known().get(str(seed))
    if outcome.result != EQUAL or entry is None:
        return outcome
    if entry[0] != _of_file(random_network(seed)):
        text = (
            "the generator makes another file than when outputs were recorded: python -m tests.random_networks --record"
        )
    elif entry[1] != outcome.output:
        text = f"the output is not the recorded one of {interpreter()}"
    else:
        return outcome
    return replace(outcome, result=DIFFERENT, text=text)


def known() -> dict[str, list[str]]:
    """What is recorded, by seed."""
    networks: dict[str, list[str]] = _content()["networks"]
    return networks


def interpreter() -> str:
    """What recorded it."""
    return str(_content()["interpreter"])


@functools.cache
def _content() -> dict[str, Any]:
    return dict(json.loads(FILE.read_text()))


def _of_file(data: bytes) -> str:
    return digest([np.frombuffer(data, np.uint8)])[:8]
