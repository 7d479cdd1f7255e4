"""onnx's reference evaluator, one node at a time."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import NodeProto, helper
from onnx.reference import ReferenceEvaluator


def evaluated(node: NodeProto, inputs: Mapping[str, np.ndarray], opsets: Sequence[Any], ir_version: int) -> list[Any]:
    """What a node writes for its inputs by name; `opsets` are the model's.

    Raises whatever NumPy and the evaluator do, of any class.
    """
    names = dict.fromkeys(filter(None, node.input))
    entries = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(inputs[name].dtype), None) for name in names
    ]
    outputs = [helper.make_empty_tensor_value_info(name) for name in filter(None, node.output)]
    graph = helper.make_graph([node], "single", entries, outputs)
    model = helper.make_model(graph, opset_imports=list(opsets), ir_version=ir_version)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(ReferenceEvaluator(model).run(None, {name: inputs[name] for name in names}))
