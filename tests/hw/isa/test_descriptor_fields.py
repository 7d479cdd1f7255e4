"""Descriptors as plain numbers: the same fields as the layout, in the same bits, every one within its range."""

import random
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from amaranth.lib import data

from hwgen.hw.isa.descriptor import Descriptor
from hwgen.hw.isa.descriptor_fields import FIELD_GROUPS, NUMBERS, DescriptorFields, FieldRangeError, Number


def put(value: Any, path: tuple[str | int, ...], number: int) -> Any:
    """The value with another number at the end of the path."""
    if not path:
        return number
    step, *rest = path
    if isinstance(step, int):
        return tuple(put(one, tuple(rest), number) if i == step else one for i, one in enumerate(value))
    return replace(value, **{step: put(getattr(value, step), tuple(rest), number)})


def with_number(descriptor: DescriptorFields, number: Number, value: int) -> DescriptorFields:
    found: DescriptorFields = put(descriptor, (number.group, *number.path), value)
    return found


def check_same_fields(value: Any, layout: data.Layout) -> None:
    """A dataclass has the fields of a structure, in its order, all the way down; a tuple the elements of an array."""
    if isinstance(layout, data.ArrayLayout):
        assert isinstance(value, tuple) and len(value) == layout.length
        return
    assert is_dataclass(value)
    names = [field.name for field in fields(value)]
    assert names == [name for name, _ in layout]
    for name, field in layout:
        inner = getattr(value, name)
        if isinstance(field.shape, data.Layout):
            check_same_fields(inner, field.shape)
        else:
            assert inner == 0


def test_the_dataclasses_have_the_fields_of_the_layout() -> None:
    descriptor = DescriptorFields()
    assert [field.name for field in fields(descriptor)] == list(FIELD_GROUPS)
    for group, layout in FIELD_GROUPS.items():
        check_same_fields(getattr(descriptor, group), layout)
    assert [name for name, _ in Descriptor] == [name for layout in FIELD_GROUPS.values() for name, _ in layout]


def test_every_bit_belongs_to_one_number() -> None:
    covered = sum((number.high - number.low) << number.offset for number in NUMBERS)
    assert covered == (1 << Descriptor.size) - 1
    ends = [number.offset + (number.high - number.low).bit_length() for number in NUMBERS]
    assert [number.offset for number in NUMBERS] == [0, *ends[:-1]]


@pytest.mark.parametrize("seed", range(20))
def test_packed_as_the_layout_says(seed: int) -> None:
    rng = random.Random(seed)
    descriptor, want = DescriptorFields(), {}
    for number in NUMBERS:
        value = rng.choice([number.low, number.high, rng.randint(number.low, number.high)])
        descriptor = with_number(descriptor, number, value)
        want[number] = value
    view = Descriptor.from_bits(descriptor.pack())
    for number, value in want.items():
        found: Any = view
        for step in number.path:
            found = found[step]
        assert (found, number.of(descriptor)) == (value, value), number.name


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)
def test_every_range_is_checked(number: Number) -> None:
    for value in (number.low, number.high):
        with_number(DescriptorFields(), number, value).pack()
    for value in (number.low - 1, number.high + 1):
        with pytest.raises(FieldRangeError) as error:
            with_number(DescriptorFields(), number, value).pack()
        assert str(error.value) == f"{number.name} must be {number.low}..{number.high}, not {value}"
