"""The window's parameter memory, and the registers that hold a subgroup's weights while the next one's are read."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwgen.hw.ecp5.bram import SimpleDualPort
from hwgen.hw.isa.config import PARAMETER_BITS, WINDOW_WORDS, CoreConfig
from hwgen.hw.isa.descriptor import ChannelParameters, Descriptor, FeedMode
from hwgen.hw.lib.register_copies import register_copies

TAPS = 9

SUM_TAP = 2
"""Newest column of row 0."""

_WEIGHT_WORDS = 4
_ENTRIES = 4
"""Subgroups whose requantisation parameters are held: in use, one whose first columns are under way, being read, and one to spare."""


def window_write_layout(config: CoreConfig) -> data.StructLayout:
    """A write to the parameter memory."""
    return data.StructLayout(
        {"valid": 1, "addr": range(config.window_depth), "data": PARAMETER_BITS // 4 * config.window_lanes}
    )


class WindowParameters(wiring.Component):
    """Reads a subgroup's words ahead and hands them over when the window takes the subgroup's first column.

    A subgroup has WINDOW_WORDS words: four with the weights (tap 0 of all lanes, tap 1, ...), four with the lanes' ChannelParameters.
    Subgroups follow each other from `window_base` on, and from the start again for every output row. A subgroup whose kernel consists of
    several blocks has as many times four words with weights, and four with parameters behind the last. In feed mode SUM the weights
    are 1 for SUM_TAP and 0 for the others, whatever the memory holds.

    Parameters:
        config: `window_lanes` (L), `window_depth`, `partial_depth`.
        init: initial content of the memory.

    Members:
        descriptor : In(Descriptor), start : In(1).
        write : In(window_write_layout(config)).
        advance : In(1), strobe: go on to the next subgroup, or block of one; only while `ready`.
        advance_weights : In(1), strobe: hand over the weights; in the cycle of `advance` or the one after it.
        advance_parameters : In(1), strobe: hand over the parameters; MIN_DELAY to 2 PERIOD cycles after `advance`.
        ready : Out(1), the next subgroup may begin.
        weights : Out(ArrayLayout(ArrayLayout(signed(8), L), TAPS)), from two cycles after `advance_weights` on.
        parameters : Out(ArrayLayout(ChannelParameters, L)), from PARAMETERS_DELAY cycles after `advance_parameters` on.

    Timing: `ready` from PERIOD cycles after `start` and after each `advance` on.
    """

    PERIOD = WINDOW_WORDS + 1
    """Least cycles between subgroups: addresses of all words, and one for the hand-over."""

    MIN_DELAY = 3
    """The last word has arrived: the longest latency of the memory."""

    PARAMETERS_DELAY = 2
    """Cycles from `advance_parameters` to the new `parameters`."""

    def __init__(self, config: CoreConfig, init: Sequence[int] = ()) -> None:
        self._config = config
        lanes = config.window_lanes
        # Its blocks lie where the activations' leave room, far from the lanes: a register on the way.
        self._memory = SimpleDualPort(PARAMETER_BITS // 4 * lanes, config.window_depth, init, extra_register=True)
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "start": In(1),
                "write": In(window_write_layout(config)),
                "advance": In(1),
                "advance_weights": In(1),
                "advance_parameters": In(1),
                "ready": Out(1),
                "weights": Out(data.ArrayLayout(data.ArrayLayout(signed(8), lanes), TAPS)),
                "parameters": Out(data.ArrayLayout(ChannelParameters, lanes)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        d = self.descriptor
        lanes = self._config.window_lanes
        m.submodules.memory = memory = self._memory
        m.d.comb += [
            memory.w_en.eq(self.write.valid),
            memory.w_addr.eq(self.write.addr),
            memory.w_data.eq(self.write.data),
        ]

        step = Signal(range(WINDOW_WORDS))
        loading = Signal()
        blocks = self._config.partial_depth > 0
        # The word's address above the step's bits: of eight words, with blocks of four.
        step_bits = len(step) - blocks
        place = Signal(len(memory.r_addr) - step_bits, reset_less=True)
        first = Cat(Const(0, 1), d.window_base) if blocks else d.window_base
        left = Signal(len(d.groups), reset_less=True)
        entry = Signal(range(_ENTRIES))
        m.d.comb += [memory.r_en.eq(1), memory.r_addr.eq(Cat(step[:step_bits], place))]
        # The place of the subgroup after the one that is read is found when its reading ends, not with `advance`, which comes late.
        ends = Signal()
        m.d.comb += ends.eq(loading & (step == WINDOW_WORDS - 1))
        closes: Value = Const(1)
        if blocks:
            closes = self._count_blocks(m, loading, step, ends, place)
        with m.If(loading):
            m.d.sync += step.eq(step + 1)
        with m.If(ends):
            m.d.sync += loading.eq(0)
            if not blocks:
                m.d.sync += place.eq(place + 1)
            with m.If(closes):
                m.d.sync += left.eq(left - 1)
                with m.If(left == 1):
                    m.d.sync += [place.eq(first), left.eq(d.groups)]
        with m.If(self.advance):
            m.d.sync += [loading.eq(1), entry.eq(entry + 1)]
        with m.If(self.start & (d.mode != FeedMode.TAP)):
            m.d.sync += [loading.eq(1), step.eq(0), place.eq(first), left.eq(d.groups), entry.eq(0)]

        # What arrives: the same counts, as late as the memory; and what it is, a cycle before, so that every enable is a register.
        arrived: tuple[Signal, Signal, Signal] = (loading, step, entry)
        for i in range(memory.latency):
            arriving, arriving_step, _ = arrived
            following = (
                Signal(name=f"arriving_{i}"),
                Signal.like(step, name=f"step_{i}", reset_less=True),
                Signal.like(entry, name=f"entry_{i}", reset_less=True),
            )
            m.d.sync += [new.eq(old) for new, old in zip(following, arrived, strict=True)]
            arrived = following
        arrived_entry = arrived[-1]

        shadow = Signal(8 * TAPS * lanes, reset_less=True)
        active = Signal.like(shadow)
        shifted = Cat(shadow[len(memory.r_data) :], memory.r_data)
        is_weights = arriving & (arriving_step < _WEIGHT_WORDS)
        for lane, enable in enumerate(register_copies(m, "shift_weights", is_weights, lanes)):
            with m.If(enable):
                for tap in range(TAPS):
                    at = tap * lanes + lane
                    m.d.sync += shadow.word_select(at, 8).eq(shifted.word_select(at, 8))
        # There are so many weights that each lane's have enables of their own.
        enables = register_copies(m, "take_weights", self.advance_weights, lanes)
        for lane, (take, is_sum) in enumerate(
            zip(enables, register_copies(m, "is_sum", d.mode == FeedMode.SUM, lanes), strict=True)
        ):
            for tap in range(TAPS):
                weight = shadow.word_select(tap * lanes + lane, 8)
                with m.If(take):
                    m.d.sync += active.word_select(tap * lanes + lane, 8).eq(Mux(is_sum, int(tap == SUM_TAP), weight))
        m.d.comb += [self.weights.as_value().eq(active), self.ready.eq(~loading)]

        using = Signal(range(_ENTRIES), init=_ENTRIES - 1)
        with m.If(self.advance_parameters):
            m.d.sync += using.eq(using + 1)
        with m.If(self.start):
            m.d.sync += using.eq(_ENTRIES - 1)
        per_word = lanes // _WEIGHT_WORDS
        is_parameters = Signal(WINDOW_WORDS - _WEIGHT_WORDS)  # of each word's lanes
        m.d.sync += is_parameters.eq(
            Cat(arriving & (arriving_step == word) for word in range(_WEIGHT_WORDS, WINDOW_WORDS))
        )
        for lane in range(lanes):
            parameters = Signal(ChannelParameters, name=f"parameters_{lane}_now", reset_less=True)
            table = Memory(shape=PARAMETER_BITS, depth=_ENTRIES, init=[], attrs={"ram_style": "distributed"})
            m.submodules[f"parameters_{lane}"] = table
            write, read = table.write_port(), table.read_port(domain="comb")
            m.d.comb += [
                write.en.eq(is_parameters[lane // per_word]),
                write.addr.eq(arrived_entry),
                write.data.eq(memory.r_data.word_select(lane % per_word, PARAMETER_BITS)),
                read.addr.eq(using),
                self.parameters[lane].eq(parameters),
            ]
            m.d.sync += parameters.eq(read.data)
        return m

    def _count_blocks(self, m: Module, loading: Value, step: Value, ends: Value, place: Signal) -> Value:
        """Goes on by four words behind a block's weights, and by four more behind the last block's parameters.

        All blocks take eight cycles; what is read where there are no parameters is not used. Returns whether the block that is read is
        its subgroup's last.
        """
        d = self.descriptor
        left = Signal(len(d.blocks), reset_less=True)
        final = Signal(reset_less=True)
        with m.If(ends):
            m.d.sync += [left.eq(Mux(final, d.blocks, left - 1)), final.eq(Mux(final, d.blocks == 1, left == 2))]
        with m.If(self.start):
            m.d.sync += [left.eq(d.blocks), final.eq(d.blocks == 1)]
        with m.If(ends | (loading & final & (step == _WEIGHT_WORDS - 1))):
            m.d.sync += place.eq(place + 1)
        return final
