"""Changes fields of a sound ONNX model: attributes, shapes, types, edges, operators, constants, operator sets."""

from __future__ import annotations

import numpy as np
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto

from tests.support.mutation import EDITS

INTERESTING = (0, 1, -1, 2, 3, 7, 64, 255, 1 << 16, 1 << 31, -(1 << 31), (1 << 62) + 1, -(1 << 63))


def mutate_bytes(data: bytes, rng: np.random.Generator) -> bytes:
    """One to four places changed: bits, bytes; now and then a piece is cut out or doubled."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        place = int(rng.integers(len(changed)))
        match int(rng.integers(4)):
            case 0:
                changed[place] ^= 1 << int(rng.integers(8))
            case 1:
                changed[place] = int(rng.choice([0, 1, 127, 128, 255]))
            case 2:
                other = int(rng.integers(len(changed)))
                changed[place : place + 4] = changed[other : other + 4]
            case 3:
                del changed[place : place + int(rng.integers(1, 16))]
    return bytes(changed)


def mutate_fields(data: bytes, rng: np.random.Generator) -> bytes:
    """A sound protocol buffer with one field of the model changed, or a few."""
    model = ModelProto()
    model.ParseFromString(data)
    graph = model.graph
    for _ in range(int(rng.choice(EDITS))):
        node = graph.node[int(rng.integers(len(graph.node)))]
        tensor = graph.initializer[int(rng.integers(len(graph.initializer)))] if graph.initializer else None
        number = int(rng.choice(INTERESTING))
        dims = graph.input[0].type.tensor_type.shape.dim if graph.input else []
        match int(rng.integers(10)):
            case 0 if node.attribute:
                _change(node.attribute[int(rng.integers(len(node.attribute)))], number)
            case 1 if tensor is not None and tensor.dims:
                tensor.dims[int(rng.integers(len(tensor.dims)))] = number
            case 2 if tensor is not None:
                tensor.data_type = int(rng.integers(0, 24))
            case 3 if node.input:
                others = [name for other in graph.node for name in (*other.input, *other.output)]
                node.input[int(rng.integers(len(node.input)))] = str(rng.choice(others))
            case 4:
                node.op_type = str(
                    rng.choice([other.op_type for other in graph.node] + ["Range", "Expand", "Tile", "Pow"])
                )
            case 5 if dims:
                dims[int(rng.integers(len(dims)))].dim_value = number
            case 6 if node.input:
                del node.input[int(rng.integers(len(node.input)))]
            case 7 if tensor is not None and tensor.raw_data:
                raw = bytearray(tensor.raw_data)
                raw[int(rng.integers(len(raw)))] ^= 1 << int(rng.integers(8))
                tensor.raw_data = bytes(raw)
            case 8 if model.opset_import:
                model.opset_import[0].version = int(rng.integers(5, 27))
            case 9 if dims:
                _resize(graph, dims[int(rng.integers(len(dims)))].dim_value, number)
    return model.SerializeToString()


def _resize(graph: GraphProto, old: int, new: int) -> None:
    """Another number for a size, in the shape of the input and wherever constants and attributes repeat it."""
    for dim in graph.input[0].type.tensor_type.shape.dim:
        if dim.dim_value == old:
            dim.dim_value = new
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.INT64 and tensor.raw_data:
            values = np.frombuffer(tensor.raw_data, np.int64)
            tensor.raw_data = np.where(values == old, new, values).astype(np.int64).tobytes()
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.INTS:
                attribute.ints[:] = [new if value == old else value for value in attribute.ints]


def _change(attribute: AttributeProto, number: int) -> None:
    if attribute.type == AttributeProto.INTS and attribute.ints:
        attribute.ints[0] = number
    elif attribute.type == AttributeProto.FLOAT:
        attribute.f = [float("nan"), float("inf"), 0.0, -1.0, 1e38][number % 5]
    elif attribute.type == AttributeProto.INT:
        attribute.i = number
    else:
        attribute.type = AttributeProto.INTS
