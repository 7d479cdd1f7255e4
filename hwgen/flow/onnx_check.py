"""ONNX models against onnx's reference evaluator, once a file: what hwgen computes is what the model says, or it is refused."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hwgen.digests import digest, source_digest
from hwgen.errors import ModelError
from hwgen.flow.cache import cache_folder

if TYPE_CHECKING:
    from hwgen.compiler.frontend.load import FloatNetwork
    from hwgen.compiler.frontend.onnx.compare import Comparison, Own
    from hwgen.compiler.frontend.onnx.importer import Imported
    from hwgen.compiler.int8.graph import QGraph
    from hwgen.flow.source import NetworkSource

MOST_MACS = 1 << 33
"""Multiply-accumulates of an int8 network that is compared: some seconds of the golden model."""

SHOWN = 8
"""Nodes that a note names."""


def checked(loaded: FloatNetwork | QGraph, source: NetworkSource) -> FloatNetwork | QGraph:
    """What was loaded of a source, with notes on nodes that were not compared; as it is unless it is a .onnx file.

    Raises:
        ModelError: as `check`.
    """
    if source.file is None or source.file.suffix.lower() != ".onnx":
        return loaded
    return replace(loaded, notes=loaded.notes + check(source.file, source.options.resolution))


def check(path: Path, resolution: int | None = None) -> tuple[str, ...]:
    """Compare every node of a .onnx file on random inputs, unless that was done before; notes on those that were not compared.

    At most 10 CPU seconds.  The result is kept in the user's cache folder, by the digest of the model and of hwgen's sources.

    Raises:
        ModelError: a node computes something else than onnx's evaluator; names them all.
    """
    import onnx

    from hwgen.compiler.frontend.onnx.importer import imported
    from hwgen.compiler.frontend.onnx.reader import read

    model = read(path)
    sources = source_digest("compiler", "sim")
    key = digest(
        model.SerializeToString(deterministic=True), str(resolution), sources, onnx.__version__, np.__version__
    )
    kept = cache_folder("onnx") / f"{key}.json"
    found = _kept(kept)
    if found is None:
        found = compared(imported(model, path.name, resolution))
        _keep(kept, found)
    if found.differing:
        count = f"{len(found.differing)} node{'s' if len(found.differing) > 1 else ''}"
        raise ModelError(
            f"{path.name}: hwgen does not compute what the model says at {count}; export it with another operator set, or "
            "without them",
            found.differing,
        )
    return notes(found)


def compared(imported: Imported) -> Comparison:
    """The comparison itself, on seeded inputs; of a float model also the graph that is quantised with the one that was read."""
    from hwgen.compiler.frontend.onnx.compare import TOO_LONG, compare, difference
    from hwgen.compiler.frontend.onnx.importer import FloatModel
    from hwgen.compiler.int8.graph import QGraph

    if isinstance(imported.model, QGraph) and imported.model.macs > MOST_MACS:
        return compare(imported, lambda tensor: None, 0.0)
    with np.errstate(all="ignore"):  # what overflows is compared as such
        own = _own(imported)
        x = own(imported.folded.input)  # now: it is dropped behind its last reader
        found = compare(imported, own)
        if not isinstance(imported.model, FloatModel) or TOO_LONG in dict(found.skipped).values():
            return found
        y = own(imported.folded.output)
        if x is None or y is None:
            return found
        text = difference(imported.model.predict(x), y.astype(np.float32), [])
    return replace(found, differing=(*found.differing, f"the whole network, simplified: {text}")) if text else found


def notes(found: Comparison) -> tuple[str, ...]:
    """One line, if nodes were not compared."""
    if not found.skipped:
        return ()
    reasons = dict.fromkeys(reason for _, reason in found.skipped)
    named = [
        f"{', '.join(_shortened([name for name, why in found.skipped if why == reason]))}: {reason}"
        for reason in reasons
    ]
    total = found.compared + len(found.skipped)
    return (
        f"{len(found.skipped)} of {total} nodes were not compared with onnx's reference evaluator ({'; '.join(named)})",
    )


def _shortened(names: list[str]) -> list[str]:
    return names if len(names) <= SHOWN else [*names[:SHOWN], f"{len(names) - SHOWN} more"]


def _own(imported: Imported) -> Own:
    """What hwgen computes for the file's tensors: the float graph's values, or the golden model's integers."""
    from hwgen.compiler.frontend.onnx.float_values import FloatValues
    from hwgen.compiler.int8.graph import QGraph
    from hwgen.sim.golden import run, run_host

    network = imported.model
    rng = np.random.default_rng(0)
    if not isinstance(network, QGraph):
        return FloatValues(imported, rng.normal(size=imported.graph.input.shape))
    image = rng.integers(-128, 128, network.tensors[network.input].shape).astype(np.int8)
    values = run(network, image)
    values |= run_host(network, values[network.output])
    return lambda tensor: _integers(imported, values, tensor)


def _integers(imported: Imported, values: dict[str, np.ndarray], tensor: str) -> np.ndarray | None:
    """An int8 or uint8 tensor of a quantised model's file, or its float input, in its shape there; None if the graph has none."""
    from hwgen.compiler.frontend.onnx.float_values import in_file
    from hwgen.compiler.frontend.onnx.marks import TYPES, UINT8
    from hwgen.compiler.int8.arithmetic import dequantise
    from hwgen.compiler.int8.graph import QGraph

    value, kind = imported.values.get(tensor), imported.folded.types.get(tensor)
    if value is None or not isinstance(imported.model, QGraph):
        return None
    entry = imported.model.tensors[imported.model.input]
    if tensor == imported.folded.input and kind not in TYPES:
        return in_file(value, dequantise(values[entry.name], entry.scale, entry.zero_point))
    made = imported.made.get(value.tensor)
    if made is None or made.name not in values or kind not in TYPES:
        return None
    return in_file(value, values[made.name].reshape(made.shape).astype(np.int64) + (128 if kind == UINT8 else 0))


def _kept(path: Path) -> Comparison | None:
    from hwgen.compiler.frontend.onnx.compare import Comparison

    try:
        entry = json.loads(path.read_text())
        return Comparison(
            entry["compared"], tuple(entry["differing"]), tuple((name, why) for name, why in entry["skipped"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None  # never made, or damaged: made anew


def _keep(path: Path, found: Comparison) -> None:
    """A cache that cannot be written costs time alone."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        partial.write_text(json.dumps(asdict(found)))
        partial.replace(path)
    except OSError:
        return
