"""The int8 graph's verifier and queries."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8.check import node_problems
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QAvgPool, QConv, QMul, QNode, QShuffle, QSlice, QTensor
from hwgen.errors import ModelError


def conv(**changes: Any) -> QConv:
    node = QConv(
        name="c",
        input="x",
        output="y",
        weights=np.ones((6, 3, 3, 4), dtype=np.int8),
        bias=np.arange(6, dtype=np.int32),
        multiplier=np.full(6, 1 << 30),
        shift=np.full(6, 4),
        window=Window((3, 3), (2, 2), (1, 1, 1, 1)),
        groups=1,
        input_zero_point=-3,
        output_zero_point=5,
        act_min=5,
        act_max=127,
    )
    return replace(node, **changes)


def graph(**changes: Any) -> QGraph:
    tensors = {
        "x": QTensor("x", (5, 7, 4), 0.1, -3),
        "y": QTensor("y", (3, 4, 6), 0.2, 5),
        "z": QTensor("z", (3, 4, 2), 0.2, 5),
        "p": QTensor("p", (1, 1, 2), 0.2, 5),
    }
    nodes: list[QNode] = [conv(**changes), QSlice("s", "y", "z", 4, 2), QAvgPool("m", "z", "p", Window((3, 4)))]
    return QGraph("g", tensors, nodes, "x", "p")


def test_counts_and_queries() -> None:
    g = graph()
    g.verify()
    first = g.nodes[0]
    assert isinstance(first, QConv)
    assert g.weight_count == 216 and g.macs == 12 * 216
    assert g.producer("y") is g.nodes[0] and g.producer("x") is None
    assert [node.name for node in g.consumers("y")] == ["s"]
    assert (first.in_channels, first.out_channels) == (4, 6)
    assert not first.depthwise and not first.pointwise
    assert first.folded_bias.tolist() == [i + 3 * 36 for i in range(6)]
    # 255 output steps at a factor of 1/32: the least accumulator that saturates at 127 is 122 * 32 - 16 = 3888.
    assert g.clamp_bits == 13
    assert g.tensors["y"].size == 72
    assert "y 3x4x6 s=0.2 z=5 = conv(x)" in str(g)
    assert conv(weights=np.ones((4, 3, 3, 1), dtype=np.int8), groups=4).depthwise
    assert conv(weights=np.ones((6, 1, 1, 4), dtype=np.int8), window=Window()).pointwise


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input_zero_point": 0}, "c: zero points differ from the tensors'"),
        (
            {"weights": np.ones((6, 3, 3, 5), dtype=np.int8)},
            r"c: weights \(6, 3, 3, 5\) in 1 groups do not suit 4 channels",
        ),
        ({"weights": np.ones((6, 3, 3, 4), dtype=np.int16)}, "c: weights are int16"),
        ({"act_min": 6, "act_max": 4}, "c: activation range 6 .. 4 is not within int8"),
        ({"shift": np.full(6, -17)}, "c: input scale x weight scale / output scale is 2.16 or more; check the scales"),
        ({"shift": np.full(6, 32)}, "c: shift is not 6 values of -16 .. 31"),
        ({"multiplier": np.full(5, 1)}, "c: multiplier is not 6 values"),
        (
            {"bias": np.full(6, 2**31 - 1)},
            "c: the sum of output channel 0, with its bias of 2,147,483,647, can leave 32 bits; nearest: a smaller bias",
        ),
        ({"window": Window((3, 3), (1, 1))}, r"c: output y has shape \(3, 4, 6\), not \(3, 5, 6\)"),
    ],
)
def test_unsound_convolutions(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        graph(**changes).verify()


@pytest.mark.parametrize("sign", [1, -1])
def test_greatest_sum(sign: int) -> None:
    """A scaled value and a zero point fit 32 bits as long as the sum is at most 2^31 - 256."""
    nothing = np.zeros((6, 3, 3, 4), np.int8)
    graph(weights=nothing, bias=np.full(6, sign * (2**31 - 256), np.int32)).verify()
    with pytest.raises(ModelError, match="the sum of output channel 0, with its bias of .* can leave 32 bits"):
        graph(weights=nothing, bias=np.full(6, sign * (2**31 - 255), np.int32)).verify()


def test_unsound_graphs() -> None:
    g = graph()
    g.tensors["z"] = replace(g.tensors["z"], scale=0.3)
    with pytest.raises(ModelError, match="s: scale or zero point of y differs from z's; m: scale or zero point of z"):
        g.verify()
    g = graph()
    g.nodes.reverse()
    with pytest.raises(ModelError, match="m: .*not yet written .'z'."):
        g.verify()
    g = graph()
    g.nodes[1] = QSlice("s", "y", "z", 5, 2)
    with pytest.raises(ModelError, match="s: channels 5 to 7 of a tensor of 6"):
        g.verify()
    g = graph()
    g.tensors["w"] = replace(g.tensors["y"], name="w")
    g.nodes.append(QShuffle("h", "y", "w", 4))
    with pytest.raises(ModelError, match="h: 6 channels do not divide into 4 groups"):
        g.verify()
    g = graph()
    g.output = "q"
    with pytest.raises(ModelError, match="output q is never written"):
        g.verify()


def test_products_that_leave_32_bits() -> None:
    """The greatest difference of x is 130, of the other operand 255: 16 bits, so 16 more are one too many."""
    tensors = {
        "x": QTensor("x", (1, 1, 4), 0.5, -3),
        "w": QTensor("w", (1, 1, 4), 1024.0, -128),
        "y": QTensor("y", (1, 1, 4), 2.0**-7, 0),
    }

    def problems(shift: int) -> list[str]:
        return node_problems(QMul("m", "x", "w", "y", 1 << 30, shift, -128, 127), tensors)

    assert problems(-15) == []
    found = problems(-16)
    assert len(found) == 1 and found[0].startswith(
        "scales of its inputs / output scale is 65536, so that a scaled value can leave 32 bits"
    )
