"""Pixel ring: holds the pixels that the array works on and those that the window or the fetch has already made."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hwgen.hw.array.element import OPERAND_BITS, operands
from hwgen.hw.array.ring_writes import OneByOne, RingWrites
from hwgen.hw.array.shared_ring_writes import SharedRingWrites
from hwgen.hw.ecp5.bram import SimpleDualPort, simple_latency
from hwgen.hw.isa.config import WORD_BYTES, CoreConfig
from hwgen.hw.isa.descriptor import Descriptor, FeedMode
from hwgen.hw.lib.delay import delay_line

_WORD_BITS = 8 * WORD_BYTES
_HALF_BITS = _WORD_BITS // 2


ROW_DONE = 2
"""Cycles from the last beat of an output row to `row_done`."""


def ring_address_bits(config: CoreConfig) -> int:
    """Bits of the address of a step's bytes inside the ring's memory of one array row."""
    return ceil_log2(config.ring_depth * WORD_BYTES // config.k_steps)


def pixel_latency(config: CoreConfig) -> int:
    """Cycles from an address to the bytes of array row 0: the memory, the choice of the bytes, the way to the array."""
    return simple_latency(config.ring_depth) + 2


class PixelRing(wiring.Component):
    """A memory per array row, written pixel by pixel and read in the skewed order that the systolic array wants.

    Output pixel p of the pass (raster order) belongs to array row p mod R and to tile p // R; tile t lies in slot t mod `ring_slots`,
    which starts at word `slot * ring_words` of every memory. Words arrive in the order output row, word m of a pixel, x: the ring
    returns to the row's first pixel for every m. In TAP mode m counts the words of `i_word` up to `ring_words`; in WINDOW mode the
    subgroups of `i_half` up to `groups`: with 8 lanes a word each, with 4 lanes subgroup 2 m is the lower half of word m and
    2 m + 1 the upper. With `shared` words of TAP arrive in the order output row, tap row, word of a tap, column, and a column's word goes
    to all its pixels at once (`hwgen.hw.array.shared_ring_writes.SharedRingWrites`). In other modes, and when the window's results go to
    the row writer, both inputs are ignored.

    Parameters:
        config: `rows`, `k_steps`, `window_lanes`, `ring_depth`, `shared_taps`.

    Members:
        descriptor : In(Descriptor), stable from `start` to the end of the pass.
        start : In(1), strobe; no word may come earlier than the cycle after it.
        i_word : In(stream {data: 64}), words of TAP passes.
        i_half : In(stream {data: 8 L, last: 1}), results of WINDOW passes.
        row_done : Out(1), strobe: all words of an output row are written.
        read_addr : In(ring_address_bits(config)), in the memory of array row 0, in units of a step's bytes.
        a : Out(ArrayLayout(operands(k_steps), R)), bytes to the array.

    Timing: both inputs are always ready, one beat per cycle. The last beat of an output row in cycle t gives `row_done` in cycle
    t + ROW_DONE, and every byte of the row can be read by an address in cycle t + ROW_DONE + 1 or later. An address in cycle t gives row
    r's byte in cycle t + LATENCY + r; one address per cycle. A slot may be written again R cycles after its last address.
    """

    def __init__(self, config: CoreConfig) -> None:
        self._config = config
        self.LATENCY = pixel_latency(config)
        """Cycles from an address to the bytes of array row 0: the memory, then their selection."""
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "start": In(1),
                "i_word": In(stream.Signature(data.StructLayout({"data": _WORD_BITS}))),
                "i_half": In(stream.Signature(data.StructLayout({"data": 8 * config.window_lanes, "last": 1}))),
                "row_done": Out(1),
                "read_addr": In(ring_address_bits(config)),
                "a": Out(data.ArrayLayout(operands(config.k_steps), config.rows)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rows = self._config.rows
        word = Signal(_WORD_BITS, reset_less=True)
        writes = self._write_side(m, word)

        latency = simple_latency(self._config.ring_depth)
        read = self.read_addr
        bits = OPERAND_BITS * self._config.k_steps
        in_word = ceil_log2(_WORD_BITS // bits)
        place = delay_line(m, read[:in_word], rows - 1 + latency, "place")
        for r in range(rows):
            halves = []
            for half, name in enumerate(("lower", "upper")):
                m.submodules[f"{name}_{r}"] = memory = SimpleDualPort(_HALF_BITS, self._config.ring_depth)
                m.d.comb += [
                    memory.w_en.eq(writes.enable[r][half]),
                    memory.w_addr.eq(writes.address[r]),
                    memory.w_data.eq(word[half * _HALF_BITS :]),
                    memory.r_en.eq(1),
                    memory.r_addr.eq(read[in_word:]),
                ]
                halves.append(memory.r_data)
            chosen, a = Signal(bits, name=f"chosen_{r}", reset_less=True), Signal(bits, name=f"a_{r}", reset_less=True)
            m.d.sync += [chosen.eq(Cat(*halves).word_select(place[r + latency], bits)), a.eq(chosen)]
            m.d.comb += Value.cast(self.a[r]).eq(a)
            following = Signal(len(self.read_addr), name=f"read_{r + 1}", reset_less=True)
            m.d.sync += following.eq(read)
            read = following
        return m

    def _write_side(self, m: Module, word: Signal) -> RingWrites:
        """Registers between the inputs and the memories' write ports."""
        d = self.descriptor
        tap, window = Signal(), Signal()
        half = self.i_half.payload.data
        if self._config.window_lanes == 4:
            half = half.replicate(2)
        # Through registers: the fetch and the window are far away, and `take` steers the whole write side.
        take, beat = Signal(), Signal(_WORD_BITS, reset_less=True)
        m.d.comb += [
            self.i_word.ready.eq(1),
            self.i_half.ready.eq(1),
            tap.eq(d.mode == FeedMode.TAP),
            window.eq((d.mode == FeedMode.WINDOW) & ~d.to_rows),
        ]
        m.d.sync += [
            take.eq((self.i_word.valid & tap) | (self.i_half.valid & window)),
            beat.eq(Mux(tap, self.i_word.payload.data, half)),
        ]

        m.submodules.writes = writes = (SharedRingWrites if self._config.shared_taps else OneByOne)(self._config)
        m.d.sync += word.eq(beat)
        m.d.comb += [
            writes.descriptor.eq(d),
            writes.start.eq(self.start),
            writes.tap.eq(tap),
            writes.take.eq(take),
            self.row_done.eq(writes.row_done),
        ]
        return writes
