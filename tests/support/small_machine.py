"""Small models on one small machine: the core, its compiled simulator and the memories are the same for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hwgen.boards.icepi_zero import ICEPI_ZERO
from hwgen.compiler.frontend import tflite
from hwgen.compiler.int8.fusion import is_identity, takes_table
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QConcat, QShuffleMerge, QSlice, QTable
from hwgen.compiler.legalise import legalise
from hwgen.compiler.lower.array_steps import in_steps
from hwgen.compiler.lower.lower import lower
from hwgen.compiler.plan.elements import Wanted, sizes
from hwgen.compiler.program.assemble import build_program
from hwgen.compiler.program.check import check_program
from hwgen.compiler.program.program import Program
from hwgen.compiler.tiling.channel_tiles import channel_tiles
from hwgen.compiler.tiling.fit import fit, with_channel_tiles
from hwgen.compiler.tiling.spill import Gap, spill
from hwgen.compiler.tiling.striping import Weights
from hwgen.compiler.weight_schedule.schedule import schedule
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.memory.sdram_config import SdramConfig
from hwgen.sim import golden
from hwgen.sim.frame.simulate import simulate_frame
from hwgen.sim.timing.frame import predict
from tests.support.host_answers import check_records

SDRAM = SdramConfig(100_000_000, 3, 1, pad_registers=2)

CONFIG = CoreConfig(
    rows=4,
    cols=4,
    array_clamp_bits=21,  # as narrow as the small networks allow
    window_clamp_bits=20,
    activation_depth=2048,
    weight_depth=2048,
    parameter_depth=512,
    array_table=True,
    window_table=True,
    combine_lanes=2,
    combine_multiply=True,
    row_steps=True,
    partial_depth=512,
)

TWO_STEPS = replace(CONFIG, k_steps=2, weight_depth=1024, shared_taps=True)
"""The same with two steps of K a cycle, and taps that share their words."""

PARTS = 2  # least parts of the weight memory that a pass may leave to the next one's weights


@dataclass(frozen=True)
class Small:
    """A model ready to run: as imported, in the machine's operations, and its program."""

    graph: QGraph
    legal: QGraph
    program: Program

    @classmethod
    def of(cls, data: bytes, config: CoreConfig = CONFIG, gaps: Sequence[Gap] = ()) -> Small:
        """Lower and schedule a .tflite file; the symbolic replay finds everything in place."""
        return cls.of_graph(tflite.parse(data, "model.tflite"), config, gaps)

    @classmethod
    def of_graph(cls, graph: QGraph, config: CoreConfig = CONFIG, gaps: Sequence[Gap] = ()) -> Small:
        """As `of`, of an int8 graph; with some tensors in the SDRAM for a while."""
        legal = legalise(graph)
        lowered = spill(in_steps(lower(legal), config.k_steps), gaps)
        words = [ceil_div(item.channels, config.cols) * item.depth for item in lowered.passes]
        found = fit(lowered, config.activation_depth, Weights(words, config.weight_depth, config.weight_bytes // 2))
        found = with_channel_tiles(lowered, found, channel_tiles(lowered, config, PARTS))
        program = build_program(lowered, found.steps, found.layouts, schedule(found.steps, config), config)
        check_program(lowered, found.steps, program)
        return cls(graph, legal, program)

    def input(self, seed: int) -> np.ndarray:
        """A random frame in the model's own type."""
        rng, kind = np.random.default_rng(seed), self.graph.host.input_type
        shape = self.graph.host.input_shape or self.graph.tensors[self.graph.input].shape
        octets = rng.integers(0, 256, shape).astype(np.uint8)
        return octets.view(np.int8) if kind == "int8" else octets

    def same_values(self, x: np.ndarray) -> None:
        """The golden model gives the same with and without the rewrites, in every tensor that stayed."""
        same_values(self.graph, self.legal, x)

    def simulate(self, x: np.ndarray, build_dir: Path) -> None:
        """RTL: every tensor equal, every pass's cycles as predicted, the output as the model gives it."""
        self._check_clamps()
        image = golden.encode(self.graph, x)
        values = golden.run(self.legal, image)
        result = simulate_frame(self.program, SDRAM, image, values, build_dir)
        assert result.mismatches == 0, result.tensors
        check_records(result.counters, result.cycles)
        timing = predict(self.program, SDRAM)
        assert [(entry.name, entry.cycles) for entry in result.passes] == [
            (entry.name, entry.cycles) for entry in timing.passes
        ]
        assert set(result.tensors) >= self._stored(), self._stored() - set(result.tensors)
        found = golden.decode(self.graph, golden.run_host(self.legal, result.output)[self.graph.result.name])
        np.testing.assert_array_equal(found, golden.predict(self.graph, x))

    def _check_clamps(self) -> None:
        """The core's accumulators and clamps are wide enough for the model (equation 9)."""
        core = self.program.config
        wanted = sizes(
            Wanted(in_steps(lower(self.legal), core.k_steps), ICEPI_ZERO.part, core.rows, core.cols, core.window_lanes)
        )
        for name in ("array_clamp_bits", "window_clamp_bits", "acc_bits"):
            least, have = wanted.get(name, 0), getattr(core, name)
            assert least <= have, f"{self.graph.name} needs {name} of {least}, the core has {have}"

    def _stored(self) -> set[str]:
        """Tensors that are compared: all but views, wholes whose parts are, and what a table follows at once."""
        return {
            node.output
            for node in self.legal.nodes
            if not isinstance(node, QSlice | QConcat | QShuffleMerge)
            and not (isinstance(node, QTable) and is_identity(node))
            and takes_table(self.legal, node) is None
        }


def same_values(graph: QGraph, legal: QGraph, x: np.ndarray) -> None:
    """The golden model gives the same with and without the rewrites, in every tensor that stayed."""
    image = golden.encode(graph, x)
    before, after = golden.run(graph, image), golden.run(legal, image)
    for name in before.keys() & after.keys():
        np.testing.assert_array_equal(after[name], before[name], name)
    np.testing.assert_array_equal(golden.predict(legal, x), golden.predict(graph, x))
