"""The elements of the machine by name: which parameters, descriptor fields, memories and counters belong to each.

The other registries have the same names: `hwgen.compiler.plan.elements` (sizes and estimates), `hwgen.boards.ecp5.costs` (logic),
`hwgen.sim.timing.elements` (cycles) and `hwgen.reports.elements` (columns). What plans, estimates, predicts and reports goes over them
instead of naming elements; docs/architecture.md says how the elements are connected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hwgen.hw.isa.config import BANKS, PARAMETER_BITS, WORD_BYTES, CoreConfig
from hwgen.hw.isa.counters import RECORDED_PASSES, Counter, counter_words
from hwgen.hw.isa.memories import QUEUE_DEPTH, SUM_BITS, SUM_GROUPS, TABLE_WORDS, RamPorts, descriptor_words

_WORD_BITS = 8 * WORD_BYTES
_TABLE_BITS = 16

Shape = Callable[[CoreConfig], int]
"""A number that follows from the core's parameters."""


def _one(config: CoreConfig) -> int:
    return 1


def _none(config: CoreConfig) -> int:
    return 0


@dataclass(frozen=True)
class Nothing:
    """Stands in a registry for what an element has not, and says why."""

    why: str


@dataclass(frozen=True)
class Memory:
    """A memory of block RAM.

    Attributes:
        name: for people; memories of one name are counted together.
        ports: that it needs.
        width: bits of a word.
        depth: words.
        count: so many alike.
    """

    name: str
    ports: RamPorts
    width: Shape
    depth: Shape
    count: Shape = _one


@dataclass(frozen=True)
class Element:
    """An element of the machine.

    Attributes:
        name: in every registry.
        config: fields of `CoreConfig` that shape it; each belongs to one element.
        descriptor: fields of `Descriptor` that are its own; others may look at them too.
        memories: of block RAM.
        multipliers: hard multipliers that it takes, beyond those that are made of logic.
        counters: of the performance counters, those that it makes count.
    """

    name: str
    config: tuple[str, ...] = ()
    descriptor: tuple[str, ...] = ()
    memories: tuple[Memory, ...] = ()
    multipliers: Shape = _none
    counters: tuple[Counter, ...] = ()


_ALL = (
    Element(
        "activation_memory",
        config=("activation_depth",),
        memories=(
            Memory(
                "activations", RamPorts.TRUE, lambda _: _WORD_BITS, lambda core: core.activation_depth, lambda _: BANKS
            ),
        ),
    ),
    Element(
        "fetch",
        config=("row_steps",),
        descriptor=(
            *("mode", "input", "in_y", "in_h", "in_w", "in_x", "pixel_words", "first_word", "groups"),
            *("stride_y", "stride_x", "kernel_h", "kernel_w", "columns", "tap_rows", "tap_columns", "tap_words"),
            *("blocks_h", "blocks_w", "blocks", "fill", "shared", "out_rows", "out_w"),
        ),
    ),
    Element(
        "window",
        config=("window", "window_lanes", "window_clamp_bits", "window_depth", "partial_depth", "striped_sums"),
        descriptor=("op", "window_base", "window_clamp", "average_scale"),
        memories=(
            Memory(
                "window parameters",
                RamPorts.SIMPLE,
                lambda core: PARAMETER_BITS // 4 * core.window_lanes,
                lambda core: core.window_depth,
                lambda core: core.window,
            ),
            Memory(
                "partial sums",
                RamPorts.SIMPLE,
                lambda core: SUM_BITS * core.window_lanes,
                lambda core: core.partial_depth,
                lambda core: core.partial_depth > 0,
            ),
            Memory(
                "striped sums",
                RamPorts.SIMPLE,
                lambda core: SUM_BITS * core.window_lanes,
                lambda _: SUM_GROUPS,
                lambda core: core.striped_sums,
            ),
        ),
    ),
    Element(
        "pixel_ring",
        config=("ring_depth", "shared_taps"),
        descriptor=("ring_words", "ring_slots", "ring_pixels", "tap_row_step"),
        memories=(
            Memory(
                "pixel ring",
                RamPorts.SIMPLE,
                lambda _: _WORD_BITS // 2,
                lambda core: core.ring_depth,
                lambda core: 2 * core.rows,
            ),
        ),
    ),
    Element(
        "weight_memory",
        config=("weight_depth",),
        descriptor=("weight_base",),
        memories=(
            Memory("weights", RamPorts.TRUE, lambda core: 8 * core.weight_bytes, lambda core: core.weight_depth),
        ),
    ),
    Element(
        "array",  # with its feeder
        config=("rows", "cols", "k_steps", "acc_bits", "floorplan"),
        descriptor=("tiles", "last_pixels", "chunks", "first_byte", "inner", "outer", "outer_stride"),
        multipliers=lambda core: core.rows * core.cols,
        counters=(Counter.ISSUING, Counter.PIXELS, Counter.ROOM, Counter.CHAINS, Counter.OUTSIDE),
    ),
    Element(
        "collector",
        config=("array_clamp_bits", "parameter_depth", "segment_fifo"),
        descriptor=("parameter_base", "array_clamp"),
        memories=(
            Memory("lane parameters", RamPorts.SIMPLE, lambda _: PARAMETER_BITS, lambda core: core.parameter_depth),
            Memory("segments", RamPorts.SIMPLE, lambda core: 8 * core.cols, lambda core: core.segment_fifo),
        ),
    ),
    Element(
        "tables",
        config=("array_table", "window_table", "table_slots"),
        descriptor=("array_table", "window_table"),
        memories=(
            Memory(
                "tables",
                RamPorts.SIMPLE,
                lambda _: _TABLE_BITS,
                lambda core: TABLE_WORDS * core.table_slots,
                lambda core: core.array_table * core.lanes + core.window_table * core.window_lanes,
            ),
        ),
    ),
    Element("operand", descriptor=("operand", "operand_pixel_words", "operand_word", "still")),
    Element("combine", config=("combine_lanes", "combine_multiply"), descriptor=("combine",)),
    Element(
        "writer",
        descriptor=("output", "out_pixel_words", "out_word", "out_half", "spread", "odd", "merge", "channels"),
    ),
    Element("row_writer", descriptor=("to_rows",)),
    Element(
        "sequencer",
        config=("resident_passes",),
        descriptor=("last",),
        memories=(
            Memory(
                "descriptors",
                RamPorts.SIMPLE,
                lambda _: 16,
                lambda core: descriptor_words(core.resident_passes or QUEUE_DEPTH),
            ),
        ),
        counters=(Counter.CYCLES, Counter.WAIT),
    ),
    Element(
        "counters",
        memories=(
            Memory(
                "counters",
                RamPorts.SIMPLE,
                lambda _: 32,
                lambda core: counter_words(core.resident_passes or RECORDED_PASSES),
            ),
        ),
    ),
    Element("dma", config=("spill",)),
    Element("sdram"),
    Element("host"),
)

ELEMENTS = {element.name: element for element in _ALL}
"""Every element, in the order in which a pixel meets them, then what steers them and what is around the core."""


def memories(config: CoreConfig) -> list[Memory]:
    """All memories that a core has."""
    return [memory for element in ELEMENTS.values() for memory in element.memories if memory.count(config)]
