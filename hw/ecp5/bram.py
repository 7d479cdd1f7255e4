"""Block RAM built of DP16KD blocks with output registers.

One DP16KD holds 18 kbit. A memory is divided into *segments*, powers of two of words, largest first; in a segment each block
holds all its words for a few bits, so a segment needs no output multiplexer. A memory of several segments has one, followed by a
register, and so one cycle more of latency. The binary digits of the depth give the segments, so no block is wasted.

The write mode is always NORMAL: READBEFOREWRITE limits the block to 155 MHz.
"""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import C, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hwgen.hw.ecp5.dp16kd import block
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.kept_modules import COPY_PREFIX

TRUE_SHAPES = {1024: 18, 2048: 9, 4096: 4, 8192: 2, 16384: 1}
"""Words of a block -> its data width, for two read/write ports. Only 8 of each 9 bits are used: a block serves a part of a byte, one
or two, which have write enables of their own.
"""

SIMPLE_SHAPES = {512: 36, **TRUE_SHAPES}
"""Words of a block -> its data width, for one write and one read port."""


def segments(depth: int, shapes: dict[int, int]) -> list[int]:
    """Words of each segment of a memory of at least `depth` words, largest first."""
    if depth < 1:
        raise ValueError(f"depth must be at least 1, not {depth}")
    smallest, largest = min(shapes), max(shapes)
    rest = ceil_div(depth, smallest) * smallest
    found = []
    while rest:
        size = min(largest, 1 << (rest.bit_length() - 1))
        found.append(size)
        rest -= size
    return found


def _latency(depth: int, shapes: dict[int, int], extra_register: bool) -> int:
    return 2 + (extra_register or len(segments(depth, shapes)) > 1)


def true_latency(depth: int, extra_register: bool = False, input_copies: int = 0) -> int:
    """Cycles from address to data of a `TrueDualPort`."""
    return _latency(depth, TRUE_SHAPES, extra_register) + (input_copies > 0)


def simple_latency(depth: int, extra_register: bool = False) -> int:
    """Cycles from address to data of a `SimpleDualPort`."""
    return _latency(depth, SIMPLE_SHAPES, extra_register)


def _data_bits(shape: int) -> int:
    """Bits of whole and partial bytes that a block of a `TrueDualPort` holds in a word of `shape` bits."""
    return shape // 9 * 8 or shape


def true_blocks(width: int, depth: int) -> int:
    """DP16KD blocks of a `TrueDualPort`."""
    return sum(ceil_div(width, _data_bits(TRUE_SHAPES[words])) for words in segments(depth, TRUE_SHAPES))


def simple_blocks(width: int, depth: int) -> int:
    """DP16KD blocks of a `SimpleDualPort`."""
    return sum(ceil_div(width, SIMPLE_SHAPES[words]) for words in segments(depth, SIMPLE_SHAPES))


def true_members(width: int, depth: int) -> dict[str, wiring.Member]:
    """Members of a `TrueDualPort`; raises ValueError for an impossible width."""
    if width < 8 or width % 8:
        raise ValueError(f"width must be a positive multiple of 8, not {width}")
    return {
        "a_addr": In(range(depth)),
        "a_data": Out(width),
        "b_addr": In(range(depth)),
        "b_we": In(width // 8),
        "b_wdata": In(width),
        "b_data": Out(width),
    }


def simple_members(width: int, depth: int) -> dict[str, wiring.Member]:
    """Members of a `SimpleDualPort`; raises ValueError for an impossible width."""
    if width < 1:
        raise ValueError(f"width must be at least 1, not {width}")
    return {
        "w_en": In(1),
        "w_addr": In(range(depth)),
        "w_data": In(width),
        "r_en": In(1),
        "r_addr": In(range(depth)),
        "r_data": Out(width),
    }


def _pin_address(addr: Value, words: int, low: Value | int = 0) -> Value:
    """The 14 address pins of a block of `words` words: the word's address in the top pins, `low` in those below."""
    bits = ceil_log2(words)
    used = addr[:bits]
    enables = Const(low, 14 - bits) if isinstance(low, int) else Cat(low, Const(0, 14 - bits - len(low)))
    return Cat(enables, used, Const(0, bits - len(used)))


def _slice(words: Sequence[int], base: int, count: int, low: int, width: int) -> list[int]:
    """Bits `low` .. `low + width` of words `base` .. `base + count` of the initial content."""
    return [word >> low & ((1 << width) - 1) for word in words[base : base + count]]


def check_init(init: Sequence[int], width: int, depth: int) -> list[int]:
    """The initial content as a list; raises ValueError if it is too long or a word too wide."""
    words = list(init)
    if len(words) > depth:
        raise ValueError(f"init must have at most {depth} words, not {len(words)}")
    if any(not 0 <= word < 1 << width for word in words):
        raise ValueError(f"words of init must be 0..2^{width} - 1")
    return words


class _Spread:
    """Bytes, or a part of one, at the pins of a block: nine pins a byte.

    Parameters:
        bits: of the data.
    """

    def __init__(self, bits: int) -> None:
        self._bits = bits

    def word(self, data: int) -> int:
        """A word of the initial content."""
        return data & 0xFF | data >> 8 << 9

    def pins(self, data: Value) -> Value:
        """The 18 data pins."""
        return Cat(data[:8], C(0, 9 - min(self._bits, 8)), data[8:], C(0, 9 - max(self._bits - 8, 0)))

    def data(self, pins: Value) -> Value:
        """The data at 18 data pins."""
        return Cat(pins[: min(self._bits, 8)], pins[9 : 9 + max(self._bits - 8, 0)])


class _SegmentSelect:
    """Decodes the segment of an address, now and for the data that this address will deliver."""

    def __init__(self, m: Module, addr: Value, sizes: Sequence[int]) -> None:
        self._m = m
        bases = [sum(sizes[:i]) for i in range(len(sizes))]
        # Sizes fall and the largest come first, so every base is a multiple of its size: the upper bits decide.
        self.now = [addr[ceil_log2(size) :] == base >> ceil_log2(size) for base, size in zip(bases, sizes, strict=True)]
        first = Signal(len(sizes), reset_less=True)
        self._data = Signal(len(sizes), reset_less=True)
        m.d.sync += [first.eq(Cat(*self.now)), self._data.eq(first)]

    def output(self, candidates: Sequence[Value], registered: bool) -> Value:
        """The word of the selected segment (one-hot multiplexer), through a register if `registered`."""
        value: Value = candidates[0]
        if len(candidates) > 1:
            value = Const(0, len(candidates[0]))
            for i, candidate in enumerate(candidates):
                value = value | Mux(self._data[i], candidate, 0)
        if not registered:
            return value
        register = Signal(len(candidates[0]), reset_less=True)
        self._m.d.sync += register.eq(value)
        return register


class _Registers(wiring.Component):
    """A register for each member, in a module of its own: `<name>_o` follows `<name>_i` one cycle later."""

    def __init__(self, widths: dict[str, int]) -> None:
        self._widths = widths
        inputs = {f"{name}_i": In(width) for name, width in widths.items()}
        super().__init__({**inputs, **{f"{name}_o": Out(width) for name, width in widths.items()}})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for name, width in self._widths.items():
            register = Signal(width, name=f"{name}_q", reset_less=True)
            m.d.sync += register.eq(getattr(self, f"{name}_i"))
            m.d.comb += getattr(self, f"{name}_o").eq(register)
        return m


class TrueDualPort(wiring.Component):
    """Memory with a read port `a` and a read/write port `b` that writes single bytes.

    Parameters:
        width: bits of a word, a multiple of 8.
        depth: words; rounded up to a multiple of 1024 inside (1024 words of two bytes are one block).
        init: initial content, first word first (missing words are 0), or None for all 0.
        extra_register: register the output even where no multiplexer demands it.
        input_copies: sets of registers before the blocks' inputs, each for its share of the bytes of a word, or 0 for none. One net
            to the address pins of 48 blocks takes 7 ns on a large part.
        output_shares: the choice between the blocks of a byte comes from a register of the byte's own share too.

    Members:
        a_addr : In(range(depth)), a_data : Out(width)
        b_addr : In(range(depth)), b_we : In(width // 8), b_wdata : In(width), b_data : Out(width)

    Timing: port a reads in every cycle, port b wherever no bit of `we` is set: the word of cycle t comes in cycle t + latency, for that
    one cycle; port b's output is undefined that long after a write. A byte written in cycle t is seen by reads in cycle t + 1 and
    later. Reading a word through port a in the very cycle in which port b writes it is allowed, but the data are undefined (the
    simulation model delivers the complement of the old bits).
    """

    def __init__(
        self,
        width: int,
        depth: int,
        init: Sequence[int] | None = None,
        extra_register: bool = False,
        input_copies: int = 0,
        output_shares: bool = False,
    ) -> None:
        self._width = width
        self._sizes = segments(depth, TRUE_SHAPES)
        self._registered = extra_register or len(self._sizes) > 1
        self._copies = min(input_copies, width // 8)
        self._output_shares = output_shares
        self._init = check_init(init or [], width, depth)
        self.latency = true_latency(depth, extra_register, input_copies)
        super().__init__(true_members(width, depth))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        inputs = self._inputs(m)
        select_a = [_SegmentSelect(m, copy["a_addr"], self._sizes) for copy in inputs]
        select_b = [_SegmentSelect(m, copy["b_addr"], self._sizes) for copy in inputs]
        data_a, data_b = [], []
        base = 0
        for s, size in enumerate(self._sizes):
            lane = _data_bits(TRUE_SHAPES[size])
            word_a, word_b = Signal(self._width, name=f"a{s}"), Signal(self._width, name=f"b{s}")
            for low in range(0, self._width, lane):
                share = low * len(inputs) // self._width
                pins = inputs[share]
                bits = min(lane, self._width - low)
                spread = _Spread(bits)
                enables = pins["b_we"][low // 8 : (low + bits + 7) // 8]
                we = Signal(name=f"we{s}_{low}")
                pins_a, pins_b = Signal(18, name=f"doa{s}_{low}"), Signal(18, name=f"dob{s}_{low}")
                m.d.comb += we.eq(enables.any() & select_b[share].now[s])
                m.submodules[f"block{s}_{low}"] = block(
                    TRUE_SHAPES[size],
                    [spread.word(word) for word in _slice(self._init, base, size, low, bits)],
                    ce_a=C(1, 1),
                    we_a=C(0, 1),
                    addr_a=_pin_address(pins["a_addr"], size),
                    ce_b=C(1, 1),
                    we_b=we,
                    # In the wide shape the low address pins are the byte enables.
                    addr_b=_pin_address(pins["b_addr"], size, low=enables if lane > 8 else 0),
                    data_in=Cat(C(0, 18), spread.pins(pins["b_wdata"][low : low + bits])),
                    data_a=pins_a,
                    data_b=pins_b,
                )
                m.d.comb += [
                    word_a[low : low + bits].eq(spread.data(pins_a)),
                    word_b[low : low + bits].eq(spread.data(pins_b)),
                ]
            data_a.append(word_a)
            data_b.append(word_b)
            base += size
        shares = len(inputs) if self._output_shares else 1
        edges = [
            ceil_div(self._width // 8 * i, shares) * 8 for i in range(shares + 1)
        ]  # as the blocks share the inputs
        for i, (low, past) in enumerate(zip(edges, edges[1:], strict=False)):
            for select, words, out in ((select_a[i], data_a, self.a_data), (select_b[i], data_b, self.b_data)):
                m.d.comb += out[low:past].eq(select.output([word[low:past] for word in words], self._registered))
        return m

    def _inputs(self, m: Module) -> list[dict[str, Value]]:
        """What the blocks' inputs see: the members themselves, or the copies of their registers."""
        whole, shared = ("b_we", "b_wdata"), ("a_addr", "b_addr")
        inputs: dict[str, Value] = {name: getattr(self, name) for name in (*whole, *shared)}
        if not self._copies:
            return [inputs]
        for name in whole:  # each bit of these goes to one byte's blocks only
            register = Signal(len(inputs[name]), name=f"{name}_q", reset_less=True)
            m.d.sync += register.eq(inputs[name])
            inputs[name] = register
        copies: list[dict[str, Value]] = []
        for i in range(self._copies):
            m.submodules[f"{COPY_PREFIX}{i}"] = copy = _Registers({name: len(inputs[name]) for name in shared})
            m.d.comb += [getattr(copy, f"{name}_i").eq(inputs[name]) for name in shared]
            copies.append({**inputs, **{name: getattr(copy, f"{name}_o") for name in shared}})
        return copies


class SimpleDualPort(wiring.Component):
    """Memory with a write port and a read port, whole words.

    Parameters:
        width: bits of a word.
        depth: words; rounded up to a multiple of 512 inside (512 words of 36 bits are one block).
        init: initial content, first word first (missing words are 0), or None for all 0.
        extra_register: register the output even where no multiplexer demands it.

    Members:
        w_en : In(1), w_addr : In(range(depth)), w_data : In(width)
        r_en : In(1), r_addr : In(range(depth)), r_data : Out(width)

    Timing: a read in cycle t (`r_en`) delivers its word in cycle t + latency, for that one cycle; in all other cycles the output is
    undefined. One write and one read per cycle. A word written in cycle t is seen by reads in cycle t + 1 and later. Reading a word
    in the very cycle of its write is allowed, but the data are undefined (the simulation model delivers the complement of the old
    bits).
    """

    def __init__(self, width: int, depth: int, init: Sequence[int] | None = None, extra_register: bool = False) -> None:
        self._width = width
        self._sizes = segments(depth, SIMPLE_SHAPES)
        self._registered = extra_register or len(self._sizes) > 1
        self._init = check_init(init or [], width, depth)
        self.latency = simple_latency(depth, extra_register)
        super().__init__(simple_members(width, depth))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        select_w = _SegmentSelect(m, self.w_addr, self._sizes)
        select_r = _SegmentSelect(m, self.r_addr, self._sizes)
        data = []
        base = 0
        for s, size in enumerate(self._sizes):
            lane = SIMPLE_SHAPES[size]
            word, we = Signal(self._width, name=f"r{s}"), Signal(name=f"we{s}")
            m.d.comb += we.eq(self.w_en & select_w.now[s])
            for low in range(0, self._width, lane):
                bits = min(lane, self._width - low)
                pins_a, pins_b = Signal(18, name=f"doa{s}_{low}"), Signal(18, name=f"dob{s}_{low}")
                m.submodules[f"block{s}_{low}"] = block(
                    lane,
                    _slice(self._init, base, size, low, bits),
                    ce_a=we,
                    we_a=C(1, 1),
                    # In the two wide shapes the low address pins are the byte enables.
                    addr_a=_pin_address(self.w_addr, size, low={36: 0b01111, 18: 0b0011}.get(lane, 0)),
                    ce_b=self.r_en,
                    we_b=C(0, 1),
                    addr_b=_pin_address(self.r_addr, size),
                    data_in=Cat(self.w_data[low : low + bits], C(0, 36 - bits)),
                    data_a=pins_a,
                    data_b=pins_b,
                )
                # 36 bits wide, a block delivers the lower half of the word at port A's pins.
                pins = Cat(pins_a, pins_b) if lane == 36 else pins_b
                m.d.comb += word[low : low + bits].eq(pins[:bits])
            data.append(word)
            base += size
        m.d.comb += self.r_data.eq(select_r.output(data, self._registered))
        return m
