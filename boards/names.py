"""Verilog without brackets in names.

Amaranth calls element 3 of an array `a[3]`, as an escaped identifier. With such names yosys 0.70 ended, on one design, in a failed
assertion of widths behind ABC9; without them it does not. The likely reason: on the way to ABC9 and back `a[3]` is also bit 3 of `a`.
"""

from __future__ import annotations

import re

_ESCAPED = re.compile(r"\\\S+(?=\s)")


def plain_names(text: str) -> str:
    """Verilog in which every `a[3]` that is a name is `a.3` instead.

    Raises:
        ValueError: two names would become the same.
    """
    given: dict[str, str] = {}
    for name in set(_ESCAPED.findall(text)):
        other = given.setdefault(_plain(name), name)
        if other != name:
            raise ValueError(f"the names {other} and {name} differ only by their brackets")
    return _ESCAPED.sub(lambda match: _plain(match[0]), text)


def _plain(name: str) -> str:
    return re.sub(r"\[(\d+)\]", r".\1", name)
