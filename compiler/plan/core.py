"""The core that a network asks for: its array, its lanes, and the depths of its memories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.plan.elements import Wanted, array_cycles, sizes
from hwgen.compiler.plan.estimate import frame_estimate
from hwgen.compiler.plan.resources import resources
from hwgen.compiler.plan.target import Part
from hwgen.compiler.tiling.channel_tiles import least_weight_words
from hwgen.errors import ResourceError
from hwgen.hw.isa.config import CoreConfig

SHAPES = ((13, 12), (9, 16), (16, 8), (12, 12), (10, 12), (7, 12), (8, 8), (6, 12), (7, 4), (4, 4))
"""Arrays (rows, columns) to choose from, the favourite first."""

LANES = (4, 8)
_WORTH = 0.88  # more window lanes must save so much of a frame's cycles: they cost a tenth of a large part's logic, and clock

_FAVOURITE = 0.85  # another shape must need less than this share of the favourite's cycles
WEIGHT_DEPTHS = (16384, 8192, 4096, 2048)
_ACTIVATION_LEAST = (2048, 1024)  # the second where a part has no room for the first beside any array
ACTIVATION_MOST = 16384
"""Words of a bank of the activation memory: as many as an address reaches."""


def streamed_base(lowered: Lowered, part: Part) -> CoreConfig:
    """The first of `streamed_bases`."""
    return next(streamed_bases(lowered, part))


def streamed_bases(lowered: Lowered, part: Part) -> Iterator[CoreConfig]:
    """Bases of cores whose weights are streamed, with more window lanes where the window would hold up the frame; the best first, each
    with more block RAM left for activations than those before it.

    Where the part has too little logic for the array that suits the network best, or too little block RAM for that and the weights of the
    network's smallest tiles, the next one is taken.
    """
    shapes = _by_speed(lowered, part)
    for depth in _ACTIVATION_LEAST:
        most = -1
        for shape in shapes:
            few, more = (core_of(lowered, part, shape, lanes) for lanes in LANES)
            worth = frame_estimate(lowered, more) <= _WORTH * frame_estimate(lowered, few)
            for base in (more, few) if worth else (few,):
                found = fewer_lanes(smallest(lowered, base, depth), part)
                if found is None:
                    continue
                if (spare := part.ebr - resources(found, part.family).ebr) > most:
                    most = spare
                    yield replace(base, combine_lanes=found.combine_lanes, shared_taps=found.shared_taps)
                break
        if most >= 0:
            return
    yield core_of(lowered, part, shapes[0], LANES[0])  # what is short is told where its memories are chosen


def smallest(lowered: Lowered, base: CoreConfig, depth: int = _ACTIVATION_LEAST[-1]) -> CoreConfig:
    """The core with the weight memory that the network's smallest tiles need, and `depth` words in a bank for activations."""
    weights = weight_depths(least_weight_words(lowered, base.cols), base.k_steps)[-1]
    return replace(base, weight_depth=weights, activation_depth=depth)


def fewer_lanes(config: CoreConfig, part: Part) -> CoreConfig | None:
    """The core if the part has room for it, else without shared taps and with the most combine lanes for which it has; None if it has for
    none."""
    while resources(config, part.family).short(part):
        if config.shared_taps:
            config = replace(config, shared_taps=False)
            continue
        if config.combine_lanes < 2:
            return None
        config = replace(config, combine_lanes=config.combine_lanes // 2)
    return config


def core_of(lowered: Lowered, part: Part, shape: tuple[int, int], lanes: int) -> CoreConfig:
    """The core of this array (rows, columns) and window but for the depths of its large memories."""
    return CoreConfig(**sizes(Wanted(lowered, part, *shape, lanes)))


def shapes(lowered: Lowered, part: Part) -> list[tuple[int, int]]:
    """Rows and columns of the arrays that the part has multipliers for, the favourite first; ResourceError if there is none."""
    possible = [
        shape for shape in SHAPES if shape[0] * shape[1] <= part.dsp and shape[0] >= lowered.least_rows(shape[1])
    ]
    if not possible:
        raise ResourceError(f"{part.name} has {part.dsp} multipliers; the smallest array needs 16")
    return possible


def _by_speed(lowered: Lowered, part: Part) -> list[tuple[int, int]]:
    """Rows and columns of the arrays that the part has multipliers for, the fastest first, but behind the favourite if that is nearly as
    fast."""
    possible = shapes(lowered, part)
    cycles = {shape: sum(array_cycles(item, *shape) for item in lowered.passes) for shape in possible}
    first = min(possible, key=lambda shape: cycles[shape])
    if cycles[first] >= _FAVOURITE * cycles[possible[0]]:
        first = possible[0]
    return [first, *sorted((shape for shape in possible if shape != first), key=lambda shape: cycles[shape])]


def weight_depths(words: int, k_steps: int = 1) -> list[int]:
    """Sizes of the weight memory that hold so many words of so many steps, the largest at least; the largest first."""
    depths = [depth // k_steps for depth in WEIGHT_DEPTHS]
    return [depth for depth in depths if depth >= min(words, depths[0])]


def memories(base: CoreConfig, part: Part, step: int, weights: int) -> Iterator[CoreConfig]:
    """Cores whose memories fit the part: the largest activation memory, of whole `step`s, for every size of the weight memory that
    holds `weights` words, the largest at least.
    """
    tried: set[int] = set()
    depths = weight_depths(weights, base.k_steps)
    for weight_depth in depths:
        least = replace(base, weight_depth=weight_depth, activation_depth=step)
        needs = resources(least, part.family).ebr
        spare = part.ebr - needs
        per_step = resources(replace(least, activation_depth=2 * step), part.family).ebr - needs
        if spare < 0:
            continue
        depth = min(ACTIVATION_MOST, step * (1 + spare // per_step))
        if depth not in tried:
            tried.add(depth)
            yield replace(least, activation_depth=depth)
    if not tried:
        need = resources(replace(base, weight_depth=depths[-1], activation_depth=step), part.family)
        raise ResourceError(f"{part.name}: the smallest core needs {'; '.join(need.short(part))}; take a larger part")
