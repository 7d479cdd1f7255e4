"""Feeder: issues the loops over K, for every tile of pixels and every chunk of output channels."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hwgen.hw.array.pixel_ring import ring_address_bits
from hwgen.hw.array.systolic import ArrayControl
from hwgen.hw.isa.config import WORD_BYTES, CoreConfig
from hwgen.hw.isa.descriptor import Descriptor, FeedMode
from hwgen.hw.lib.delay import delayed
from hwgen.hw.lib.loop import Loop


class Feeder(wiring.Component):
    """For tile: for chunk: for outer: for inner: one step of the array.

    Step k = outer_i * inner + inner_i of a chunk reads weight word `weight_base + chunk * K + k` and, of the pixel ring, byte
    `slot * ring_words * 8 + first_byte + outer_i * outer_stride + inner_i`. Running sums give both addresses. With `k_steps` = 2 all of it
    counts in pairs of bytes: what is called a step here are two, `ring_words` has 4 pairs, and the descriptor's fields count pairs.

    A tile's first step waits for its pixels: R for every tile begun and `out_w` for every `row_done`, or all of them when
    `out_rows` rows are done. The last step of a chunk waits until the drain chains of the array are free (2 R cycles after the last
    step before it) and until the collector has room for the R segments that it causes.

    Parameters:
        config: `rows`, `k_steps`, `ring_depth`, `weight_depth`, `segment_fifo`.
        ring_latency: cycles from `read_addr` to the byte of array row 0, at least 1.
        weight_latency: cycles from `weight_addr` to the weight word at the array, at least 1.

    Members:
        descriptor : In(Descriptor), stable from `start` to the end of the pass.
        start : In(1), strobe; ignored when the pass does not go through the array.
        row_done : In(1), strobe: one more output row can be read from the next cycle on.
        tile_free : Out(1), strobe: all array rows have read all of a tile.
        read_addr : Out(ring_address_bits(config)), to the pixel ring.
        weight_addr : Out(range(weight_depth)), to the weight memory.
        ctl : Out(ArrayControl), to the array, in the cycle in which the step's operands arrive there.
        segment_taken : In(1), strobe: one segment has left the collector.
        chunk_start : Out(1), strobe: the next chunk of lane parameters is wanted; tiles * chunks times in a pass.
        issuing, waiting_pixels, waiting_room, waiting_chains : Out(1), what the feeder did in the cycle before: waiting_chains where only
            the drain chains were not free, waiting_room where they were but there was no room.
        working : Out(1), just one of them holds: from two cycles after `start` to the cycle after the pass's last step.

    Timing: let F and L be the cycles of a chunk's first and last step, L' the last step before it (`start` for the first), A three cycles
    after the `row_done` that completes the tile (for the tile's first chunk only) and T two cycles after the `segment_taken` that
    makes room. Then F = max(L' + 1, A, 4 cycles after the first step of the tile before) and L = max(F + K - 1, L' + 2 R, T); for K = 1,
    F = L = the larger of both. All
    steps but the last follow F without a gap. `read_addr` of a step in cycle t is out in cycle t + read_delay, `weight_addr` in
    t + weight_delay (one of the delays is 0), `ctl` in t + LATENCY; `tile_free` in cycle
    L + read_delay + R of a tile's last chunk; `chunk_start` in cycle start + 1 and in cycle L + 1 of every chunk but the last.
    """

    def __init__(self, config: CoreConfig, ring_latency: int, weight_latency: int) -> None:
        self._config = config
        self.LATENCY = max(ring_latency, weight_latency)
        """Cycles from a step to its `ctl`."""
        self.read_delay = self.LATENCY - ring_latency
        """Cycles from a step to its `read_addr`."""
        self.weight_delay = self.LATENCY - weight_latency
        """Cycles from a step to its `weight_addr`."""
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "start": In(1),
                "row_done": In(1),
                "tile_free": Out(1),
                "read_addr": Out(ring_address_bits(config)),
                "weight_addr": Out(range(config.weight_depth)),
                "ctl": Out(ArrayControl),
                "segment_taken": In(1),
                "chunk_start": Out(1),
                "issuing": Out(1),
                "waiting_pixels": Out(1),
                "waiting_room": Out(1),
                "waiting_chains": Out(1),
                "working": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        d, rows = self.descriptor, self._config.rows
        start, running = Signal(), Signal()
        m.d.comb += start.eq(self.start & (d.mode != FeedMode.SUM) & ~d.to_rows)

        inner, outer = Loop(m, "inner", d.inner), Loop(m, "outer", d.outer)
        chunk, tile = Loop(m, "chunk", d.chunks), Loop(m, "tile", d.tiles)
        tile_first, chunk_first = Signal(), Signal()
        step_last, tile_end = Signal(), Signal()
        issue, begun, ended = Signal(), Signal(), Signal()
        # `issue` steers all loops and addresses, so it is one look-up table behind registers.
        may_issue = Signal()  # a tile is in work, or may begin
        drained, may_end = self._may_end(m, start | (issue & step_last), self._room(m, ended))
        m.d.comb += [
            step_last.eq(inner.last & outer.last),
            tile_end.eq(step_last & chunk.last),
            issue.eq(may_issue & (~(inner.last & outer.last) | may_end)),
        ]
        pixels = self._pixels(m, start, begun)
        with m.If(start):
            m.d.sync += may_issue.eq(0)
        with m.Elif(issue & tile_end):
            # In a tile's first step `pixels` still speaks of that tile.
            m.d.sync += may_issue.eq(pixels & ~tile_first & ~tile.last)
        with m.Elif(running & pixels):
            m.d.sync += may_issue.eq(1)
        m.d.sync += [
            begun.eq(issue & tile_first),
            ended.eq(issue & step_last),
            self.chunk_start.eq(start | (issue & step_last & ~(chunk.last & tile.last))),
            self.issuing.eq(issue),
            self.waiting_pixels.eq(running & ~may_issue),
            self.waiting_room.eq(may_issue & step_last & drained & ~may_end),
            self.waiting_chains.eq(may_issue & step_last & ~drained),
            self.working.eq(running),
        ]

        address, weight = self._addresses(m, start, issue, inner.last, outer.last, chunk.last)
        with m.If(issue):
            m.d.sync += [chunk_first.eq(step_last), tile_first.eq(tile_end)]
            inner.advance()
            with m.If(inner.last):
                outer.advance()
            with m.If(step_last):
                chunk.advance()
            with m.If(tile_end):
                tile.advance()
                with m.If(tile.last):
                    m.d.sync += running.eq(0)
        with m.If(start):
            for loop in (inner, outer, chunk, tile):
                loop.restart()
            m.d.sync += [running.eq(1), tile_first.eq(1), chunk_first.eq(1)]

        m.d.comb += [
            self.read_addr.eq(delayed(m, address, self.read_delay, "read_addr")),
            self.weight_addr.eq(delayed(m, weight, self.weight_delay, "weight_addr")),
            self.ctl.valid.eq(delayed(m, issue, self.LATENCY, "valid", control=True)),
            self.ctl.first.eq(delayed(m, chunk_first, self.LATENCY, "first")),
            self.ctl.last.eq(delayed(m, step_last, self.LATENCY, "last")),
            self.tile_free.eq(delayed(m, issue & tile_end, self.read_delay + rows, "free", control=True)),
        ]
        return m

    def _pixels(self, m: Module, start: Value, begun: Value) -> Value:
        """Whether the pixels of the next tile are complete; not for the first two cycles after a tile's first step, whose pixels are
        taken off meanwhile (`begun` comes a cycle after it)."""
        d, rows = self.descriptor, self._config.rows
        spare = Signal(signed(len(d.ring_pixels) + 1))  # pixels beyond the R that a tile needs
        all_rows = Signal()
        left = Loop(m, "rows", d.out_rows)
        row_less_tile = Signal(signed(len(d.out_w) + 1), reset_less=True)
        change = Signal(signed(len(d.out_w) + 1))
        m.d.sync += row_less_tile.eq(d.out_w - rows)
        m.d.comb += change.eq(
            Mux(self.row_done, Mux(begun, row_less_tile, d.out_w), Mux(begun, -rows, 0)),
        )
        m.d.sync += spare.eq(spare + change)
        with m.If(self.row_done):
            left.advance()
            with m.If(left.last):
                m.d.sync += all_rows.eq(1)
        with m.If(start):
            left.restart()
            m.d.sync += [spare.eq(-rows), all_rows.eq(0)]
        enough, begun_before = Signal(), Signal()
        m.d.sync += [enough.eq((~spare[-1] | all_rows) & ~start), begun_before.eq(begun)]
        return enough & ~begun & ~begun_before

    def _may_end(self, m: Module, again: Value, room: Value) -> tuple[Signal, Signal]:
        """Whether the drain chains are free for the end of a chunk, 2 R cycles after the last step before (the start counts as one, so that
        `chunk_start` strobes keep that distance too), and whether there is `room` besides, as it was a cycle before."""
        distance = 2 * self._config.rows
        wait = Signal(range(distance))
        drained, may_end = Signal(init=1), Signal()
        with m.If(again):
            m.d.sync += [wait.eq(distance - 1), drained.eq(0), may_end.eq(0)]
        with m.Else():
            m.d.sync += [wait.eq(wait - 1), may_end.eq((drained | (wait == 1)) & room)]
            with m.If(wait == 1):
                m.d.sync += drained.eq(1)
        return drained, may_end

    def _room(self, m: Module, ended: Value) -> Value:
        """Whether the collector has room for a chunk's R segments. All segments of a pass are taken, so the count needs no restart."""
        depth, rows = self._config.segment_fifo, self._config.rows
        spare = Signal(signed(ceil_log2(depth + 1) + 1), init=depth - rows)
        m.d.sync += spare.eq(spare + Mux(ended, self.segment_taken - rows, self.segment_taken))
        return ~spare[-1]

    def _addresses(
        self, m: Module, start: Value, issue: Value, inner_last: Value, outer_last: Value, chunk_last: Value
    ) -> tuple[Signal, Signal]:
        """Byte address and weight address of the present step."""
        d = self.descriptor
        width = len(self.read_addr)
        address, outer_base = Signal(width, reset_less=True), Signal(width, reset_less=True)
        tile_base, next_tile = Signal(width, reset_less=True), Signal(width, reset_less=True)
        weight = Signal(len(self.weight_addr), reset_less=True)
        slot = Loop(m, "slot", d.ring_slots)

        # The base of the next tile is wanted at the earliest two cycles after the present one changed.
        m.d.sync += next_tile.eq(
            Mux(slot.last, d.first_byte, tile_base + d.ring_words * (WORD_BYTES // self._config.k_steps))
        )
        step = Signal(width)
        m.d.comb += step.eq(Mux(inner_last, outer_base, address) + Mux(inner_last, d.outer_stride, 1))
        with m.If(issue):
            m.d.sync += [address.eq(step), weight.eq(weight + 1)]
            with m.If(inner_last):
                m.d.sync += outer_base.eq(step)
                with m.If(outer_last):
                    m.d.sync += [address.eq(tile_base), outer_base.eq(tile_base)]
                    with m.If(chunk_last):
                        m.d.sync += [signal.eq(next_tile) for signal in (address, outer_base, tile_base)]
                        m.d.sync += weight.eq(d.weight_base)
                        slot.advance()
        with m.If(start):
            m.d.sync += [signal.eq(d.first_byte) for signal in (address, outer_base, tile_base)]
            m.d.sync += weight.eq(d.weight_base)
            slot.restart()
        return address, weight
