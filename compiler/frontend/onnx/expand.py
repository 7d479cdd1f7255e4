"""Operators that compute on integers, written as DequantizeLinear, the plain operator, QuantizeLinear.

So QLinearConv and its relatives (the standard ones and those of com.microsoft) are imported as a model that marks its
quantisation is. An operator whose parameters are computed at run time stays, and is listed as unsupported.
"""

from collections.abc import Callable

import numpy as np
from onnx import ModelProto, NodeProto, helper, numpy_helper

from hwgen.compiler.frontend.onnx.model import array_of
from hwgen.compiler.frontend.onnx.reader import DOMAINS, QUANTISED_DOMAIN

MARKS = ("QuantizeLinear", "DequantizeLinear")
PLAIN = {
    "QLinearAdd": "Add",
    "QLinearMul": "Mul",
    "QLinearGlobalAveragePool": "GlobalAveragePool",
    "QLinearAveragePool": "AveragePool",
    "QLinearSigmoid": "Sigmoid",
    "QLinearLeakyRelu": "LeakyRelu",
}


def is_quantised(model: ModelProto) -> bool:
    """Whether a model computes on integers, or says where it would; weights stored as integers alone do not count."""
    return any(
        node.op_type == "QuantizeLinear" or node.op_type.startswith("QLinear") or node.op_type == "QGemm"
        for node in model.graph.node
        if node.domain in (*DOMAINS, QUANTISED_DOMAIN)
    )


def expanded(model: ModelProto, name: str) -> ModelProto:
    """The model with such operators written out; ModelError if a scale is damaged."""
    result = ModelProto()
    result.CopyFrom(model)
    state = _State(result, name)
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        nodes += state.written_out(node)
    del result.graph.node[:]
    result.graph.node.extend(nodes)
    return result


class _State:
    def __init__(self, model: ModelProto, name: str) -> None:
        self.name = name
        self.graph = model.graph
        self.arrays = {tensor.name: tensor for tensor in model.graph.initializer}
        self.forms: dict[tuple[str, str], Callable[[NodeProto], list[NodeProto] | None]] = {
            ("", "QLinearConv"): self._conv,
            ("", "QLinearMatMul"): self._matmul,
            (QUANTISED_DOMAIN, "QGemm"): self._gemm,
            (QUANTISED_DOMAIN, "QLinearConcat"): self._concat,
            **{(QUANTISED_DOMAIN, name): self._mark for name in MARKS},
            **{(QUANTISED_DOMAIN, name): self._plain for name in PLAIN},
        }

    def written_out(self, node: NodeProto) -> list[NodeProto]:
        """The nodes that stand for one."""
        domain = "" if node.domain in DOMAINS else node.domain
        form = self.forms.get((domain, node.op_type))
        return (form(node) if form else None) or [node]

    def _number(self, name: str) -> np.ndarray | None:
        array = array_of(self.arrays[name], self.name) if name in self.arrays else None
        return array if array is not None and array.dtype.kind == "f" and np.isfinite(array).all() else None

    def _wrapped(self, node: NodeProto, op: str, parts: list[tuple[str, NodeProto]], out: list[str]) -> list[NodeProto]:
        """DequantizeLinear nodes, the plain one with the attributes of `node`, QuantizeLinear by scale and zero point `out`.

        `parts` are the plain node's inputs with the nodes that make them.
        """
        inputs, before = [name for name, _ in parts], [made for _, made in parts]
        plain = helper.make_node(op, inputs, [f"{node.output[0]}/real"], name=node.name or node.output[0])
        plain.attribute.extend(entry for entry in node.attribute if entry.name != "channels_last")
        return [*before, plain, helper.make_node("QuantizeLinear", [f"{node.output[0]}/real", *out], node.output[:1])]

    def _real(self, node: NodeProto, position: int, axis: int | None = None) -> tuple[str, NodeProto]:
        """DequantizeLinear of the input at a position, whose scale and zero point follow it."""
        name = f"{node.output[0]}/real{position}"
        made = helper.make_node("DequantizeLinear", list(node.input[position : position + 3]), [name], name=name)
        if axis is not None:
            made.attribute.append(helper.make_attribute("axis", axis))
        return name, made

    def _bias(self, node: NodeProto, position: int, scales: tuple[int, int]) -> tuple[str, NodeProto] | None:
        """DequantizeLinear of an int32 bias, whose scale is the product of two."""
        factors = [self._number(node.input[at]) for at in scales]
        if factors[0] is None or factors[1] is None or factors[0].size != 1:
            return None
        name = f"{node.output[0]}/bias"
        with np.errstate(all="ignore"):  # what is not finite is refused with the bias
            product = (float(factors[0].ravel()[0]) * factors[1].astype(np.float64)).astype(np.float32)
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(product), f"{name}/scale"))
        made = helper.make_node("DequantizeLinear", [node.input[position], f"{name}/scale"], [name], name=name)
        made.attribute.append(helper.make_attribute("axis", 0))
        return name, made

    def _layer(self, node: NodeProto, op: str, *, axis: int, bias: int, out: int) -> list[NodeProto] | None:
        """`op` of input 0 and of the weights, input 3, with scales along `axis`; input `bias` is the bias, `out` the output's scale."""
        parts = [self._real(node, 0), self._real(node, 3, axis=axis)]
        if len(node.input) > bias and node.input[bias]:
            made = self._bias(node, bias, (1, 4))
            if made is None:
                return None
            parts.append(made)
        return self._wrapped(node, op, parts, list(node.input[out : out + 2]))

    def _conv(self, node: NodeProto) -> list[NodeProto] | None:
        return self._layer(node, "Conv", axis=0, bias=8, out=6)

    def _matmul(self, node: NodeProto) -> list[NodeProto] | None:
        parts = [self._real(node, 0), self._real(node, 3, axis=1)]
        return self._wrapped(node, "MatMul", parts, list(node.input[6:8]))

    def _gemm(self, node: NodeProto) -> list[NodeProto] | None:
        if len(node.input) < 9 or not node.input[7]:  # a float result, which is not quantised
            return None
        transposed = any(entry.name == "transB" and entry.i for entry in node.attribute)
        return self._layer(node, "Gemm", axis=0 if transposed else 1, bias=6, out=7)

    def _plain(self, node: NodeProto) -> list[NodeProto] | None:
        if any(entry.name == "channels_last" and entry.i for entry in node.attribute):
            return None
        operands = 2 if node.op_type in ("QLinearAdd", "QLinearMul") else 1
        parts = [self._real(node, 3 * number) for number in range(operands)]
        return self._wrapped(node, PLAIN[node.op_type], parts, list(node.input[3 * operands : 3 * operands + 2]))

    def _concat(self, node: NodeProto) -> list[NodeProto] | None:
        parts = [self._real(node, position) for position in range(2, len(node.input) - 2, 3)]
        return self._wrapped(node, "Concat", parts, list(node.input[:2]))

    def _mark(self, node: NodeProto) -> list[NodeProto] | None:
        made = NodeProto()
        made.CopyFrom(node)
        made.domain = ""
        return [made]
