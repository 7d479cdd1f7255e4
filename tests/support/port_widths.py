"""Widths of a component's ports, of one that is elaborated as it would be in a design."""

from __future__ import annotations

from amaranth.back import rtlil
from amaranth.hdl import Value
from amaranth.lib import wiring


def port_widths(component: wiring.Component) -> dict[str, int]:
    """Bits of every port by its name, members of interfaces joined with "__"."""
    rtlil.convert(component)
    return {
        "__".join(map(str, path)): len(Value.cast(value)) for path, _, value in component.signature.flatten(component)
    }
