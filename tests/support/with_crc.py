"""A half of the host link with the CRC register that both halves share."""

from __future__ import annotations

from typing import Any

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hwgen.hw.host.answer_sender import AnswerSender
from hwgen.hw.host.request_receiver import RequestReceiver
from hwgen.hw.isa.host_protocol import CRC_INIT, CRC_POLYNOMIAL
from hwgen.hw.lib.crc import Crc16


class WithCrc(wiring.Component):
    """`part` and its CRC register; has its members but for `clear_crc` and `crc`."""

    def __init__(self, part: RequestReceiver | AnswerSender) -> None:
        self._part = part
        members: dict[str, Any] = dict(part.signature.members)
        del members["clear_crc"], members["crc"]
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.part = part = self._part
        m.submodules.crc = crc = Crc16(CRC_POLYNOMIAL, CRC_INIT)
        m.d.comb += [crc.clear.eq(part.clear_crc), part.crc.eq(crc.crc)]
        if isinstance(part, RequestReceiver):
            m.d.comb += [crc.byte.eq(part.byte), crc.valid.eq(part.byte_valid)]
        else:
            m.d.comb += [crc.byte.eq(part.o.payload), crc.valid.eq(part.o.valid & part.o.ready)]
        for path, member, outside in self.signature.flatten(self):
            inside: Any = part
            for name in path:
                inside = getattr(inside, str(name))
            m.d.comb += inside.eq(outside) if member.flow is In else outside.eq(inside)
        return m
