"""Small ONNX models for the tests, written with onnx.helper, with weights from a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator


class Maker:
    """Collects nodes and constants; tensors are named t0, t1 ..., nodes by operator and number."""

    def __init__(self, opset: int = 17, seed: int = 0) -> None:
        self.opset = opset
        self.rng = np.random.default_rng(seed)
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._count = 0

    def name(self, stem: str = "t") -> str:
        self._count += 1
        return f"{stem}{self._count}"

    def constant(self, value: Any, dtype: Any = None) -> str:
        """An initialiser."""
        name = self.name("c")
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def integers(self, *values: int) -> str:
        return self.constant(list(values), np.int64)

    def floats(self, value: Any) -> str:
        return self.constant(value, np.float32)

    def random(self, *shape: int, scale: float = 1.0) -> str:
        return self.floats(self.rng.normal(0, scale, shape))

    def add(self, op: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes: Any) -> Any:
        """A node; returns its output's name, or the list of several."""
        names = [self.name() for _ in range(outputs)]
        self.nodes.append(
            helper.make_node(op, list(inputs), names, name=f"{op}_{len(self.nodes)}", domain=domain, **attributes)
        )
        return names if outputs > 1 else names[0]

    def conv(self, x: str, inputs: int, outputs: int, kernel: int = 1, groups: int = 1, **attributes: Any) -> str:
        """A convolution with bias, padded to keep the size at stride 1."""
        depth = inputs // groups
        weights = self.random(outputs, depth, kernel, kernel, scale=1 / np.sqrt(depth * kernel * kernel))
        attributes.setdefault("pads", [kernel // 2] * 4)
        return self.add("Conv", x, weights, self.random(outputs, scale=0.1), group=groups, **attributes)

    def model(
        self,
        y: str,
        shape: Sequence[int | str | None],
        x: str = "x",
        dtype: int = TensorProto.FLOAT,
        out: int = TensorProto.FLOAT,
        domains: Sequence[str] = (),
    ) -> ModelProto:
        """The model from input `x` of a shape to `y`; strings and None are open dimensions."""
        graph = helper.make_graph(
            self.nodes,
            "made",
            [helper.make_tensor_value_info(x, dtype, shape)],
            [helper.make_tensor_value_info(y, out, None)],
            self.constants,
        )
        graph.output[0].type.tensor_type.shape.SetInParent()  # without dimensions: unknown ones, as the checker allows
        opsets = [helper.make_opsetid("", self.opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


Build = Callable[[Maker, str], str]


def made(build: Build, shape: Sequence[int | str | None], opset: int = 17, seed: int = 0) -> ModelProto:
    """The model that `build` writes behind an input of a shape."""
    maker = Maker(opset, seed)
    return maker.model(build(maker, "x"), shape)


def reference(model: ModelProto, x: np.ndarray) -> np.ndarray:
    """The output that onnx's reference evaluator computes."""
    output, *_ = ReferenceEvaluator(model).run(None, {model.graph.input[0].name: x})
    return np.asarray(output)


def save(model: ModelProto, path: Any) -> None:
    """Write a file."""
    onnx.save(model, path)
