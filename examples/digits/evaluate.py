"""Accuracy on the test set: float network, int8 golden model, RTL.

python -m examples.digits.evaluate              # RTL on 4 images
python -m examples.digits.evaluate --rtl 360    # RTL on the whole test set
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from examples.digits.data import CALIBRATION, Digits, load
from examples.digits.networks import NETWORKS
from hwgen.boards.registry import find_board
from hwgen.compiler.frontend.load import load_float
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.int8 import arithmetic
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.legalise import legalise
from hwgen.compiler.plan.planner import plan
from hwgen.compiler.plan.result import Plan
from hwgen.compiler.quantise.calibrate import float_tensors
from hwgen.compiler.quantise.options import QuantiseOptions
from hwgen.compiler.quantise.quantiser import Quantised
from hwgen.hw.memory.sdram_config import SdramConfig
from hwgen.sim import golden
from hwgen.sim.frame.simulate import FrameResult, FrameSimulator
from hwgen.sim.timing.frame import predict

FOLDER = Path(__file__).parent
BOARDS = {"shufflenet_v2": "ulx3s-12f", "mobilenet_v3": "ulx3s-45f"}
"""The smallest ULX3S that has room for each network's machine."""


@dataclass(frozen=True)
class Simulated:
    """One frame in the RTL."""

    result: FrameResult
    golden: np.ndarray  # output of the golden model, int8
    digit: int  # as the RTL's output says


def quantised(name: str, training: Digits) -> Quantised:
    """A trained network (a key of `NETWORKS`) in int8, calibrated on the first images of the training set."""
    file = FOLDER / f"digits_{name}.graph"
    network = load_float(str(file), NetworkOptions(weights=file.with_suffix(".npz")))
    inputs = list(training.inputs[:CALIBRATION])
    return replace(network, inputs=inputs, calibrated=f"{CALIBRATION} training images").quantised(QuantiseOptions())


def float_accuracy(made: Quantised, test: Digits) -> float:
    """Share of the test set that the float network tells right."""
    logits = dict(float_tensors(made.graph, made.layers, test.inputs))[made.graph.output]
    return float((logits.reshape(len(test.labels), -1).argmax(axis=1) == test.labels).mean())


def frames(network: QGraph, digits: Digits) -> Iterator[np.ndarray]:
    """The int8 inputs of a network."""
    tensor = network.tensors[network.input]
    for real in digits.inputs:
        yield arithmetic.quantise_real(real, tensor.scale, tensor.zero_point)


def int8_accuracy(network: QGraph, test: Digits) -> float:
    """Share of the test set that the golden model tells right."""
    found = [int(golden.run(network, frame)[network.output].argmax()) for frame in frames(network, test)]
    return float((np.array(found) == test.labels).mean())


def planned(network: QGraph, board_name: str) -> tuple[Plan, SdramConfig]:
    """The machine for a board, and its clock."""
    board = find_board(board_name)
    settings = board.part.family.plan_clock(board.oscillator_hz, board.default_clock_hz)
    clock = board.memory.config(int(settings.output_hz))
    return plan(legalise(network), board, lambda program: predict(program, clock)), clock


def simulated(found: Plan, simulator: FrameSimulator, frame: np.ndarray) -> Simulated:
    """One frame through the RTL, every tensor compared."""
    values = golden.run(found.graph, frame)
    result = simulator.frame(frame, values)
    return Simulated(result, values[found.graph.output], int(result.output.argmax()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=list(NETWORKS), help=f"of {', '.join(NETWORKS)}; default: all")
    parser.add_argument("--rtl", type=int, default=4, help="images of the test set to simulate (0: none)")
    parser.add_argument("--board", help="default: the smallest ULX3S with room for the network's machine")
    arguments = parser.parse_args()
    training, test = load()
    for name in arguments.networks:
        made = quantised(name, training)
        print(f"{name}: {made.graph.weight_count:,} weights, {made.graph.macs:,} multiply-accumulates")
        print(f"  float        {100 * float_accuracy(made, test):.2f} % of {len(test.labels)} test images")
        print(f"  int8 golden  {100 * int8_accuracy(made.network, test):.2f} %")
        board = arguments.board or BOARDS[name]
        found, clock = planned(made.network, board)
        print(f"  {board}: {found.config.rows} x {found.config.cols} array, {found.cycles:,} cycles a frame")
        simulator = FrameSimulator(found.program, clock, Path("build") / "digits_simulator", optimise=True)
        right = wrong = mismatches = 0
        for frame, label in zip(frames(made.network, test), test.labels[: arguments.rtl], strict=False):
            one = simulated(found, simulator, frame)
            right += one.digit == label
            wrong += one.digit != int(one.golden.argmax()) or one.result.cycles != found.cycles
            mismatches += one.result.mismatches
        if arguments.rtl:
            count = min(arguments.rtl, len(test.labels))
            print(
                f"  RTL          {100 * right / count:.2f} % of {count} images, {mismatches} mismatching bytes, "
                f"{wrong} frames unlike the golden model or not in the predicted cycles",
                flush=True,
            )


if __name__ == "__main__":
    main()
