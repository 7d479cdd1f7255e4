"""Descriptors for tests, from some of their fields: each belongs to its group by its name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from hwgen.hw.isa.descriptor_fields import FIELD_GROUPS, DescriptorFields

_GROUPS = {name: group for group, layout in FIELD_GROUPS.items() for name, _ in layout}


def descriptor_fields(**fields: Any) -> DescriptorFields:
    """A descriptor with these fields; the others are 0."""
    return changed(DescriptorFields(), **fields)


def changed(descriptor: DescriptorFields, **fields: Any) -> DescriptorFields:
    """The descriptor with other values in these fields."""
    groups: dict[str, dict[str, Any]] = {}
    for name, value in fields.items():
        groups.setdefault(_GROUPS[name], {})[name] = value
    return replace(descriptor, **{name: replace(getattr(descriptor, name), **part) for name, part in groups.items()})


def field_values(descriptor: DescriptorFields, names: Iterable[str]) -> dict[str, Any]:
    """The values of these fields."""
    return {name: getattr(getattr(descriptor, _GROUPS[name]), name) for name in names}
