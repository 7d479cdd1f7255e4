"""Components built of carry cells."""

from __future__ import annotations

from amaranth import Fragment, Module
from amaranth.lib import wiring


class OnCarryCells(wiring.Component):
    """A component built for the part (any platform) instead of its behavioural form."""

    def __init__(self, inner: wiring.Component) -> None:
        super().__init__(inner.signature)
        self._inner = inner

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.inner = Fragment.get(self._inner, "ecp5")
        wiring.connect(m, wiring.flipped(self), self._inner)
        return m
