"""DMA: reads the command stream from the SDRAM in order and delivers its packets' payload."""

from __future__ import annotations

import enum

from amaranth import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import PARAMETER_BITS, WORD_BYTES, CoreConfig
from hwgen.hw.isa.descriptor import DESCRIPTOR_HALFWORDS
from hwgen.hw.isa.memories import FIFO_DEPTH, TABLE_WORDS
from hwgen.hw.isa.packets import PACKET_HEADER_HALFWORDS, PacketKind
from hwgen.hw.lib.fifo import StreamFifo
from hwgen.hw.lib.register_copies import register_copies
from hwgen.hw.memory.sdram_config import ADDRESS_BITS, BURST

CHECK_CYCLES = 2
"""Cycles from a header's last halfword until the first of its payload can be used: `wait` is compared."""

_SHIFT_BITS = 32  # of the unit that is put together, with an enable of their own

WRITE_DELAY = 2
"""Cycles from the use of a unit's last halfword to its write."""

IMAGE_DELAY = WRITE_DELAY + StreamFifo.LATENCY
"""The same for an IMAGE word."""

IMAGE_WORDS = 12
"""IMAGE words that may wait for the activation memory."""

ImageWord = data.StructLayout({"bank": 2, "addr": 14, "data": 64})
"""A word for the activation memory."""

StoreCommand = data.StructLayout({"valid": 1, "bank": 2, "addr": 14, "words": 14, "target": ADDRESS_BITS})
"""Words of a bank from `addr` on are stored from halfword `target` of the stream on."""


def packet_kinds(config: CoreConfig) -> list[PacketKind]:
    """The kinds of packets that a core's DMA knows."""
    return [kind for kind in PacketKind if config.spill or kind is not PacketKind.STORE]


def unit_halfwords(config: CoreConfig, kind: PacketKind, *, unpack: bool = False) -> int:
    """Halfwords of one unit of a packet's payload."""
    match kind:
        case PacketKind.WEIGHTS:
            return config.cols // 2
        case PacketKind.PARAMETERS:
            return ceil_div(PARAMETER_BITS, 16)
        case PacketKind.WINDOW:
            return ceil_div(18 * config.window_lanes, 16)
        case PacketKind.DESCRIPTOR:
            return DESCRIPTOR_HALFWORDS
        case PacketKind.IMAGE:
            return 3 if unpack else WORD_BYTES // 2
        case PacketKind.TABLE:
            return TABLE_WORDS
        case PacketKind.STORE:
            return 4
        case PacketKind.END:
            return 0


class _State(enum.Enum):
    IDLE = 0
    HEADER = 1
    COMPARE = 2
    CHECK = 3
    PAYLOAD = 4
    STORE = 5


class Dma(wiring.Component):
    """Prefetches bursts into a FIFO, decodes packets, and writes units of payload to their destinations.

    A packet is a header of 4 halfwords (kind | bank << 4 | unpack << 6; address; count of units; wait) and its payload,
    the least significant halfword of a unit first. The address counts up by one with every unit (TABLE: with every
    halfword). Nothing of a packet is written before `passes_done >= wait`. A STORE packet has one unit: target (24 bits in two
    halfwords), words, 0; header's bank and address are where the words come from. The stream goes on when they are stored.

    Parameters:
        config: shape of the core.

    Members:
        start : In(1), strobe: read a stream from `base`. No burst may be under way then.
        base : In(24), halfword address of the stream, a multiple of 8.
        read : Out(stream of 24-bit halfword addresses), bursts, to the SDRAM controller.
        data, data_valid : In(16), In(1), halfwords from the SDRAM controller.
        passes_done : In(16).
        room : In(1), the sequencer has room for a descriptor.
        weights : Out({valid, addr(14), data(8 C)}), byte c of a word for array column c.
        parameters : Out({valid, addr(11), data(72)}).
        window : Out({valid, addr(13), data(18 L)}), words of the window's parameter memory.
        push : Out({valid, data(16)}), a halfword of a descriptor.
        table : Out({valid, addr(8), data(16)}), two entries of a table; addr 0..127 array table, 128..255 window table.
        image : Out(stream of ImageWord).
        store : Out(StoreCommand), stored : In(1), strobe: it is done. Only with `spill`.
        busy : Out(1), from `start` until everything before the END packet is delivered.
        error : Out(1), the stream held a packet of unknown kind and was abandoned; cleared by `start`.

    Timing (halfword i arrives at `data` in cycle a): used in cycle u = max(a + 2, cycle after the use of halfword i - 1);
        the first of a packet's payload not before CHECK_CYCLES + 1 cycles after the header's last nor before
        t + 2, where t is the first cycle with passes_done >= wait; the first of a descriptor in a cycle behind one with `room`. A unit's
        write shows WRITE_DELAY cycles after the use of its last halfword (IMAGE: IMAGE_DELAY, if those before it have been taken).
        The stream stops at the end of a unit while IMAGE_WORDS words wait, and before the payload of a packet of another kind
        while any does. The first request comes in the cycle after `start`; more follow while FIFO_DEPTH halfwords are not under way
        or waiting. `store` shows WRITE_DELAY cycles after the use of its packet's last halfword; the next header's first halfword is used
        the cycle after `stored` at the earliest.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "start": In(1),
                "base": In(ADDRESS_BITS),
                "read": Out(stream.Signature(unsigned(ADDRESS_BITS))),
                "data": In(16),
                "data_valid": In(1),
                "passes_done": In(16),
                "room": In(1),
                "weights": Out(data.StructLayout({"valid": 1, "addr": 14, "data": 8 * config.cols})),
                "parameters": Out(data.StructLayout({"valid": 1, "addr": 11, "data": PARAMETER_BITS})),
                "window": Out(data.StructLayout({"valid": 1, "addr": 13, "data": 18 * config.window_lanes})),
                "push": Out(data.StructLayout({"valid": 1, "data": 16})),
                "table": Out(data.StructLayout({"valid": 1, "addr": 8, "data": 16})),
                "image": Out(stream.Signature(ImageWord)),
                "busy": Out(1),
                "error": Out(1),
                **({"store": Out(StoreCommand), "stored": In(1)} if config.spill else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        take = Signal()
        word = Signal(16, reset_less=True)
        word_valid = Signal()
        self._prefetch(m, take, word, word_valid)
        self._decode(m, take, word, word_valid)
        return m

    def _prefetch(self, m: Module, take: Signal, word: Signal, word_valid: Signal) -> None:
        """Bursts into the FIFO, the FIFO's oldest halfword into `word`."""
        next_burst = Signal(ADDRESS_BITS - 3, reset_less=True)
        free = Signal(range(FIFO_DEPTH + 1))
        stored = Signal(range(FIFO_DEPTH + 1))
        requested = Signal()
        reading = Signal()
        refill = Signal()
        m.d.comb += [
            self.read.payload.eq(Cat(Const(0, 3), next_burst)),
            self.read.valid.eq(reading & (free[3:] != 0)),
            requested.eq(self.read.valid & self.read.ready),
            refill.eq((stored != 0) & (~word_valid | take)),
        ]
        m.submodules.fifo = fifo = Memory(shape=16, depth=FIFO_DEPTH, init=[])
        write, read = fifo.write_port(), fifo.read_port(domain="comb")
        write_index, read_index = Signal(range(FIFO_DEPTH)), Signal(range(FIFO_DEPTH))
        m.d.comb += [
            write.en.eq(self.data_valid),
            write.addr.eq(write_index),
            write.data.eq(self.data),
            read.addr.eq(read_index),
        ]
        m.d.sync += [
            free.eq(free + refill - Cat(Const(0, 3), requested)),
            stored.eq(stored + self.data_valid - refill),
            write_index.eq(write_index + self.data_valid),
            read_index.eq(read_index + refill),
            word_valid.eq((word_valid & ~take) | refill),
        ]
        with m.If(refill):
            m.d.sync += word.eq(read.data)
        with m.If(requested):
            m.d.sync += next_burst.eq(next_burst + 1)
        with m.If(~self.busy & (requested | ~self.read.valid)):  # a request that shows stays until it is taken
            m.d.sync += reading.eq(0)
        with m.If(self.start):
            m.d.sync += [
                reading.eq(1),
                next_burst.eq(self.base[3:]),
                free.eq(FIFO_DEPTH),
                stored.eq(0),
                write_index.eq(0),
                read_index.eq(0),
                word_valid.eq(0),
            ]
        assert 1 << (BURST - 1).bit_length() == BURST == 8

    def _decode(self, m: Module, take: Signal, word: Signal, word_valid: Signal) -> None:
        """Headers and payload; `take` says that `word` is used up."""
        config = self.config
        state = Signal(_State)
        field = Signal(range(PACKET_HEADER_HALFWORDS))
        kinds = {kind: Signal(name=f"is_{kind.name.lower()}", reset_less=True) for kind in packet_kinds(config)}
        unpack = Signal(reset_less=True)
        bank = Signal(2, reset_less=True)
        addr = Signal(14, reset_less=True)
        units = Signal(16, reset_less=True)
        pass_needed = Signal(16, reset_less=True)
        reached = Signal(reset_less=True)
        images = Signal(range(IMAGE_WORDS + 2))  # words that wait, those that are just being put together included
        image_full, image_some = Signal(), Signal()
        length = Signal(range(TABLE_WORDS), reset_less=True)
        left = Signal(range(TABLE_WORDS), reset_less=True)
        at_start = Signal(reset_less=True)
        at_end = Signal(reset_less=True)
        last_unit, no_units = Signal(reset_less=True), Signal(reset_less=True)
        blocked, no_room, no_place = Signal(), Signal(), Signal()
        # From registers, because `blocked` decides so much; both conditions come and go long before they matter.
        m.d.sync += [
            no_room.eq(kinds[PacketKind.DESCRIPTOR] & ~self.room),
            no_place.eq(kinds[PacketKind.IMAGE] & image_full),
        ]

        m.d.comb += [
            self.busy.eq(state != _State.IDLE),
            blocked.eq((at_start & no_room) | (at_end & no_place)),
            take.eq(word_valid & ((state == _State.HEADER) | ((state == _State.PAYLOAD) & ~blocked))),
        ]
        selected = Signal.like(length)
        with m.If(kinds[PacketKind.IMAGE] & unpack):
            m.d.comb += selected.eq(unit_halfwords(config, PacketKind.IMAGE, unpack=True) - 1)
        for kind, signal in kinds.items():
            with m.Elif(signal & Const(kind is not PacketKind.END)):
                m.d.comb += selected.eq(max(unit_halfwords(config, kind), 1) - 1)
        # Both lag by a cycle, which is not too late: a unit has two halfwords at least.
        m.d.sync += [last_unit.eq(units == 1), no_units.eq(units == 0)]
        m.d.sync += reached.eq(self.passes_done >= pass_needed)

        used = Signal()
        m.d.comb += used.eq(take & (state == _State.PAYLOAD))
        with m.Switch(state):
            with m.Case(_State.HEADER), m.If(take):
                m.d.sync += field.eq(field + 1)
                with m.Switch(field):
                    with m.Case(0):
                        m.d.sync += [signal.eq(word[:4] == kind.value) for kind, signal in kinds.items()]
                        m.d.sync += [bank.eq(word[4:6]), unpack.eq(word[6])]
                    with m.Case(1):
                        m.d.sync += addr.eq(word)
                    with m.Case(2):
                        m.d.sync += units.eq(word)
                    with m.Case(3):
                        m.d.sync += [pass_needed.eq(word), state.eq(_State.COMPARE)]
            with m.Case(_State.COMPARE):
                m.d.sync += [length.eq(selected), left.eq(selected)]
                m.d.sync += [at_start.eq(1), at_end.eq(0), state.eq(_State.CHECK)]
            with m.Case(_State.CHECK):
                with m.If(image_some & ~kinds[PacketKind.IMAGE]):
                    pass
                with m.Elif(kinds[PacketKind.END]):
                    m.d.sync += state.eq(_State.IDLE)
                with m.Elif(~Cat(kinds.values()).any()):
                    m.d.sync += [self.error.eq(1), state.eq(_State.IDLE)]
                with m.Elif(no_units):
                    m.d.sync += state.eq(_State.HEADER)
                with m.Elif(reached):
                    m.d.sync += state.eq(_State.PAYLOAD)
            with m.Case(_State.PAYLOAD), m.If(take):
                m.d.sync += [left.eq(left - 1), at_start.eq(0), at_end.eq(left == 1)]
                with m.If(at_end):
                    m.d.sync += [left.eq(length), at_start.eq(1), at_end.eq(0), units.eq(units - 1)]
                    with m.If(last_unit):
                        m.d.sync += state.eq(_State.HEADER)
                        if config.spill:
                            with m.If(kinds[PacketKind.STORE]):
                                m.d.sync += state.eq(_State.STORE)
            if config.spill:
                with m.Case(_State.STORE), m.If(self.stored):
                    m.d.sync += state.eq(_State.HEADER)

        # Units are shifted together from the top, so that the last halfwords that came are the unit: a cycle after their use, because the
        # unit is wide and stands elsewhere. Where it goes is latched in that cycle, before the next header can change it.
        widths = [8 * config.cols, 16 * unit_halfwords(config, PacketKind.WINDOW), 16 * 5, 64]
        unit, late_word = Signal(max(widths), reset_less=True), Signal(16, reset_less=True)
        shifted = Cat(unit[16:], late_word)
        m.d.sync += late_word.eq(word)
        for i, shift in enumerate(register_copies(m, "shift", used, ceil_div(len(unit), _SHIFT_BITS))):
            part = slice(i * _SHIFT_BITS, (i + 1) * _SHIFT_BITS)
            with m.If(shift):
                m.d.sync += unit[part].eq(shifted[part])
        ended = {kind: Signal(name=f"{kind.name.lower()}_ended") for kind in kinds}
        strobes = {kind: Signal(name=f"{kind.name.lower()}_valid") for kind in kinds}
        for kind, strobe in strobes.items():
            every = kind in (PacketKind.DESCRIPTOR, PacketKind.TABLE)
            m.d.sync += ended[kind].eq(used & kinds[kind] & (Const(1) if every else at_end))
            m.d.sync += strobe.eq(ended[kind])
        place = Signal(data.StructLayout({"addr": 14, "bank": 2, "unpack": 1}), reset_less=True)
        m.d.sync += [place.addr.eq(addr), place.bank.eq(bank), place.unpack.eq(unpack)]
        counted = Signal()
        m.d.comb += counted.eq(Cat(signal for kind, signal in ended.items() if kind is not PacketKind.DESCRIPTOR).any())
        with m.If(counted):
            m.d.sync += addr.eq(addr + 1)

        def top(bits: int, halfwords: int) -> Value:
            return unit[len(unit) - 16 * halfwords :][:bits]

        five = unit_halfwords(config, PacketKind.PARAMETERS)
        window = unit_halfwords(config, PacketKind.WINDOW)
        m.d.comb += [
            self.weights.valid.eq(strobes[PacketKind.WEIGHTS]),
            self.weights.addr.eq(place.addr),
            self.weights.data.eq(top(8 * config.cols, config.cols // 2)),
            self.parameters.valid.eq(strobes[PacketKind.PARAMETERS]),
            self.parameters.addr.eq(place.addr),
            self.parameters.data.eq(top(PARAMETER_BITS, five)),
            self.window.valid.eq(strobes[PacketKind.WINDOW]),
            self.window.addr.eq(place.addr),
            self.window.data.eq(top(18 * config.window_lanes, window)),
            self.push.valid.eq(strobes[PacketKind.DESCRIPTOR]),
            self.push.data.eq(top(16, 1)),
            self.table.valid.eq(strobes[PacketKind.TABLE]),
            self.table.addr.eq(place.addr),
            self.table.data.eq(top(16, 1)),
        ]

        if config.spill:
            m.d.comb += [
                self.store.valid.eq(strobes[PacketKind.STORE]),
                self.store.bank.eq(place.bank),
                self.store.addr.eq(place.addr),
                self.store.target.eq(top(64, 4)[:ADDRESS_BITS]),
                self.store.words.eq(top(64, 4)[32:]),
            ]

        # The activation memory may keep image words waiting.
        gap = Const(0, 8)
        pixels = top(48, 3)
        m.submodules.image_fifo = fifo = StreamFifo(ImageWord, 16)
        m.d.comb += [
            fifo.i.valid.eq(strobes[PacketKind.IMAGE]),
            fifo.i.payload.bank.eq(place.bank),
            fifo.i.payload.addr.eq(place.addr),
            fifo.i.payload.data.eq(Mux(place.unpack, Cat(pixels[:24], gap, pixels[24:], gap), top(64, 4))),
        ]
        wiring.connect(m, fifo.o, wiring.flipped(self.image))
        entered, left_fifo = Signal(), Signal()
        m.d.comb += [
            entered.eq(used & kinds[PacketKind.IMAGE] & at_end),
            left_fifo.eq(fifo.o.valid & fifo.o.ready),
        ]
        with m.If(entered & ~left_fifo):
            m.d.sync += [images.eq(images + 1), image_some.eq(1), image_full.eq(images >= IMAGE_WORDS - 1)]
        with m.If(left_fifo & ~entered):
            m.d.sync += [images.eq(images - 1), image_some.eq(images != 1), image_full.eq(images > IMAGE_WORDS)]

        with m.If(self.start):
            m.d.sync += [state.eq(_State.HEADER), field.eq(0), self.error.eq(0)]
            m.d.sync += [strobe.eq(0) for strobe in (*ended.values(), *strobes.values())]
