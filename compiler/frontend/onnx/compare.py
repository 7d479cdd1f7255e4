"""A model as it was read against onnx's reference evaluator, node by node on the same inputs.

Every node is evaluated on what hwgen computed for its inputs, so a difference is the node's own.  Where hwgen has no value of
its own, inside of what one int8 operation became, the evaluator's goes on, so there the difference is that operation's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from onnx import NodeProto, OperatorSetIdProto, helper

from hwgen.compiler.frontend.onnx.costs import pool_part, seconds, too_large
from hwgen.compiler.frontend.onnx.evaluator import evaluated
from hwgen.compiler.frontend.onnx.importer import Imported
from hwgen.compiler.frontend.onnx.model import Folded, Node
from hwgen.compiler.frontend.onnx.reader import first_line

BUDGET = 10.0
"""CPU seconds for one model."""

TOO_LONG = "it takes too long"

TOLERANCE = {"f2": 2e-2, "f4": 1e-3, "f8": 1e-3}
"""By type: of the greatest value that a node writes."""

OWN_ROUNDING = 16
"""Steps of the type, at the greatest value that a node reads, that the result may be off besides."""

_NEWER = {"BatchNormalization": 15, "DequantizeLinear": 21, "QuantizeLinear": 21}
"""By operator: the operator set whose form, of the same meaning, the evaluator computes rightly."""

Own = Callable[[str], np.ndarray | None]
"""What hwgen computes for a tensor of the file, in its shape there; None where it has none."""


@dataclass(frozen=True)
class Comparison:
    """Of one model.

    Attributes:
        compared: number of nodes.
        differing: a line for each node that differs.
        skipped: for each node that was not compared, its name and operator, and why.
    """

    compared: int
    differing: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


def compare(imported: Imported, own: Own, budget: float = BUDGET) -> Comparison:
    """Every node; those that would go beyond the budget are skipped, and so is what the evaluator cannot do."""
    walk = _Walk(imported, own, budget)
    walk.run()
    return Comparison(walk.compared, tuple(walk.differing), tuple(walk.skipped))


def model_output(imported: Imported, x: np.ndarray, budget: float = 3 * BUDGET) -> np.ndarray | None:
    """What the evaluator makes of the model's own input of one frame, by itself; None where it cannot, or takes too long."""
    entry = imported.folded.input
    walk = _Walk(imported, lambda tensor: x if tensor == entry else None, budget, whole=True)
    walk.run()
    return walk.known.get(imported.folded.output)


class _Walk:
    def __init__(self, imported: Imported, own: Own, budget: float, *, whole: bool = False) -> None:
        self.folded, self.own, self.budget, self.whole = imported.folded, own, budget, whole
        self.started = time.process_time()
        self.known: dict[str, np.ndarray] = {}
        self.last = {tensor: at for at, node in enumerate(self.folded.nodes) for tensor in node.inputs}
        self.last[self.folded.output] = len(self.folded.nodes)
        self.compared = 0
        self.differing: list[str] = []
        self.skipped: list[tuple[str, str]] = []
        self._note(self.folded.input, None)

    def run(self) -> None:
        """All nodes, until the time is over: hwgen's own values take some of it too."""
        for position, node in enumerate(self.folded.nodes):
            if self._left <= 0:
                self.skipped += [(f"{late.name} ({late.op})", TOO_LONG) for late in self.folded.nodes[position:]]
                return
            self.take(node, position)

    @property
    def _left(self) -> float:
        """CPU seconds."""
        return self.budget - (time.process_time() - self.started)

    def take(self, node: Node, position: int) -> None:
        """One node; notes what it writes."""
        results: list[np.ndarray | None] = [None] * len(node.outputs)
        inputs = self._inputs(node)
        reason = "it reads what was not compared" if inputs is None else self._unfit(node)
        if inputs is not None and reason is None:
            assert node.proto is not None
            inputs, part = (inputs, None) if self.whole else pool_part(node, inputs)
            try:
                proto, opsets = _standard(node, node.proto, self.folded)
                found = evaluated(proto, inputs, opsets, self.folded.ir_version)
                results = [np.asarray(result) for result in found]
            except Exception as error:  # the evaluator raises whatever NumPy does
                reason = f"onnx's evaluator cannot do it ({first_line(error)})"
            else:
                self._compare(node, inputs, results, part)
        if reason is not None:
            self.skipped.append((f"{node.name} ({node.op})", reason))
        for tensor, result in zip(node.outputs, [*results, *[None] * len(node.outputs)], strict=False):
            self._note(tensor, result)
        for tensor in {*node.inputs, *node.outputs}:
            if self.last.get(tensor, -1) <= position:
                self.known.pop(tensor, None)

    def _inputs(self, node: Node) -> dict[str, np.ndarray] | None:
        """By name; None if one of them is not known."""
        constants, found = self.folded.constants, {}
        for tensor in filter(None, node.inputs):
            array = constants.get(tensor, self.known.get(tensor))
            if array is None:
                return None
            found[tensor] = array
        return found

    def _unfit(self, node: Node) -> str | None:
        """Why a node is not given to the evaluator."""
        if node.proto is None or "." in node.op:
            return "onnx does not define it"
        if _older(node, self.folded.opset, self.folded.shapes):
            return f"onnx's evaluator does not know its form in operator set {self.folded.opset}"
        shapes = self.folded.shapes | {name: array.shape for name, array in self._constants(node).items()}
        if too_large(node, shapes):
            return "it needs too much memory there"
        return None if seconds(node, shapes, whole=self.whole) < self._left else TOO_LONG

    def _constants(self, node: Node) -> dict[str, np.ndarray]:
        return {name: self.folded.constants[name] for name in node.inputs if name in self.folded.constants}

    def _note(self, tensor: str, result: np.ndarray | None) -> None:
        """What a tensor holds from here on: hwgen's value if it has one."""
        if not tensor or tensor not in self.last:
            return
        own = self.own(tensor)
        if own is not None and tensor in self.folded.types:
            result = own.astype(helper.tensor_dtype_to_np_dtype(self.folded.types[tensor]))
        if result is not None:
            self.known[tensor] = result

    def _compare(
        self, node: Node, inputs: dict[str, np.ndarray], results: list[np.ndarray | None], part: int | None
    ) -> None:
        self.compared += 1
        for tensor, result in zip(node.outputs, results, strict=False):
            own = self.own(tensor) if tensor else None
            if own is None or result is None:
                continue
            own = own if part is None else own[:, :part]
            text = difference(own, result, [array for array in inputs.values() if array.dtype.kind == "f"])
            if text:
                self.differing.append(f"{node.name} ({node.op}): {text}")
                return


def difference(own: np.ndarray, expected: np.ndarray, inputs: list[np.ndarray]) -> str:
    """How hwgen's values of a node differ from the evaluator's, which it made of `inputs`; empty if they do not."""
    if own.shape != expected.shape:
        return f"hwgen makes the shape {list(own.shape)}, onnx's reference evaluator {list(expected.shape)}"
    if expected.dtype.kind in "iub":
        steps = np.abs(own.astype(np.int64) - expected.astype(np.int64)).max(initial=0)
        return f"hwgen and onnx's reference evaluator are up to {steps} steps apart" if steps > 1 else ""
    with np.errstate(all="ignore"):
        own = own.astype(expected.dtype)
        most = np.abs(expected[np.isfinite(expected)]).max(initial=0)
        read = max((float(np.abs(array[np.isfinite(array)]).max(initial=0)) for array in inputs), default=0.0)
        bound = (
            TOLERANCE[expected.dtype.str[1:]] * float(most) + OWN_ROUNDING * float(np.finfo(expected.dtype).eps) * read
        )
        wrong = ~np.isclose(own, expected, rtol=0, atol=bound, equal_nan=True)
        if not wrong.any():
            return ""
        largest = float(np.abs(own - expected)[wrong].max())
    return f"hwgen and onnx's reference evaluator are up to {largest:.3g} apart, where the largest value is {most:.3g}"


def _older(node: Node, opset: int, shapes: dict[str, tuple[int, ...]]) -> bool:
    """Forms of old operator sets that the evaluator computes as new ones."""
    if node.op == "Softmax" and opset < 13:
        return any(size > 1 for size in shapes.get(node.inputs[0], ())[int(node.attributes.get("axis", 1)) :][1:])
    return bool(node.attributes.get("broadcast", 0) or node.attributes.get("consumed_inputs"))


def _standard(node: Node, proto: NodeProto, folded: Folded) -> tuple[NodeProto, list[OperatorSetIdProto]]:
    """A node as the evaluator takes it, and its operator sets: in a newer form where it has the older one not, or wrong.

    In an old batch norm it mixes the statistics of the frame in, as if the network were trained.
    """
    version = _NEWER.get(node.op, 0)
    if folded.opset >= version:
        return proto, folded.opsets
    kept = {name: value for name, value in node.attributes.items() if name in ("epsilon", "axis")}
    made = helper.make_node(node.op, list(node.inputs), list(node.outputs[:1]), **kept)
    return made, [helper.make_opsetid("", version)]
