"""The onnx package's own backend suite through the float importer: python -m tests.onnx_suite [--all] [KIND ...]

Every case of the kinds node, pytorch-converted and pytorch-operator is imported and evaluated on its recorded inputs. Its
first input is the network's, further ones become constants. A case with a batch that the importer refuses is run frame by
frame. It passes if the output is the recorded one within the case's tolerance; it is unsupported if the importer says in one
line why, without calling a sound file damaged; anything else is a failure.
"""

from __future__ import annotations

import collections
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, numpy_helper

from hwgen.compiler.frontend.onnx import convert
from hwgen.compiler.frontend.onnx.importer import imported
from hwgen.compiler.frontend.onnx.reader import decode
from hwgen.compiler.int8.graph import QGraph
from hwgen.errors import HwgenError
from hwgen.flow import onnx_check
from hwgen.sim import golden

KINDS = ("node", "pytorch-converted", "pytorch-operator")
PASSED, UNSUPPORTED, FAILED = "passed", "unsupported", "failed"
ACCUSATIONS = ("damaged", "contradict", "invalid ONNX", "not an ONNX", "cannot be read", "were expected")
"""What may not be said of a sound file."""


@dataclass(frozen=True)
class Outcome:
    """Of one case: PASSED, UNSUPPORTED or FAILED, and why."""

    name: str
    kind: str
    result: str
    text: str = ""


def run(kinds: tuple[str, ...] = KINDS) -> Iterator[Outcome]:
    """All cases of some kinds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the suite computes its own expectations with infinities
        from onnx.backend.test.loader import load_model_tests

        for kind in kinds:
            for case in load_model_tests(kind=kind):
                yield _outcome(case, kind)


def _outcome(case: Any, kind: str) -> Outcome:
    try:
        model, inputs, outputs = _content(case)
        compared = _attempt(case, model, inputs, outputs)
    except HwgenError as error:
        text = str(error)
        sound = "\n" not in text and not any(accusation in text for accusation in ACCUSATIONS)
        return Outcome(case.name, kind, UNSUPPORTED if sound else FAILED, text)
    except Exception as error:  # whatever else the importer lets through is what the suite is to find
        return Outcome(case.name, kind, FAILED, f"{type(error).__name__}: {error}")
    return Outcome(case.name, kind, FAILED if compared else PASSED, compared)


def _content(case: Any) -> tuple[ModelProto, list[Any], list[Any]]:
    """Model, inputs and outputs of the first data set."""
    if case.model is not None:
        inputs, outputs = case.data_sets[0]
        return case.model, [_array(value) for value in inputs], [_array(value) for value in outputs]
    folder = Path(case.model_dir)
    model = onnx.load(folder / "model.onnx")
    data = folder / "test_data_set_0"
    return model, _tensors(data, "input"), _tensors(data, "output")


def _array(value: Any) -> Any:
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def _tensors(folder: Path, what: str) -> list[Any]:
    files = sorted(folder.glob(f"{what}_*.pb"), key=lambda path: int(path.stem.split("_")[1]))
    return [numpy_helper.to_array(onnx.load_tensor(path)) for path in files]


def _attempt(case: Any, model: ModelProto, inputs: list[Any], outputs: list[Any]) -> str:
    """What differs from the recorded outputs, each of them taken as the only one; empty if nothing does."""
    frozen = ModelProto()
    frozen.CopyFrom(model)
    known = {tensor.name for tensor in model.graph.initializer}
    entries = [value.name for value in model.graph.input if value.name not in known]
    # Some recorded sets have inputs for the initialisers too, in the order of all inputs.
    names = [value.name for value in model.graph.input] if len(inputs) != len(entries) else entries
    values = dict(zip(names, inputs, strict=False))
    for name in entries[1:]:
        value = values.get(name)
        if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "fiub":
            frozen.graph.initializer.append(numpy_helper.from_array(np.array(value), name))
    targets = list(frozen.graph.output)
    differences = []
    for target, recorded in zip(targets, outputs, strict=False):
        del frozen.graph.output[:]
        frozen.graph.output.append(target)
        differences.append(_compare(case, frozen, values.get(entries[0]) if entries else None, recorded))
    return "; ".join(filter(None, differences))


def _compare(case: Any, model: ModelProto, x: Any, recorded: Any) -> str:
    """What differs from one recorded output."""
    try:
        found = imported(decode(model.SerializeToString(), case.name), case.name)
    except HwgenError as error:
        by_frame = _by_frame(case, model, x, recorded)
        if by_frame is None:
            raise error from None
        return _difference(case, by_frame, recorded)
    network, apart = found.model, onnx_check.compared(found).differing
    if apart:
        return f"node by node: {apart[0]}"
    if isinstance(network, QGraph):
        return _difference(case, golden.predict(network, x), recorded)
    if network.input_shape == x.shape:
        return _difference(case, network.predict(x), recorded)
    return _difference(case, np.concatenate([network.predict(frame) for frame in np.split(x, x.shape[0])]), recorded)


def _by_frame(case: Any, model: ModelProto, x: Any, recorded: Any) -> np.ndarray | None:
    """The output of a case whose first dimension is a batch, computed frame by frame; None if it is none or refused."""
    known = {tensor.name for tensor in model.graph.initializer}
    single = ModelProto()
    single.CopyFrom(model)
    entry = next((value for value in single.graph.input if value.name not in known), None)
    if entry is None or not all(isinstance(tensor, np.ndarray) and tensor.ndim for tensor in (x, recorded)):
        return None
    if x.shape[0] < 2 or x.shape[0] != recorded.shape[0]:
        return None
    dims = entry.type.tensor_type.shape.dim
    if len(dims) != x.ndim:
        return None
    dims[0].dim_value = 1
    try:
        network = convert(decode(single.SerializeToString(), case.name), case.name)
    except HwgenError:
        return None
    if isinstance(network, QGraph) or network.output_shape != (1, *recorded.shape[1:]):
        return None
    return np.concatenate([network.predict(frame) for frame in np.split(x, x.shape[0])])


def _difference(case: Any, found: np.ndarray, recorded: np.ndarray) -> str:
    if found.shape != recorded.shape:
        return f"shape {found.shape}, recorded {recorded.shape}"
    if recorded.dtype.kind in "iu":  # one step, docs/arithmetic.md (22)
        wrong = np.abs(found.astype(np.int64) - recorded) > 1
        return f"{np.count_nonzero(wrong)} of {wrong.size} integers differ by more than a step" if wrong.any() else ""
    half = recorded.dtype == np.float16
    rtol, atol = (1e-2, 1e-2) if half else (max(case.rtol, 1e-4), max(case.atol, 1e-6))
    wrong = ~np.isclose(found, recorded.astype(np.float64), rtol, atol, equal_nan=True)
    return f"{np.count_nonzero(wrong)} of {wrong.size} elements differ" if wrong.any() else ""


def summary(outcomes: list[Outcome]) -> str:
    """Counts by kind."""
    lines = []
    for kind in dict.fromkeys(outcome.kind for outcome in outcomes):
        counts = collections.Counter(outcome.result for outcome in outcomes if outcome.kind == kind)
        lines.append(
            f"{kind}: {counts[PASSED]} passed, {counts[UNSUPPORTED]} unsupported with a clear message, {counts[FAILED]} failed"
        )
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Print the failures, all cases with --all, then the counts; 1 if a case failed."""
    kinds = tuple(argument for argument in arguments if argument in KINDS) or KINDS
    outcomes = list(run(kinds))
    for outcome in outcomes:
        if "--all" in arguments or outcome.result == FAILED:
            print(f"{outcome.kind} {outcome.name}: {outcome.result} {outcome.text}".rstrip())
    print(summary(outcomes))
    return int(any(outcome.result == FAILED for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
