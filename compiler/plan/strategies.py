"""Ways to make a network whose weights come from the SDRAM fit a core, in the order in which they are tried."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.plan.core import memories
from hwgen.compiler.plan.maker import Maker
from hwgen.compiler.plan.result import FrameTiming
from hwgen.compiler.plan.target import Board
from hwgen.compiler.program.program import Program
from hwgen.compiler.tiling.channel_tiles import least_weight_words
from hwgen.compiler.tiling.fusion_groups import FusionLimits, GivenFusion
from hwgen.compiler.tiling.spill import spill, stripe_sums
from hwgen.compiler.tiling.spilling import choose
from hwgen.errors import ResourceError
from hwgen.hw.isa.config import BANKS, WORD_BYTES, CoreConfig

ACTIVATION_STEP, _FINE_STEP = 2048, 1024
"""Of the activation memory, words; the second for networks that do not fit a multiple of the first."""

FIRST_EFFORTS, _LAST_EFFORTS = (0, 2), (3,)
"""Search for stripes: of each memory, and of each if none fits."""

_JOIN_SHARES = (0.6, 0.4)
"""Where a network does not fit: tensors larger than this share of the memory are not whole."""

_SPILL_SHARES = (1.0, 0.95, 0.9, 0.85, 0.8)
"""Of the memory, for the choice of what goes to the SDRAM: places for all tensors are found only if there is some room."""

_STRIPE_SHARE = 0.4
"""Sums over maps that are larger than this share of the memory are made in stripes, if anything goes to the SDRAM."""


class Job:
    """A network, what it is planned for, and the cores with their memory shared out in every way.

    Attributes:
        coarse, fine: cores whose activation memory is a multiple of ACTIVATION_STEP, and of half of it; `coarse` may be empty.

    Raises:
        ResourceError: the part is too small for any core.
    """

    def __init__(
        self,
        graph: QGraph,
        lowered: Lowered,
        board: Board,
        base: CoreConfig,
        predict: Callable[[Program], FrameTiming],
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._graph, self.lowered, self._board, self._base, self._predict = graph, lowered, board, base, predict
        self._tell = tell
        self._least = least_weight_words(lowered, base.cols)
        self.fine = self._memories(base, _FINE_STEP)
        self.coarse: list[CoreConfig] = []
        with contextlib.suppress(ResourceError):  # a small part has room for a fine step only
            self.coarse = self._memories(base, ACTIVATION_STEP)

    @property
    def most_words(self) -> int:
        """Words of all banks of the largest activation memory."""
        return BANKS * max(core.activation_depth for core in self.fine)

    def storing(self) -> list[CoreConfig]:
        """Cores that can store tensors in the SDRAM, the largest activation memory first; ResourceError if none fits the part."""
        cores = self._memories(replace(self._base, spill=True, striped_sums=self._base.window), _FINE_STEP)
        return sorted(cores, key=lambda core: -core.activation_depth)

    def _memories(self, base: CoreConfig, step: int) -> list[CoreConfig]:
        return list(memories(base, self._board.part, step, self._least))

    def maker(
        self, lowered: Lowered, core: CoreConfig, efforts: Sequence[int], fusion: FusionLimits | GivenFusion
    ) -> Maker:
        """Plans of these passes for a core; ResourceError if they do not fit it."""
        words = core.activation_depth * BANKS
        self._tell(f"an array of {core.rows} x {core.cols} with {words * WORD_BYTES // 1024} KiB for activations")
        return Maker(self._graph, lowered, self._board, core, self._predict, efforts, fusion)


Fitting = Callable[[Job, CoreConfig], Maker]
"""Makes a network fit a core, or raises ResourceError."""


def _whole(job: Job, core: CoreConfig) -> Maker:
    """Every fusion group as it comes."""
    return job.maker(job.lowered, core, FIRST_EFFORTS, FusionLimits())


def _joined(share: float) -> Fitting:
    """Fusion groups joined until no tensor between them takes more than this share of the memory."""
    return lambda job, core: job.maker(job.lowered, core, FIRST_EFFORTS, FusionLimits(share=share))


def _spilled(job: Job, core: CoreConfig) -> Maker:
    """The tensors that cost least in the SDRAM, and the large sums in stripes."""
    lowered = stripe_sums(job.lowered, _STRIPE_SHARE * core.activation_depth * BANKS * WORD_BYTES)
    core = replace(core, striped_sums=any(item.striped for item in lowered.passes))
    for share in _SPILL_SHARES:
        for spills in choose(lowered, core.activation_depth, share):
            try:
                return job.maker(spill(lowered, spills.gaps), core, FIRST_EFFORTS, spills.fusion)
            except ResourceError as error:
                failure = error
    raise failure


def _thorough(job: Job, core: CoreConfig) -> Maker:
    """As `_whole`, after a long search for stripes."""
    return job.maker(job.lowered, core, _LAST_EFFORTS, FusionLimits())


@dataclass(frozen=True)
class Strategy:
    """A way to make a network fit.

    Attributes:
        name: for a reader.
        cores: that it is tried on, in this order.
        fittings: tried one after the other, each on every core.
        first_core: the first core that the network fits is enough.
        reported: if the network fits no core at all, the user is told why this strategy failed first.
    """

    name: str
    cores: Callable[[Job], Sequence[CoreConfig]]
    fittings: tuple[Fitting, ...]
    first_core: bool = False
    reported: bool = False

    def makers(self, job: Job, failures: list[ResourceError]) -> list[Maker]:
        """One for every core and fitting that succeeds; the reasons of the others are added to `failures`."""
        found: list[Maker] = []
        try:
            cores = self.cores(job)
        except ResourceError as error:
            failures.append(error)
            return found
        for fitting in self.fittings:
            for core in cores:
                try:
                    found.append(fitting(job, core))
                except ResourceError as error:
                    failures.append(error)
                    continue
                if self.first_core:
                    return found
        return found


_JOINED = tuple(_joined(share) for share in _JOIN_SHARES)

ROUNDS: tuple[tuple[Strategy, ...], ...] = (
    (Strategy("whole", lambda job: job.coarse, (_whole,)),),
    (Strategy("joined", lambda job: job.coarse, _JOINED),),
    # What fits only so leaves little for weights: with tensors in the SDRAM it may be faster.
    (
        Strategy("fine", lambda job: job.fine, (_whole, *_JOINED)),
        # Of the largest memory, with the least in it: that is what is told.
        Strategy("spilled", Job.storing, (_spilled,), first_core=True, reported=True),
    ),
    (Strategy("thorough", lambda job: job.fine, (_thorough,)),),
)
"""The first round in which the network fits decides; the strategies of a round compete in cycles."""


def makers(job: Job) -> list[Maker]:
    """One for every core that the network fits, of the first round in which there is one.

    Raises:
        ResourceError: it fits none.
    """
    reasons: list[ResourceError] = []
    for strategies in ROUNDS:
        found: list[Maker] = []
        for strategy in strategies:
            failures: list[ResourceError] = []
            found += strategy.makers(job, failures)
            if strategy.reported:
                reasons += failures
        if found:
            return found
    raise reasons[0]
