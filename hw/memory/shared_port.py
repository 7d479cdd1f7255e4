"""One read port of the activation memory for two clients: the row store and the host."""

from __future__ import annotations

from amaranth.hdl import Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.lib.delay import delayed
from hwgen.hw.memory.activation_memory import HostRequest, ReadRequest, memory_port


class SharedPort(wiring.Component):
    """Requests of `store` come before those of `host`; each answer goes to whom it belongs.

    Parameters:
        latency: cycles from an accepted request to its answer.

    Members:
        store : In(memory_port(ReadRequest)), host : In(memory_port(HostRequest)), clients.
        memory : Out(memory_port(HostRequest)), the activation memory.

    Timing: requests and answers pass in the same cycle.
    """

    def __init__(self, latency: int) -> None:
        self._latency = latency
        super().__init__(
            {
                "store": In(memory_port(ReadRequest)),
                "host": In(memory_port(HostRequest)),
                "memory": Out(memory_port(HostRequest)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        first, second, request = self.store.request, self.host.request, self.memory.request
        m.d.comb += [
            request.valid.eq(first.valid | second.valid),
            request.bank.eq(Mux(first.valid, first.bank, second.bank)),
            request.addr.eq(Mux(first.valid, first.addr, second.addr)),
            request.write.eq(second.write & ~first.valid),
            request.enable.eq(second.enable),
            request.data.eq(second.data),
            self.store.ready.eq(self.memory.ready),
            self.host.ready.eq(self.memory.ready & ~first.valid),
        ]
        owner = delayed(m, first.valid, self._latency, "owner")
        m.d.comb += [
            self.store.read_data.eq(self.memory.read_data),
            self.store.read_valid.eq(self.memory.read_valid & owner),
            self.host.read_data.eq(self.memory.read_data),
            self.host.read_valid.eq(self.memory.read_valid & ~owner),
        ]
        return m
