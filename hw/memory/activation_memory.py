"""Activation memory: four row banks, read by the fetch, written and read by everybody else."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.ecp5.bram import TrueDualPort, true_latency
from hwgen.hw.isa.config import BANKS, WORD_BYTES, CoreConfig
from hwgen.hw.memory.write_request import ImageWord, WriteRequest

BANK_BITS = (BANKS - 1).bit_length()
ADDRESS_BITS = 14
"""Bits of a word address inside a bank, whatever the depth: as in `hwgen.hw.isa.descriptor.RowPointer`."""

_WORD_BITS = 8 * WORD_BYTES
_GRANULE = 1024  # words of the smallest block of `TrueDualPort`
_COPIES = 2  # of the registers before a bank's blocks

BankAddresses = data.ArrayLayout(ADDRESS_BITS, BANKS)
BankWords = data.ArrayLayout(_WORD_BITS, BANKS)

ReadRequest = data.StructLayout({"valid": 1, "bank": BANK_BITS, "addr": ADDRESS_BITS})
"""Wants the word at `addr` of a bank."""

HostRequest = data.StructLayout(
    {
        "valid": 1,
        "bank": BANK_BITS,
        "addr": ADDRESS_BITS,
        "write": 1,  # 1 = write the enabled bytes, 0 = read the word
        "enable": WORD_BYTES,
        "data": _WORD_BITS,
    }
)
"""Reads a word or writes bytes of it."""


def memory_port(request: data.StructLayout) -> wiring.Signature:
    """A client that reads through port B.

    A request is accepted in a cycle in which `ready` is 1; it need not stay until then. Each accepted read is answered by one strobe of
    `read_valid` with `read_data`, `ActivationMemory.PORT_B_LATENCY` cycles later.
    """
    return wiring.Signature({"request": Out(request), "ready": In(1), "read_data": In(_WORD_BITS), "read_valid": In(1)})


def check_activation_depth(depth: int) -> None:
    """Raises ValueError if the activation memory cannot have `depth` words per bank."""
    if depth % _GRANULE or not _GRANULE <= depth <= 1 << ADDRESS_BITS:
        raise ValueError(
            f"activation_depth must be a multiple of {_GRANULE} from {_GRANULE} to {1 << ADDRESS_BITS}, not {depth}"
        )


def read_latency(depth: int) -> int:
    """Cycles from an address at port A to its word, for `depth` words per bank."""
    return true_latency(depth, input_copies=_COPIES)


def port_b_latency(depth: int) -> int:
    """Cycles from a read accepted at port B to its word: arbiter, memory, selection of the bank."""
    return 1 + true_latency(depth, input_copies=_COPIES) + 1


class ActivationMemory(wiring.Component):
    """Four banks with a read port (A) of the fetch's own and a port (B) that four clients share.

    In each bank and cycle port B serves one request, by the priority writer, operand, dma, host; requests for different banks do not
    disturb each other.

    Parameters:
        config: `activation_depth`, words of each bank: a multiple of 1024, at most 16384.

    Members:
        read_addr : In(BankAddresses), port A: a word address for every bank.
        read_data : Out(BankWords), the words.
        writer : In(WriteRequest), from the writer or the row writer; accepted at once.
        operand : In(memory_port(ReadRequest)), second operand.
        dma : In(stream of ImageWord), whole words of image rows.
        host : In(memory_port(HostRequest)).

    Timing: an address at port A in cycle t gives its word in cycle t + READ_LATENCY, one per cycle and bank. `ready` depends in the same
    cycle on the requests of higher priority and on its own bank, on nothing else. A read accepted at port B in cycle t gives `read_valid`
    in cycle t + PORT_B_LATENCY. A write accepted in cycle t is seen by addresses at port A in cycle t + WRITE_TO_READ or later and by
    reads accepted at port B in cycle t + 1 or later; an address at port A in cycle t + WRITE_TO_READ - 1 reads rubbish from that word.
    """

    WRITE_TO_READ = 2
    """Cycles from a write to the first address at port A that sees it: port B has the arbiter's register more than port A."""

    def __init__(self, config: CoreConfig) -> None:
        check_activation_depth(config.activation_depth)
        self._depth = config.activation_depth
        super().__init__(
            {
                "read_addr": In(BankAddresses),
                "read_data": Out(BankWords),
                "writer": In(WriteRequest),
                "operand": In(memory_port(ReadRequest)),
                "dma": In(stream.Signature(ImageWord)),
                "host": In(memory_port(HostRequest)),
            }
        )

    @property
    def READ_LATENCY(self) -> int:
        """Cycles from an address at port A to its word."""
        return read_latency(self._depth)

    @property
    def PORT_B_LATENCY(self) -> int:
        """Cycles from a read accepted at port B to its word."""
        return port_b_latency(self._depth)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        writer, operand, image, host = self.writer, self.operand.request, self.dma.payload, self.host.request
        valid = [writer.valid, operand.valid, self.dma.valid, host.valid]
        bank = [writer.bank, operand.bank, image.bank, host.bank]

        def free(client: int) -> Value:
            """No client of higher priority wants the bank of this one."""
            busy = Value.cast(0)
            for i in range(client):
                busy |= valid[i] & (bank[i] == bank[client])
            return ~busy

        m.d.comb += [self.operand.ready.eq(free(1)), self.dma.ready.eq(free(2)), self.host.ready.eq(free(3))]

        granted_layout = data.StructLayout({"addr": ADDRESS_BITS, "enable": WORD_BYTES, "data": _WORD_BITS})
        words = []
        for b in range(BANKS):
            here = Signal(len(valid), name=f"here{b}")
            granted = Signal(granted_layout, name=f"granted{b}", reset_less=True)
            m.d.comb += [here[i].eq(valid[i] & (bank[i] == b)) for i in range(len(valid))]
            lowest = Mux(here[3] & host.write, host.enable, 0)
            m.d.sync += [
                granted.addr.eq(
                    Mux(here[0], writer.addr, Mux(here[1], operand.addr, Mux(here[2], image.addr, host.addr)))
                ),
                # The operand fetch has no data, so it does not take part in their selection.
                granted.data.eq(Mux(here[0], writer.data, Mux(here[2], image.data, host.data))),
                granted.enable.eq(Mux(here[0], writer.enable, Mux(here[1], 0, Mux(here[2], ~0, lowest)))),
            ]
            m.submodules[f"bank{b}"] = memory = TrueDualPort(_WORD_BITS, self._depth, input_copies=_COPIES)
            m.d.comb += [
                memory.a_addr.eq(self.read_addr[b]),
                self.read_data[b].eq(memory.a_data),
                memory.b_addr.eq(granted.addr),
                memory.b_we.eq(granted.enable),
                memory.b_wdata.eq(granted.data),
            ]
            words.append(memory.b_data)

        self._answer(m, "operand", self.operand, operand.valid & self.operand.ready, words)
        self._answer(m, "host", self.host, host.valid & self.host.ready & ~host.write, words)
        return m

    def _answer(self, m: Module, name: str, port: wiring.PureInterface, accepted: Value, words: list[Value]) -> None:
        """Selects the bank's word for a client that reads, when it comes out of the memory."""
        valid, bank = accepted, port.request.bank
        for i in range(self.PORT_B_LATENCY - 1):
            later_valid = Signal(name=f"{name}_valid{i}")
            later_bank = Signal(BANK_BITS, name=f"{name}_bank{i}", reset_less=True)
            m.d.sync += [later_valid.eq(valid), later_bank.eq(bank)]
            valid, bank = later_valid, later_bank
        candidates = Signal(BankWords, name=f"{name}_words")
        read_data = Signal(_WORD_BITS, name=f"{name}_data", reset_less=True)
        read_valid = Signal(name=f"{name}_valid")
        m.d.comb += [candidates[b].eq(words[b]) for b in range(BANKS)]
        m.d.sync += [read_data.eq(candidates[bank]), read_valid.eq(valid)]
        m.d.comb += [port.read_data.eq(read_data), port.read_valid.eq(read_valid)]
