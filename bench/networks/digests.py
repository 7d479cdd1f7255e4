"""Digests of what is generated for a network: equal ones are equal machines and programs, to the byte."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from hwgen.flow.design import design_of
from hwgen.flow.plan import Plan


@dataclass(frozen=True)
class Digests:
    """Beginnings of SHA-256 sums, in hexadecimal digits.

    Attributes:
        plan: of core, command stream and content of the memories.
        verilog: of the design.
        text: that design.
    """

    plan: str
    verilog: str
    text: str

    @classmethod
    def of(cls, found: Plan) -> Digests:
        """What a plan generates now."""
        text = design_of(found.machine, found.board, found.clock).text
        return cls(found.machine.digest()[:16], short_digest(text.encode()), text)


def short_digest(data: bytes) -> str:
    """The beginning of a SHA-256 sum."""
    return hashlib.sha256(data).hexdigest()[:16]
