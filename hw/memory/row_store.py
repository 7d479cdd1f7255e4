"""Row store: copies words of the activation memory into the SDRAM, for tensors that do not stay on the chip."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.config import WORD_BYTES
from hwgen.hw.lib.fifo import StreamFifo
from hwgen.hw.lib.places import count_places
from hwgen.hw.memory.activation_memory import ADDRESS_BITS as WORD_ADDRESS_BITS
from hwgen.hw.memory.activation_memory import BANK_BITS, ReadRequest, memory_port
from hwgen.hw.memory.sdram import SdramWrite
from hwgen.hw.memory.sdram_config import ADDRESS_BITS

WORD_HALFWORDS = WORD_BYTES // 2

FIRST_WRITE = 4
"""Cycles from the command to the first halfword at `write`, besides those of the activation memory's port B."""

WRITE_PERIOD = 2
"""Least cycles from one halfword taken to the next one offered: as fast as the SDRAM controller takes them."""

DONE = 2
"""Cycles from the last halfword taken to `done`."""

_WORDS = 4  # read ahead: more than go to the SDRAM while one is read


StoreCommand = data.StructLayout({"valid": 1, "bank": 2, "addr": 14, "words": 14, "target": ADDRESS_BITS})
"""Words of a bank from `addr` on are stored from halfword `target` of the stream on."""


class RowStore(wiring.Component):
    """Reads words one behind the other from a bank and writes their halfwords to consecutive addresses, the lowest first.

    Members:
        command : In(StoreCommand), with `valid` for one cycle, only when the one before is done. `words` is at least 1.
        base : In(24), halfword address that `target` counts from; stable.
        memory : Out(memory_port(ReadRequest)), port of the activation memory.
        write : Out(stream of SdramWrite).
        done : Out(1), strobe: the last halfword of the command has been taken.

    Timing: a command in cycle t: first request to the memory in t + 1; if it is accepted and answered PORT_B_LATENCY cycles later, the
    first halfword is offered in t + FIRST_WRITE + PORT_B_LATENCY, each further one WRITE_PERIOD cycles after the one before was
    taken, as long as the memory accepts a request every 8 cycles. `done` comes DONE cycles after the last one was taken.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "command": In(StoreCommand),
                "base": In(ADDRESS_BITS),
                "memory": Out(memory_port(ReadRequest)),
                "write": Out(stream.Signature(SdramWrite)),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.fifo = fifo = StreamFifo(8 * WORD_BYTES, _WORDS)
        asking, given = Signal(), Signal()
        promised = Signal(range(_WORDS + 1))  # words asked for and not yet written
        self._ask(m, asking, given, promised)
        m.d.comb += [fifo.i.valid.eq(self.memory.read_valid), fifo.i.payload.eq(self.memory.read_data)]

        # Of the controller's `ready` only two registers know; everything else follows a cycle later, when the controller does not look.
        word = Signal(8 * WORD_BYTES, reset_less=True)
        left = Signal(range(WORD_HALFWORDS), reset_less=True)  # halfwords behind the present one
        last = Signal(reset_less=True)
        target = Signal(ADDRESS_BITS, reset_less=True)
        valid, taken, holding, load = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            self.write.valid.eq(valid),
            self.write.payload.addr.eq(target),
            self.write.payload.data.eq(word),
            self.write.payload.enable.eq(3),
            given.eq(taken & last),
            load.eq(~holding | given),
            fifo.o.ready.eq(load),
        ]
        m.d.sync += [taken.eq(valid & self.write.ready), self.done.eq(given & ~asking & (promised == 1))]
        with m.If(valid & self.write.ready):
            m.d.sync += valid.eq(0)
        with m.If(taken):
            m.d.sync += [target.eq(target + 1), word.eq(word >> 16), left.eq(left - 1), last.eq(left == 1)]
            m.d.sync += valid.eq(1)
        with m.If(load):
            m.d.sync += [word.eq(fifo.o.payload), left.eq(WORD_HALFWORDS - 1), last.eq(0)]
            m.d.sync += [valid.eq(fifo.o.valid), holding.eq(fifo.o.valid)]

        started = Signal()
        offset = Signal(ADDRESS_BITS, reset_less=True)
        m.d.sync += [started.eq(self.command.valid), offset.eq(self.command.target)]
        with m.If(started):
            m.d.sync += target.eq(self.base + offset)
        return m

    def _ask(self, m: Module, asking: Signal, given: Signal, promised: Signal) -> None:
        """Requests to the memory: as many words as there is room for."""
        more = Signal(signed(WORD_ADDRESS_BITS + 2), reset_less=True)  # words behind the present one, less 1
        room = Signal(init=1)
        bank, addr = Signal(BANK_BITS, reset_less=True), Signal(WORD_ADDRESS_BITS, reset_less=True)
        accepted = Signal()
        m.d.comb += [
            self.memory.request.valid.eq(asking & room),
            self.memory.request.bank.eq(bank),
            self.memory.request.addr.eq(addr),
            accepted.eq(asking & room & self.memory.ready),
        ]
        with m.If(accepted):
            m.d.sync += [addr.eq(addr + 1), more.eq(more - 1)]
            with m.If(more[-1]):
                m.d.sync += asking.eq(0)
        count_places(m, promised, room, take=accepted, give=given, places=_WORDS)
        with m.If(self.command.valid):
            m.d.sync += [
                asking.eq(1),
                bank.eq(self.command.bank),
                addr.eq(self.command.addr),
                more.eq(self.command.words - 2),
            ]
