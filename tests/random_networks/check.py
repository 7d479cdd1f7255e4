"""One random network: the golden model's tensors against those of independent kernels, then through legalisation and program."""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import tflite as schema

from hwgen.compiler.frontend import tflite
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.legalise import legalise
from hwgen.compiler.plan.planner import plan
from hwgen.compiler.program.check import check_program
from hwgen.errors import HwgenError, ResourceError, ToolError, UnsupportedOpError
from hwgen.flow.plan import timing_model
from hwgen.flow.target import Target
from hwgen.flow.verify import Reference, golden_tensors, loose_nodes
from tests.random_networks.network import random_frames, random_network
from tests.support import tflite_reference
from tests.support.small_machine import Small, same_values

EQUAL, REFUSED, DIFFERENT = "equal", "refused", "different"
PLANNED, NOT_PLANNED = "planned", "not planned"
BOARD = "ulx3s"
FRAMES = 2
C_LIBRARY = "interpreters give either, by their C library"
"""In the note on a table whose entry is uncertain."""

SOFTMAX_STEPS = 1
"""By how much the fixed-point kernel may differ from the definition in real numbers, which our own reference computes."""


@dataclass(frozen=True)
class Outcome:
    """Of one network.

    Attributes:
        result: EQUAL, REFUSED by the importer, or DIFFERENT.
        text: what differs, or why it is refused.
        interpreted: whether an interpreter took part.
        program: PLANNED, NOT_PLANNED or empty where that was not tried.
        output: digest of the golden model's output, over all frames.
    """

    result: str
    text: str = ""
    interpreted: bool = False
    program: str = ""
    output: str = ""


def check(seed: int, *, interpreter: bool, program: bool) -> Outcome:
    """The network of a seed; an exception of any kind other than a refusal counts as DIFFERENT."""
    try:
        return _check(random_network(seed), seed, interpreter, program)
    except Exception:  # whatever the compiler lets through is what this is to find
        return Outcome(DIFFERENT, traceback.format_exc())


def digest(arrays: list[np.ndarray]) -> str:
    """16 hexadecimal digits of the content."""
    content = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    return hashlib.sha256(content).hexdigest()[:16]


def _check(data: bytes, seed: int, interpreter: bool, program: bool) -> Outcome:
    try:
        graph = tflite.parse(data, f"{seed}.tflite")
    except HwgenError as error:
        return Outcome(REFUSED, str(error))
    theirs: Reference | None = None
    text = ""
    if interpreter:
        try:
            theirs = Reference.open(data)
        except ToolError as error:
            text = str(error)
    outputs = []
    for number, frame in enumerate(random_frames(data, seed, FRAMES)):
        ours = golden_tensors(graph, frame)
        outputs.append(ours["output"])
        wrong = _differences(ours, _own(data, graph, frame), _softmax(data, graph))
        if wrong:
            return Outcome(DIFFERENT, f"frame {number}, against tests.support.tflite_reference: {wrong}")
        if theirs is None:
            continue
        values = theirs.run(graph, frame)
        if theirs.rounds_once and (loose := loose_nodes(graph)):
            ours = golden_tensors(graph, frame, {name: values[name] for name in loose})
            wrong = _differences(ours, values, dict.fromkeys(loose, 1))
        else:
            wrong = _differences(ours, values, {})
        if wrong and not any(C_LIBRARY in note for note in graph.notes):
            return Outcome(DIFFERENT, f"frame {number}, against {theirs.label}: {wrong}", True)
    planned = _planned(graph, data, seed) if program else ""
    return Outcome(EQUAL, text, theirs is not None, planned, digest(outputs))


def _own(data: bytes, graph: QGraph, frame: np.ndarray) -> dict[str, np.ndarray]:
    """The tensors by our own reference, by the graph's names as `golden_tensors` has them."""
    values = tflite_reference.tensors(data, frame)
    output = list(values.values())[-1]
    named = {name: values[index] for name, index in graph.origins.items() if index in values}
    return {
        name: (value.astype(np.int16) - 128).astype(np.int8) if value.dtype == np.uint8 else value
        for name, value in named.items()
    } | {"output": output}


def _softmax(data: bytes, graph: QGraph) -> dict[str, int]:
    """Steps that a tensor may differ by: those of a softmax, which the host computes last."""
    last = schema.Model.GetRootAs(data, 0).Subgraphs(0).Outputs(0)
    if not any(node.op == "softmax" for node in graph.host.nodes):
        return {}
    return {name: SOFTMAX_STEPS for name, index in graph.origins.items() if index == last} | {"output": SOFTMAX_STEPS}


def _differences(ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray], steps: Mapping[str, int]) -> str:
    """The first tensor that differs; empty if none does."""
    for name, value in ours.items():
        other = theirs[name]
        if value.size != other.size or (name == "output" and (value.dtype, value.shape) != (other.dtype, other.shape)):
            return f"{name} is {value.dtype} {value.shape}, not {other.dtype} {other.shape}"
        apart = np.abs(value.astype(np.float64).ravel() - other.astype(np.float64).ravel()) > steps.get(name, 0)
        if apart.any():
            place = int(np.flatnonzero(apart)[0])
            return (
                f"{name}: {np.count_nonzero(apart)} of {value.size} elements, the first {value.ravel()[place]} instead of "
                f"{other.ravel()[place]}"
            )
    return ""


def _planned(graph: QGraph, data: bytes, seed: int) -> str:
    """Through legalisation, which must not change a value, and plan and program, whose checker must find everything in its place.

    In turns for a core that is too small, on a board with all weights in block RAM if they fit, and with weights from its SDRAM.
    """
    kind = seed % 3
    try:
        if kind == 0:
            legal = Small.of(data).legal
        else:
            legal = legalise(graph)
            board, clock = Target(BOARD, None, None, False).resolve()
            made = plan(legal, board, timing_model(board, clock), external=kind == 2)
            check_program(made.lowered, made.fit.steps, made.program)
    except (UnsupportedOpError, ResourceError):
        return NOT_PLANNED
    for frame in random_frames(data, seed, 1):
        same_values(graph, legal, frame)
    return PLANNED
