"""hwgen's half: the block as an int8 graph, its plan for an array of so many multipliers, its frame on the RTL, its netlist."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.peers.block import LAYERS, Block
from hwgen.boards.board import Board
from hwgen.boards.family import ClockGenerator
from hwgen.boards.ulx3s import ULX3S
from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8.arithmetic import quantize_multipliers
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QConv, QTensor
from hwgen.compiler.legalise import legalise
from hwgen.compiler.plan.planner import plan
from hwgen.compiler.plan.result import Plan
from hwgen.flow.design import design_of
from hwgen.flow.plan import timing_model
from hwgen.sim import golden
from hwgen.sim.frame.simulate import simulate_frame

CLOCK_HZ = 100_000_000


def graph_of(block: Block) -> QGraph:
    """The block in TensorFlow Lite's arithmetic: the same integers and real factors, all zero points 0."""
    height, width, channels = block.image.shape
    tensors = {"image": QTensor("image", (height, width, channels), 1.0, 0)}
    nodes = []
    source = "image"
    for name, layer in zip(LAYERS, block.layers, strict=True):
        outputs, kernel = layer.weights.shape[:2]
        multiplier, shift = quantize_multipliers(layer.scale * 2.0**-layer.shift)
        nodes.append(
            QConv(
                name=name,
                input=source,
                output=f"{name}_out",
                weights=layer.weights,
                bias=layer.bias,
                multiplier=multiplier,
                shift=shift,
                window=Window(kernel=(kernel, kernel), padding=(kernel // 2,) * 4),
                groups=1,
                input_zero_point=0,
                output_zero_point=0,
                act_min=0,
                act_max=127,
            )
        )
        source = f"{name}_out"
        tensors[source] = QTensor(source, (height, width, outputs), 1.0, 0)
    graph = QGraph("block", tensors, list(nodes), "image", source, provenance="random")
    graph.verify()
    return graph


def board_of(multipliers: int) -> Board:
    """The ULX3S, but its part offers only so many multipliers."""
    return replace(ULX3S, part=replace(ULX3S.part, dsp=multipliers))


def clock_of(board: Board) -> ClockGenerator:
    """The settings for CLOCK_HZ."""
    return board.part.family.plan_clock(board.oscillator_hz, CLOCK_HZ)


def plan_of(graph: QGraph, multipliers: int, *, external: bool) -> Plan:
    """The planner's own choice; with `external` weights and image come from the SDRAM."""
    board = board_of(multipliers)
    clock = clock_of(board)
    return plan(legalise(graph), board, timing_model(board, clock), external=external)


@dataclass(frozen=True)
class Frame:
    """A frame on the RTL: its cycles, those inside passes, those predicted, and bytes that differ from the golden model's."""

    cycles: int
    inside: int
    predicted: int
    mismatches: int


def run_frame(found: Plan, image: np.ndarray, build_dir: Path) -> Frame:
    """Simulate one frame; every tensor that is stored is compared."""
    values = golden.run(found.graph, image)
    board = board_of(found.part.dsp)
    memory = board.memory.config(int(clock_of(board).output_hz))
    result = simulate_frame(found.program, memory, image, values, build_dir)
    missed = int((result.output != values[found.graph.output]).sum())
    return Frame(result.cycles, sum(entry.cycles for entry in result.passes), found.cycles, result.mismatches + missed)


def verilog_of(found: Plan) -> str:
    """The whole design as it is built for the board: core, sequencer, DMA and SDRAM controller if any, host link, PLL."""
    board = board_of(found.part.dsp)
    return design_of(found, board, clock_of(board)).text
