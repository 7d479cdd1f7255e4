"""Resizes: rows and columns that are repeated or left out."""

from __future__ import annotations

from dataclasses import replace

from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8.arithmetic import INT8_MIN
from hwgen.compiler.int8.nodes import QResize
from hwgen.compiler.lower.passes import LogicalPass
from hwgen.compiler.lower.state import Lowering
from hwgen.hw.isa.descriptor import FeedMode, WindowOp


def lower_resize(state: Lowering, node: QResize, repeat: int, first: int, stride: int) -> None:
    """Row by row, as the maximum of one element; columns that are repeated take a pass for each copy.

    `repeat`, `first` and `stride` are as `hwgen.compiler.lower.limits.resized_columns` gives them.
    """
    view = state.buffers.input(node.input, node.name, aligned=True)
    output, _, _ = state.buffers.place(node)
    if view is None:
        return
    out = state.graph.tensors[node.output]
    for pixel in range(repeat):
        state.passes.append(
            LogicalPass(
                name=f"{node.name}/{pixel}" if repeat > 1 else node.name,
                tensor=node.output,
                mode=FeedMode.WINDOW,
                op=WindowOp.MAX,
                to_rows=True,
                input=view,
                window=Window(stride=(1, stride), padding=(0, 0, -first, 0)),
                fill=INT8_MIN,
                output=replace(output, pixel=pixel, pixels=repeat),
                height=out.height,
                width=out.width // repeat,
                channels=out.channels,
                row_of=node.rows,
            )
        )
