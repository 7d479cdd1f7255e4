"""Activation memory: four row banks, read by the fetch, written and read by everybody else."""

from __future__ import annotations

from functools import reduce
from operator import or_

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.config import BANKS, WORD_BYTES, RingConfig
from hw.primitives.bram import TrueDualPort, true_latency

BANK_BITS = (BANKS - 1).bit_length()
ADDRESS_BITS = 14
"""Bits of a word address inside a bank, whatever the depth: as in `hw.descriptor.RowPointer`."""

_WORD_BITS = 8 * WORD_BYTES
_GRANULE = 2048  # words of the smallest block of `TrueDualPort`

MemoryRequest = data.StructLayout(
    {
        "valid": 1,
        "bank": BANK_BITS,
        "addr": ADDRESS_BITS,
        "write": 1,  # 1 = write the enabled bytes, 0 = read the word
        "enable": WORD_BYTES,
        "data": _WORD_BITS,
    }
)
"""One access through port B."""

WritePort = wiring.Signature({"request": Out(MemoryRequest), "ready": In(1)})
"""A client that only writes. The request is accepted in a cycle in which `ready` is 1."""

ReadWritePort = wiring.Signature(
    {"request": Out(MemoryRequest), "ready": In(1), "read_data": In(_WORD_BITS), "read_valid": In(1)}
)
"""A client that also reads: `read_valid` strobes with `read_data`, once per accepted read, a fixed time after it."""

BankAddresses = data.ArrayLayout(ADDRESS_BITS, BANKS)
BankWords = data.ArrayLayout(_WORD_BITS, BANKS)


def check_activation_depth(depth: int) -> None:
    """Raises ValueError if the activation memory cannot have `depth` words per bank."""
    if depth % _GRANULE or not _GRANULE <= depth <= 1 << ADDRESS_BITS:
        raise ValueError(
            f"activation_depth must be a multiple of {_GRANULE} from {_GRANULE} to {1 << ADDRESS_BITS}, not {depth}"
        )


class ActivationMemory(wiring.Component):
    """Four banks with a read port (A) of the fetch's own and a port (B) that four clients share.

    In each bank and cycle port B serves one request, by the priority writer, operand, dma, host; requests for different banks do not
    disturb each other. The operand fetch never writes.

    Parameters:
        config: `activation_depth`, words of each bank: a multiple of 2048, at most 16384.

    Members:
        read_addr : In(BankAddresses), port A: a word address for every bank.
        read_data : Out(BankWords), the words.
        writer : In(WritePort), both writers; `ready` is always 1.
        operand : In(ReadWritePort), second operand; its write, enable and data are ignored: it always reads.
        dma : In(WritePort), image rows.
        host : In(ReadWritePort).

    Timing: an address at port A in cycle t gives its word in cycle t + READ_LATENCY, one per cycle and bank. `ready` depends in the same
    cycle on the requests of higher priority, and on nothing else. A read accepted at port B in cycle t gives `read_valid` in cycle
    t + PORT_B_LATENCY. A write accepted in cycle t is seen by addresses at port A in cycle t + WRITE_TO_READ or later and by reads
    accepted at port B in cycle t + 1 or later; a port A read of the word before that is undefined in one cycle (t + WRITE_TO_READ - 1).
    """

    WRITE_TO_READ = 2

    def __init__(self, config: RingConfig) -> None:
        check_activation_depth(config.activation_depth)
        self._depth = config.activation_depth
        super().__init__(
            {
                "read_addr": In(BankAddresses),
                "read_data": Out(BankWords),
                "writer": In(WritePort),
                "operand": In(ReadWritePort),
                "dma": In(WritePort),
                "host": In(ReadWritePort),
            }
        )

    @property
    def READ_LATENCY(self) -> int:
        """Cycles from an address at port A to its word: the address register, then the memory."""
        return 1 + true_latency(self._depth)

    @property
    def PORT_B_LATENCY(self) -> int:
        """Cycles from an accepted read to its word: arbiter, bank register, memory, selection of the bank."""
        return 2 + true_latency(self._depth) + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        ports = (self.writer, self.operand, self.dma, self.host)
        requests = [port.request for port in ports]
        for i, port in enumerate(ports):
            busy = [higher.valid & (higher.bank == port.request.bank) for higher in requests[:i]]
            m.d.comb += port.ready.eq(~reduce(or_, busy, Value.cast(0)))

        words = []
        for b in range(BANKS):
            m.submodules[f"bank{b}"] = memory = TrueDualPort(_WORD_BITS, self._depth)
            read_addr = Signal(ADDRESS_BITS, name=f"read_addr{b}", reset_less=True)
            m.d.sync += read_addr.eq(self.read_addr[b])
            m.d.comb += [memory.a_en.eq(1), memory.a_addr.eq(read_addr), self.read_data[b].eq(memory.a_data)]

            # A register behind the arbiter and one that may stand next to the bank: its 24 and more blocks are spread over the die.
            granted = self._grant(m, b, requests)
            near = Signal.like(granted, name=f"near{b}", reset_less=True)
            m.d.sync += near.eq(granted)
            m.d.comb += [
                memory.b_en.eq(1),
                memory.b_addr.eq(near.addr),
                memory.b_we.eq(near.enable),
                memory.b_wdata.eq(near.data),
            ]
            words.append(memory.b_data)

        for name, port in (("operand", self.operand), ("host", self.host)):
            accepted = port.request.valid & port.ready
            if port is self.host:
                accepted &= ~port.request.write
            self._answer(m, name, port, accepted, words)
        return m

    def _grant(self, m: Module, bank: int, requests: list[data.View]) -> data.View:
        """The accepted request for one bank, registered; `enable` is 0 unless it writes."""
        here = Signal(len(requests), name=f"here{bank}")
        m.d.comb += here.eq(sum(((r.valid & (r.bank == bank)) << i for i, r in enumerate(requests)), Value.cast(0)))
        writer, operand, dma, host = requests
        layout = data.StructLayout({"addr": ADDRESS_BITS, "enable": WORD_BYTES, "data": _WORD_BITS})
        granted = Signal(layout, name=f"granted{bank}", reset_less=True)
        addr = Mux(here[0], writer.addr, Mux(here[1], operand.addr, Mux(here[2], dma.addr, host.addr)))
        enables = [Mux(here[i] & requests[i].write, requests[i].enable, 0) for i in (0, 2, 3)]
        m.d.sync += [
            granted.addr.eq(addr),
            granted.enable.eq(Mux(here[0], enables[0], Mux(here[1], 0, Mux(here[2], enables[1], enables[2])))),
            # The operand fetch has no data, so it does not take part in the selection.
            granted.data.eq(Mux(here[0], writer.data, Mux(here[2], dma.data, host.data))),
        ]
        return granted

    def _answer(self, m: Module, name: str, port: wiring.PureInterface, accepted: Value, words: list[Value]) -> None:
        """Selects the bank's word for a client that reads."""
        valid, bank = accepted, port.request.bank
        for i in range(self.PORT_B_LATENCY - 1):
            later_valid = Signal(name=f"{name}_valid{i}")
            later_bank = Signal(BANK_BITS, name=f"{name}_bank{i}", reset_less=True)
            m.d.sync += [later_valid.eq(valid), later_bank.eq(bank)]
            valid, bank = later_valid, later_bank
        word = Signal(data.ArrayLayout(_WORD_BITS, BANKS), name=f"{name}_words")
        read_data = Signal(_WORD_BITS, name=f"{name}_data", reset_less=True)
        read_valid = Signal(name=f"{name}_valid")
        m.d.comb += [word[b].eq(words[b]) for b in range(BANKS)]
        m.d.sync += [read_data.eq(word[bank]), read_valid.eq(valid)]
        m.d.comb += [port.read_data.eq(read_data), port.read_valid.eq(read_valid)]
