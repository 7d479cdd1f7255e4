"""Sums and products: in the combine element, behind a convolution or behind a copy of a stored tensor."""

from __future__ import annotations

from dataclasses import asdict

from hwgen.compiler.int8.nodes import QAdd, QMul
from hwgen.compiler.lower.array_loops import read_taps
from hwgen.compiler.lower.combine import COPY_CHANNELS, Combine, combination, copying, partner
from hwgen.compiler.lower.passes import LogicalPass, Placement, View
from hwgen.compiler.lower.state import Lowering
from hwgen.hw.isa.config import WORD_BYTES
from hwgen.hw.isa.descriptor import FeedMode, WindowOp


def lower_element_by_element(state: Lowering, node: QAdd | QMul) -> None:
    """A sum or product of two stored tensors: as many channels in a pass as the array's sums take to leave."""
    view = state.buffers.input(node.left, node.name, aligned=False)
    output, _, _ = state.buffers.place(node)
    made, operand = combine_with(state, node, node.left, output, stored=True)
    if view is None or made is None or operand is None:
        return
    out = state.graph.tensors[node.output]
    for first in range(0, out.channels, COPY_CHANNELS):
        count = min(COPY_CHANNELS, out.channels - first)
        name = f"{node.name}/c{first}" if out.channels > COPY_CHANNELS else node.name
        copy = copying(name, node.left, node.output, count)
        read = read_taps(copy, View(view.buffer, view.first + first, count))
        state.passes.append(
            LogicalPass(
                name=name,
                tensor=node.output,
                mode=FeedMode.TAP,
                op=WindowOp.MAC,
                to_rows=False,
                input=read.view,
                window=read.window,
                fill=0,
                output=Placement(output.buffer, output.byte + first),
                height=out.height,
                width=out.width,
                channels=count,
                array_node=copy,
                weights=read.weights,
                operand=View(operand.buffer, operand.first + first, count),
                combine=made,
                first_channel=first,
                **asdict(read.loop),
            )
        )


def combine_with(
    state: Lowering, node: QAdd | QMul, through_array: str, output: Placement, *, stored: bool
) -> tuple[Combine, View] | tuple[None, None]:
    """What the combine element does for a node whose input `through_array` comes from the array (`stored`: as a copy of a stored tensor),
    and its second operand; (None, None) and a problem if it cannot.
    """
    operand = state.buffers.input(partner(node, through_array), node.name, aligned=False)
    made = combination(state.graph, node, through_array, stored=stored)
    if isinstance(made, str):
        state.problems.append(f"{node.name}: {made}")
    elif output.step == 2:
        state.problems.append(f"{node.name}: an element-wise operation cannot be one half of a merge")
    elif operand is not None and operand.first % WORD_BYTES:
        state.problems.append(
            f"{node.name}: the second operand must begin with a channel divisible by {WORD_BYTES}, not {operand.first}"
        )
    elif operand is not None:
        return made, operand
    return None, None
