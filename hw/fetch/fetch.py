"""Fetch: reads the input of a pass from the activation memory, in the order that the pixel ring or the window wants."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.fetch.answer_path import FIFO_DEPTH, AnswerPath, answer_latency, word_stream
from hwgen.hw.fetch.column import column_layout
from hwgen.hw.fetch.plain import PlainAddresses
from hwgen.hw.fetch.read_stage import ReadStage
from hwgen.hw.fetch.stepped import SteppedAddresses
from hwgen.hw.fetch.turns import Turns
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import Descriptor
from hwgen.hw.memory.activation_memory import BankAddresses, BankWords

START_DELAY = 3
"""Cycles from `start` to the first beat's turn."""


def fetch_latency(read_latency: int) -> int:
    """Cycles from a beat's turn to the beat at the output."""
    return ReadStage.LATENCY + answer_latency(read_latency)


def check_read_latency(read_latency: int) -> None:
    """Raises ValueError if the output FIFO could not hide the memory's latency."""
    if not 2 <= read_latency <= FIFO_DEPTH - 6:
        raise ValueError(f"read_latency must be 2..{FIFO_DEPTH - 6} (or reads would wait), not {read_latency}")


def row_gap(stride_y: int) -> int:
    """Least cycles from the first beat of a row to the first of the next."""
    return stride_y + 2


class Fetch(wiring.Component):
    """Issues a read per cycle, substitutes padding, and delivers words (TAP) or columns of three rows (WINDOW, SUM).

    `hwgen.hw.fetch.plain.PlainAddresses` says in which order, in a core with row steps `hwgen.hw.fetch.stepped.SteppedAddresses`.
    Rows and columns outside the tensor read as `fill`, and so do rows of a column that the kernel does not have: rows[i] with
    i >= kernel_h, in SUM rows[1] and rows[2].

    Parameters:
        config: `rows` (R), `window_lanes` (L), `row_steps`, `partial_depth`, `shared_taps`.
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
    An output that is not ready costs nothing until FIFO_DEPTH beats are under way or waiting; turns then wait for room.
    """

    def __init__(self, config: CoreConfig, read_latency: int) -> None:
        check_read_latency(read_latency)
        self._config, self._read_latency = config, read_latency
        super().__init__(
            {
                "descriptor": In(Descriptor),
                "start": In(1),
                "read_addr": Out(BankAddresses),
                "read_data": In(BankWords),
                "tile_free": In(1),
                "o_word": Out(word_stream()),
                "o_column": Out(stream.Signature(column_layout(config.window_lanes, config.partial_depth > 0))),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from a beat's turn to the beat at the output."""
        return fetch_latency(self._read_latency)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        generator = SteppedAddresses(config) if config.row_steps else PlainAddresses(config)
        m.submodules.addresses = addresses = generator
        m.submodules.turns = turns = Turns(config, FIFO_DEPTH)
        m.submodules.read = read = ReadStage()
        m.submodules.answer = answer = AnswerPath(config, self._read_latency)
        m.d.comb += [part.descriptor.eq(self.descriptor) for part in (addresses, turns, read, answer)]

        restart, begin = Signal(), Signal()  # constants of the descriptor are made meanwhile
        m.d.sync += [restart.eq(self.start), begin.eq(restart)]
        m.d.comb += [
            addresses.restart.eq(restart),
            addresses.begin.eq(begin),
            addresses.issue.eq(turns.issue),
            turns.begin.eq(begin),
            turns.offered.eq(addresses.offered),
            turns.row_first.eq(addresses.row_first),
            turns.start.eq(addresses.beat.start),
            turns.tile_free.eq(self.tile_free),
            turns.returned.eq(answer.returned),
            read.issue.eq(turns.issue),
            read.beat.eq(addresses.beat),
            read.rows_first.eq(addresses.rows_first),
            read.rows.eq(addresses.rows),
            self.read_addr.eq(read.read_addr),
            answer.valid.eq(read.valid),
            answer.flags.eq(read.flags),
            answer.read_data.eq(self.read_data),
        ]
        wiring.connect(m, answer.o_word, wiring.flipped(self.o_word))
        wiring.connect(m, answer.o_column, wiring.flipped(self.o_column))
        return m
