"""NNgen's half, run by the Python that NNgen is installed for: `python -m bench.peers.nngen_half FOLDER POINTS`.

Reads block.npz of FOLDER, writes top.v (the accelerator), memory.bin (what it finds in its memory), expected.npy (NNgen's own software
model's result) and nngen.json there. POINTS is JSON: `{"spatial": [par_ich, par_och], "point": [...], "axi_bits": N}`.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

import nngen
import numpy as np
from veriloggen.types import axi

from bench.peers.block import LAYERS, Block

CHUNK_BYTES = 64  # alignment of tensors in memory, NNgen's own
WORD_BITS = 32  # of the memory image as it is written here
MEMORY_BYTES = 1 << 18


def convolution(source: Any, layer: Any, name: str, parallel: list[int]) -> Any:
    """An NNgen convolution of this layer; `parallel`: input and output channels at a time."""

    def variable(kind: Any, value: np.ndarray, suffix: str) -> Any:
        made = nngen.variable(dtype=kind, shape=value.shape, name=f"{name}_{suffix}")
        made.set_value(value.astype(np.int64))
        return made

    made = nngen.conv2d(
        source,
        variable(nngen.int8, layer.weights, "weights"),
        strides=(1, 1, 1, 1),
        bias=variable(nngen.int32, layer.bias, "bias"),
        scale=variable(nngen.int8, layer.scale, "scale"),
        act_func=nngen.relu,
        dtype=nngen.int8,
        sum_dtype=nngen.int32,
        name=name,
    )
    made.attribute(par_ich=parallel[0], par_och=parallel[1], cshamt_out=layer.shift)
    return made


def main(folder: Path, points: dict[str, Any]) -> None:
    """Write everything that simulation and synthesis need."""
    block = Block.load(folder / "block.npz")
    image = nngen.placeholder(dtype=nngen.int8, shape=(1, *block.image.shape), name="image")
    result = image
    for name, layer in zip(LAYERS, block.layers, strict=True):
        result = convolution(result, layer, name, points[name])
    value = block.image[None].astype(np.int64)
    expected = nngen.eval([result], image=value)[0]
    axi_bits = points["axi_bits"]
    text = nngen.to_verilog([result], "top", silent=True, config={"maxi_datawidth": axi_bits})
    (folder / "top.v").write_text(text)
    np.save(folder / "expected.npy", expected[0].astype(np.int8))

    memory = np.zeros(MEMORY_BYTES * 8 // WORD_BITS, np.int64)
    parameters = nngen.export_ndarray([result], CHUNK_BYTES)
    first = -(-(image.addr + image.memory_size) // CHUNK_BYTES) * CHUNK_BYTES
    words = max(axi_bits // 8, points[LAYERS[0]][0])
    axi.set_memory(memory, value, WORD_BITS, 8, image.addr, words)
    axi.set_memory(memory, parameters, WORD_BITS, 8, first)
    memory.astype("<u4").tofile(folder / "memory.bin")
    facts = {
        "result_address": result.addr,
        "result_shape": [*result.aligned_shape[1:]],
        "versions": {name: importlib.metadata.version(name) for name in ("nngen", "veriloggen", "pyverilog", "numpy")},
    }
    (folder / "nngen.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
