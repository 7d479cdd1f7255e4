"""Changes fields of a sound .tflite file in place: sizes, types, indices, quantisation, options, lengths."""

from __future__ import annotations

import struct
from collections import defaultdict
from typing import Any

import flatbuffers
import numpy as np
import tflite

from tests.support.mutation import EDITS, EXTREMES, FAR_REALS

Field = tuple[int, str]
"""Place in the file, and the format of what stands there (of module `struct`)."""

MEANING = ("constants", "edges", "options", "scales", "shapes", "zero points")
"""Kinds of fields that a file may have other values in and still be one that can be read."""

_SMALL_BUFFER = 64
"""Bytes of a constant that is a list of sizes, axes or indices rather than weights."""


def fields(data: bytes) -> dict[str, list[Field]]:
    """Where a file has what, by kind."""
    found: dict[str, list[Field]] = defaultdict(list)
    model = tflite.Model.GetRootAs(data, 0)
    graph = model.Subgraphs(0)
    _entries(found["header"], model._tab)
    _entries(found["header"], graph._tab)
    for slot in (6, 8):
        found["interface"] += _vector(graph, slot, "<i")
    for index in range(model.OperatorCodesLength()):
        _entries(found["codes"], model.OperatorCodes(index)._tab)
    for index in range(model.BuffersLength()):
        buffer = model.Buffers(index)
        found["lengths"] += _vector(buffer, 4, "<b")[:1]
        if 4 <= buffer.DataLength() <= _SMALL_BUFFER:
            found["constants"] += [(place, "<i") for place, _ in _vector(buffer, 4, "<b")[1::4]][
                : buffer.DataLength() // 4
            ]
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        _entries(found["tensors"], tensor._tab)
        found["shapes"] += _vector(tensor, 4, "<i")
        quantisation = tensor.Quantization()
        if quantisation is not None:
            found["scales"] += _vector(quantisation, 8, "<f")
            found["zero points"] += _vector(quantisation, 10, "<q")
            _entries(found["quantisation"], quantisation._tab)
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        _entries(found["operators"], operator._tab)
        for slot in (6, 8):
            found["edges"] += _vector(operator, slot, "<i")
        if operator.BuiltinOptions() is not None:
            _entries(found["options"], operator.BuiltinOptions())
    return {kind: places for kind, places in found.items() if places}


def mutate_fields(data: bytes, rng: np.random.Generator) -> bytes:
    """One field changed or a few; now and then a size wherever it stands, so that the file stays consistent."""
    changed, found = bytearray(data), fields(data)
    kinds = [kind for kind in sorted(found) for _ in range(3 if kind in MEANING else 1)]
    for _ in range(int(rng.choice(EDITS))):
        kind = kinds[int(rng.integers(len(kinds)))]
        if rng.integers(5) == 0:
            _resized(changed, found["shapes"] + found.get("constants", []), rng)
            continue
        place, form = found[kind][int(rng.integers(len(found[kind])))]
        if place + struct.calcsize(form) <= len(changed):
            struct.pack_into(form, changed, place, _value(form, rng))
    return bytes(changed)


def _resized(changed: bytearray, places: list[Field], rng: np.random.Generator) -> None:
    """Another number for one of the sizes, everywhere."""
    old = struct.unpack_from("<i", changed, places[int(rng.integers(len(places)))][0])[0]
    new = _value("<i", rng)
    for place, form in places:
        if struct.unpack_from(form, changed, place)[0] == old:
            struct.pack_into(form, changed, place, new)


def _value(form: str, rng: np.random.Generator) -> Any:
    if form == "<f":
        return FAR_REALS[int(rng.integers(len(FAR_REALS)))]
    value = int(rng.integers(-2, 20)) if rng.integers(2) else EXTREMES[int(rng.integers(len(EXTREMES)))]
    bits = 8 * struct.calcsize(form)
    return (value + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))


def _vector(table: Any, slot: int, form: str) -> list[Field]:
    """The length of a vector and its elements, by the number of its field in the table."""
    tab: flatbuffers.table.Table = table._tab
    offset = tab.Offset(slot)
    if not offset:
        return []
    first = tab.Vector(offset)
    return [(first - 4, "<i")] + [(first + i * struct.calcsize(form), form) for i in range(tab.VectorLen(offset))]


def _entries(places: list[Field], tab: flatbuffers.table.Table) -> None:
    """Each field of a table, as 8 and as 32 bits: a number, or where a vector or table is."""
    start = tab.Pos - struct.unpack_from("<i", tab.Bytes, tab.Pos)[0]
    for slot in range(4, struct.unpack_from("<H", tab.Bytes, start)[0], 2):
        offset = tab.Offset(slot)
        if offset:
            places += [(tab.Pos + offset, "<i"), (tab.Pos + offset, "<b")]
