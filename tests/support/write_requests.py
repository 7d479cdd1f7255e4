"""Requests of the writers as the benches see them."""

from __future__ import annotations

from hwgen.sim.elements.writer import Request


def write_request(bits: int, cycle: int) -> Request | None:
    """The request that a signal of `hwgen.hw.memory.write_request.WriteRequest` makes in a cycle, with its enabled bytes alone, if any."""
    if not bits & 1:
        return None
    enable = bits >> 17 & 255
    data = sum(255 << 8 * b for b in range(8) if enable >> b & 1) & bits >> 25
    return Request(cycle, bits >> 1 & 3, bits >> 3 & 0x3FFF, enable, data)
