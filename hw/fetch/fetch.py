"""Fetch: reads the input of a pass from the activation memory, in the order that the pixel ring or the window wants."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, ShapeLike, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hwgen.hw.fetch.beat_addresses import BeatAddresses
from hwgen.hw.fetch.column import column_layout
from hwgen.hw.fetch.row_addresses import WINDOW_ROWS, RowAddresses
from hwgen.hw.fetch.stepped_row_addresses import SteppedRowAddresses
from hwgen.hw.isa.config import BANKS, WINDOW_WORDS, WORD_BYTES, CoreConfig
from hwgen.hw.isa.descriptor import Descriptor, FeedMode
from hwgen.hw.lib.fifo import StreamFifo
from hwgen.hw.lib.loop import Loop
from hwgen.hw.memory.activation_memory import ADDRESS_BITS, BANK_BITS, BankAddresses, BankWords

START_DELAY = 3
"""Cycles from `start` to the first beat's turn."""

SUBGROUP_CYCLES = WINDOW_WORDS + 1
"""Least cycles from the first column of a subgroup to the first of the next: the window loads its parameters meanwhile."""

_FIFO_DEPTH = 16
_WORD_BITS = 8 * WORD_BYTES
_CHAIN_ROWS_BITS, _CHAIN_COLUMNS_BITS = 2, 3  # of kernels without row steps


def fetch_latency(read_latency: int) -> int:
    """Cycles from a beat's turn to the beat at the output."""
    return read_latency + 5


def check_read_latency(read_latency: int) -> None:
    """Raises ValueError if the output FIFO could not hide the memory's latency."""
    if not 2 <= read_latency <= _FIFO_DEPTH - 6:
        raise ValueError(f"read_latency must be 2..{_FIFO_DEPTH - 6} (or reads would wait), not {read_latency}")


def row_gap(stride_y: int) -> int:
    """Least cycles from the first beat of a row to the first of the next."""
    return stride_y + 2


class Fetch(wiring.Component):
    """Issues a read per cycle, substitutes padding, and delivers words (TAP) or columns of three rows (WINDOW, SUM).

    - TAP: for row: for ky < kernel_h: for kx < kernel_w: for g < groups: for x < out_w: word first_word + g of pixel
      in_x + x * stride_x + kx of row in_y + row * stride_y + ky.
    - WINDOW: for row: for sg < groups: for col < columns: of rows in_y + row * stride_y + i, i < kernel_h, the L bytes of
      subgroup sg (at word first_word + sg * L // 8) of pixel in_x + col. `emit` if col >= kernel_w - 1 and
      (col - kernel_w + 1) % stride_x == 0.
    - SUM: for sg < groups: for row < out_rows: for x < out_w: the same of row in_y + row alone (rows[1] and rows[2] are
      `fill`); `start` with the first, `emit` with the last column of a subgroup.

    Rows and columns outside the tensor read as `fill`.

    A core with row steps has more of it:
    - TAP: pixel in_x + x * stride_x + kx * tap_columns of row in_y + row * stride_y + ky * tap_rows.
    - WINDOW: for row: for sg: for by < blocks_h: for bx < blocks_w: for col: rows in_y + row * stride_y + by * tap_rows + i of pixel
      in_x + bx * tap_columns + col; `start` with the first column of every block.

    Parameters:
        config: `rows` (R), `window_lanes` (L), `row_steps`, `partial_depth`.
        read_latency: of the activation memory's port A.

    Members:
        descriptor : In(Descriptor), stable from `start` to the end of the pass.
        start : In(1), strobe.
        read_addr : Out(BankAddresses), read_data : In(BankWords), port A.
        tile_free : In(1), strobe: the pixel ring has room for R more pixels.
        o_word : Out(stream {data: 64}), o_column : Out(stream of column_layout(L)).

    Timing, with outputs that are always ready: each beat has a turn, and is offered at the output `latency` cycles after it. The
    first beat of row r has its turn in cycle S_r, beat n in S_r + n (TAP) or S_r + sg * max(columns, 9) + col (WINDOW):
        S_0 = max(start + START_DELAY, C_0), S_r = max(S_(r-1) + D, C_r),
        D = max(beats, stride_y + 2) (TAP), groups * max(columns, 9) (WINDOW).
    C_r is the first cycle with ring_pixels + R * (strobes of `tile_free` before it) >= (r + 1) * out_w; 0 if the pass does not
    feed the pixel ring.
    With row steps a tap row of TAP, and a row of blocks in WINDOW, that is not the last of its output row or subgroup takes at least
    tap_rows + 2 cycles: D = (kernel_h - 1) * max(beats of a tap row, tap_rows + 2) + max(beats of a tap row, stride_y + 2) (TAP),
    groups * ((blocks_h - 1) * max(b, tap_rows + 2) + b) with b = blocks_w * max(columns, 9) (WINDOW).
    SUM: S_sg = start + START_DELAY + sg * max(out_rows * P, 9) with P = max(out_w, 3), column x of row y in S_sg + y * P + x.
    An output that is not ready costs nothing until _FIFO_DEPTH beats are under way or waiting; turns then wait for room.
    """

    def __init__(self, config: CoreConfig, read_latency: int) -> None:
        check_read_latency(read_latency)
        self._config, self._read_latency = config, read_latency
        self._layout = column_layout(config.window_lanes, config.partial_depth > 0)
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "start": In(1),
                "read_addr": Out(BankAddresses),
                "read_data": In(BankWords),
                "tile_free": In(1),
                "o_word": Out(stream.Signature(data.StructLayout({"data": _WORD_BITS}))),
                "o_column": Out(stream.Signature(self._layout)),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from a beat's turn to the beat at the output."""
        return fetch_latency(self._read_latency)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        d = self.descriptor
        tap, is_sum = Signal(), Signal()
        m.d.sync += [tap.eq(d.mode == FeedMode.TAP), is_sum.eq(d.mode == FeedMode.SUM)]
        constants_done, begin = Signal(), Signal()
        m.d.sync += [constants_done.eq(self.start), begin.eq(constants_done)]

        steps = self._config.row_steps
        m.submodules.chain = chain = SteppedRowAddresses() if steps else RowAddresses()
        x_count = Signal(len(d.columns), reset_less=True)
        kernel_h = d.kernel_h if steps else d.kernel_h[:_CHAIN_ROWS_BITS]
        kernel_w = d.kernel_w if steps else d.kernel_w[:_CHAIN_COLUMNS_BITS]
        kx_count, ky_count = Signal(len(kernel_w), reset_less=True), Signal(len(kernel_h), reset_less=True)
        blocks_h, blocks_w = Const(1), Const(1)
        if steps:
            blocks_h, blocks_w = (Mux(d.mode == FeedMode.WINDOW, count, 1) for count in (d.blocks_h, d.blocks_w))
        m.d.sync += [
            x_count.eq(Mux(d.mode == FeedMode.WINDOW, d.columns, d.out_w)),
            kx_count.eq(Mux(d.mode == FeedMode.TAP, kernel_w, blocks_w)),
            ky_count.eq(Mux(d.mode == FeedMode.TAP, kernel_h, blocks_h)),
        ]
        x, group = Loop(m, "x", x_count), Loop(m, "group", d.groups)
        kx, ky = Loop(m, "kx", kx_count), Loop(m, "ky", ky_count)
        row = Loop(m, "row", d.out_rows)

        # Whose turn it is, and whether it may be.
        running, issue = Signal(), Signal()
        row_first, subgroup_first = Signal(), Signal()
        # First beat with new rows: of an output row; with row steps of every tap row and row of blocks.
        rows_first = Signal() if steps else row_first
        room, pixels, spaced = self._room(m, issue), Signal(), self._spaced(m, issue & subgroup_first, begin)
        m.d.comb += [
            issue.eq(running & room & (~rows_first | chain.ready) & (~row_first | pixels) & (~subgroup_first | spaced)),
            chain.descriptor.eq(d),
            chain.restart.eq(constants_done),
            chain.take.eq(issue & rows_first),
        ]
        if isinstance(chain, SteppedRowAddresses):
            m.d.comb += [
                chain.back.eq(Mux(is_sum, row.last, ~tap & ky.last & ~group.last)),
                chain.onward.eq(ky.last & ~is_sum),
            ]
        else:
            m.d.comb += chain.rewind.eq(is_sum & row.last)
        self._pixels(m, begin, issue & row_first, pixels)

        # SUM loops over rows inside a subgroup, the others over subgroups (groups) inside a row. With row steps WINDOW loops over
        # blocks inside a subgroup, TAP over words (groups) inside a tap.
        row_end, subgroup_end, group_end, tap_end, all_end = Signal(), Signal(), Signal(), Signal(), Signal()
        blocks_end = (tap | (kx.last & ky.last)) if steps else Const(1)
        m.d.comb += [
            group_end.eq(x.last & (~is_sum | row.last) & blocks_end),
            tap_end.eq(x.last & group.last & ~is_sum),
            row_end.eq(x.last & (is_sum | (group.last & kx.last & ky.last))),
            subgroup_end.eq((x.last & (~is_sum | row.last) if steps else group_end) & ~tap),
            all_end.eq(x.last & group.last & kx.last & ky.last & row.last),
        ]
        kx_end = x.last & (~tap | group.last) if steps else tap_end
        ky_index = Signal(BANK_BITS)
        with m.If(issue):
            x.advance()
            m.d.sync += [row_first.eq(row_end), subgroup_first.eq(subgroup_end)]
            if steps:
                m.d.sync += rows_first.eq(kx_end & kx.last)
            with m.If(group_end):
                group.advance()
            with m.If(kx_end):
                kx.advance()
                with m.If(kx.last):
                    ky.advance()
                    if not steps:
                        m.d.sync += ky_index.eq(Mux(ky.last, 0, ky_index + 1))
            with m.If(row_end):
                row.advance()
            with m.If(all_end):
                m.d.sync += running.eq(0)
        with m.If(begin):
            for loop in (x, group, kx, ky, row):
                loop.restart()
            m.d.sync += [running.eq(1), row_first.eq(1), rows_first.eq(1), subgroup_first.eq(~tap), ky_index.eq(0)]

        m.submodules.place = place = BeatAddresses(self._config)
        m.d.comb += [
            place.descriptor.eq(d),
            place.begin.eq(begin),
            place.issue.eq(issue),
            place.line_end.eq(x.last),
            place.group_end.eq(group_end),
            place.group_last.eq(group.last),
            place.tap_end.eq(tap_end),
            place.kx_last.eq(kx.last),
        ]

        # First stage: the beat's own part; second stage: with the row's.
        valid = Signal()
        first = Signal(
            data.StructLayout(
                {"ky": BANK_BITS, "odd": 1, "outside": 1, "start": 1, "emit": 1, "last": 1, "offset": ADDRESS_BITS}
            ),
            reset_less=True,
        )
        m.d.sync += [
            valid.eq(issue),
            first.ky.eq(ky_index),
            first.odd.eq(place.odd),
            first.outside.eq(place.column.as_unsigned() >= d.in_w),
            first.start.eq(subgroup_first),
            first.emit.eq(place.window_emit | (is_sum & group_end)),
            first.last.eq(all_end),
            first.offset.eq(place.offset),
        ]
        bases = Signal(BankAddresses, reset_less=True)
        bank, rows_outside = Signal(BANK_BITS, reset_less=True), Signal(WINDOW_ROWS, reset_less=True)
        with m.If(issue & rows_first):
            m.d.sync += [bases.eq(chain.addrs), bank.eq(chain.bank), rows_outside.eq(chain.outside)]

        flags_layout: dict[str, ShapeLike] = {
            "bank": BANK_BITS,
            "odd": 1,
            "fill": WINDOW_ROWS,
            "start": 1,
            "emit": 1,
            "rows_cut": 1,
            "cols_cut": 1,
            "last": 1,
        }
        if self._config.partial_depth:
            flags_layout |= {"opens": 1, "closes": 1}
        flags = Signal(data.StructLayout(flags_layout), name="flags", reset_less=True)
        if self._config.partial_depth:
            self._blocks(m, flags, issue, begin, kx_end, group_end, is_sum | (kx.last & ky.last), is_sum)
        addrs = Signal(BankAddresses, reset_less=True)
        unused = Signal(WINDOW_ROWS, reset_less=True)
        m.d.sync += [unused[i].eq(is_sum | (kernel_h <= i)) for i in range(1, WINDOW_ROWS)]
        m.d.comb += self.read_addr.eq(addrs)
        m.d.sync += [addrs[b].eq(bases[b] + first.offset) for b in range(BANKS)]
        tap_outside = rows_outside.bit_select(first.ky, 1) | first.outside
        m.d.sync += [
            flags.bank.eq(bank + Mux(tap, first.ky, 0)),
            flags.odd.eq(first.odd),
            flags.fill.eq(
                Mux(tap, tap_outside.replicate(WINDOW_ROWS), rows_outside | unused | first.outside.replicate(3))
            ),
            flags.start.eq(first.start),
            flags.emit.eq(first.emit),
            flags.rows_cut.eq((rows_outside & ~unused).any()),
            flags.cols_cut.eq(first.emit & self._cols_cut(m, valid, first.outside)),
            flags.last.eq(first.last),
        ]
        self._answer(m, valid, flags, tap)
        return m

    def _blocks(
        self,
        m: Module,
        flags: data.View,
        issue: Value,
        begin: Value,
        block_end: Value,
        group_end: Value,
        last: Value,
        is_sum: Value,
    ) -> None:
        """Marks the columns of a kernel's first and last block, in step with the other flags."""
        opening = Signal(reset_less=True)
        opens, closes = Signal(reset_less=True), Signal(reset_less=True)
        m.d.sync += [opens.eq(opening | is_sum), closes.eq(last), flags.opens.eq(opens), flags.closes.eq(closes)]
        with m.If(issue & block_end):
            m.d.sync += opening.eq(group_end)
        with m.If(begin):
            m.d.sync += opening.eq(1)

    def _room(self, m: Module, issue: Signal) -> Value:
        """Whether the output FIFO will have room for one more beat. A pass ends with all of it free, so it needs no restart."""
        spare = Signal(signed(ceil_log2(_FIFO_DEPTH) + 1), init=_FIFO_DEPTH - 1)
        returned = (self.o_word.valid & self.o_word.ready) | (self.o_column.valid & self.o_column.ready)
        with m.If(issue & ~returned):
            m.d.sync += spare.eq(spare - 1)
        with m.If(returned & ~issue):
            m.d.sync += spare.eq(spare + 1)
        return ~spare[-1]

    def _spaced(self, m: Module, first: Value, begin: Signal) -> Signal:
        """Whether SUBGROUP_CYCLES have passed since the last subgroup's first beat."""
        wait = Signal(range(SUBGROUP_CYCLES))
        spaced = Signal()
        with m.If(first):
            m.d.sync += [wait.eq(SUBGROUP_CYCLES - 2), spaced.eq(0)]
        with m.Elif(begin | (wait == 0)):
            m.d.sync += [wait.eq(0), spaced.eq(1)]
        with m.Else():
            m.d.sync += wait.eq(wait - 1)
        return spaced

    def _pixels(self, m: Module, begin: Signal, row_starts: Value, enough: Signal) -> None:
        """Whether the pixel ring has room for a row. The row that starts is subtracted a cycle later, long before the next can start."""
        d, rows = self.descriptor, self._config.rows
        feeds, started = Signal(), Signal()
        spare = Signal(signed(len(d.ring_pixels) + 2))  # pixels of room beyond a row's
        m.d.sync += [
            feeds.eq(~d.to_rows & (d.mode != FeedMode.SUM)),
            started.eq(row_starts),
            spare.eq(spare + Mux(self.tile_free, rows, 0) - Mux(started, d.out_w, 0)),
        ]
        with m.If(begin):
            m.d.sync += spare.eq(d.ring_pixels - d.out_w)
        m.d.comb += enough.eq(~spare[-1] | ~feeds)

    def _cols_cut(self, m: Module, valid: Signal, outside: Value) -> Value:
        """Whether one of the last kernel_w columns is outside; `outside` tells it of the newest."""
        d = self.descriptor
        before = Signal(2, reset_less=True)
        wide = Signal(2, reset_less=True)
        kernel_w = d.kernel_w[:_CHAIN_COLUMNS_BITS]
        m.d.sync += wide.eq(Mux(d.mode == FeedMode.WINDOW, Cat(kernel_w >= 2, kernel_w >= 3), 0))
        with m.If(valid):
            m.d.sync += before.eq(Cat(outside, before[0]))
        return outside | (before & wide).any()

    def _answer(self, m: Module, valid: Signal, flags: data.View, tap: Signal) -> None:
        """What comes out of the memory: the bytes of each row from its bank, padding, the output FIFO."""
        lanes = self._config.window_lanes
        in_flight = Signal(self._read_latency + 2)
        m.d.sync += in_flight.eq(Cat(valid, in_flight))
        for i in range(self._read_latency - 1):
            later = Signal.like(flags, name=f"flags{i}", reset_less=True)
            m.d.sync += later.eq(flags)
            flags = later

        # A cycle ahead of the data: where each row's bytes are. TAP with half words takes the upper half as row 1.
        halves = WORD_BYTES // lanes
        select = data.StructLayout({"bank": BANK_BITS, "half": 1})
        places = [Signal(select, name=f"place{i}", reset_less=True) for i in range(WINDOW_ROWS)]
        arrived, ready = (Signal.like(flags, name=name, reset_less=True) for name in ("arrived", "ready"))
        m.d.sync += [arrived.eq(flags), ready.eq(arrived)]
        for i, place in enumerate(places):
            m.d.sync += [
                place.bank.eq(flags.bank + Mux(tap, 0, i)),
                place.half.eq(Mux(tap, i % halves, flags.odd)),
            ]
        m.submodules.fifo = fifo = StreamFifo(self._layout, _FIFO_DEPTH)
        column = fifo.i.payload
        for i, place in enumerate(places):
            word = Signal(8 * lanes, name=f"word{i}", reset_less=True)
            m.d.sync += word.eq(self.read_data[place.bank].word_select(place.half[: halves - 1], 8 * lanes))
            m.d.comb += column.rows[i].eq(Mux(ready.fill[i], self.descriptor.fill.replicate(lanes), word))
        blocks = ("opens", "closes") if self._config.partial_depth else ()
        for name in ("start", "emit", "rows_cut", "cols_cut", "last", *blocks):
            m.d.comb += column[name].eq(ready[name])
        out = fifo.o.payload
        m.d.comb += [
            fifo.i.valid.eq(in_flight[-1]),
            self.o_word.valid.eq(fifo.o.valid & tap),
            self.o_word.payload.data.eq(Cat(*(out.rows[i] for i in range(halves)))),
            self.o_column.valid.eq(fifo.o.valid & ~tap),
            self.o_column.payload.eq(out),
            fifo.o.ready.eq(Mux(tap, self.o_word.ready, self.o_column.ready)),
        ]
