"""Initial content of the blocks of RAM in an element, as it stands in their instances: for simulators that load it at the start."""

from __future__ import annotations

from collections.abc import Iterator

from amaranth.hdl import Const, Elaboratable, Fragment, Instance

_BLOCK = "DP16KD"
_VALUES = "INITVAL_"
_DIGITS = 80  # of a value of 320 bits


def block_contents(element: Elaboratable, path: str) -> Iterator[tuple[str, str]]:
    """(hierarchical name, content) of every block of RAM in an element whose own name is `path`.

    The content is text: a line of 80 hexadecimal digits for each of the 64 parameters with initial values, in their order.
    """
    yield from _walk(Fragment.get(element, None), path)


def _walk(fragment: Fragment, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(fragment, Instance):
        if fragment.type == _BLOCK:
            values = {name: value for name, value in fragment.parameters.items() if name.startswith(_VALUES)}
            yield path, "".join(f"{_number(values[name]):0{_DIGITS}x}\n" for name in sorted(values))
        return
    for inner, name, _ in fragment.subfragments:
        yield from _walk(inner, f"{path}.{name}")


def _number(value: object) -> int:
    assert isinstance(value, Const)
    return int(value.value)
