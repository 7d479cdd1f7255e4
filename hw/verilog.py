"""From a component to Verilog, by Amaranth and its built-in Yosys."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator, Sequence
from typing import Any

from amaranth.hdl import Elaboratable


def to_verilog(component: Elaboratable, *, platform: str | None = None, ports: Sequence[Any] | None = None) -> str:
    """Verilog of `component` as the module `top`, without places in the sources.

    A port whose payload is a structure is one packed vector, first field in the least significant bits.

    Args:
        component: what becomes the top module.
        platform: what components ask for to choose between primitives and plain logic; None: plain logic.
        ports: signals that are ports; None: the members of the component's signature, by their names, `clk` and `rst`.
    """
    os.environ["AMARANTH_USE_YOSYS"] = "builtin"
    from amaranth.back import verilog

    with _without_collection():
        text: str = verilog.convert(
            component, name="top", platform=platform, ports=ports, emit_src=False, strip_internal_attrs=True
        )
    return text


@contextlib.contextmanager
def _without_collection() -> Iterator[None]:
    """No search for circular garbage: it goes through millions of objects that all stay, which takes a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
