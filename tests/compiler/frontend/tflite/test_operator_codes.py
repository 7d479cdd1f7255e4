"""Which operator an entry of a file's operator codes means, and that its options are this operator's."""

from __future__ import annotations

import numpy as np
import pytest

from hwgen.compiler.frontend import tflite
from hwgen.compiler.frontend.tflite.operators import HANDLERS
from hwgen.compiler.frontend.tflite.schema import OPTIONS, TABLE_OF
from hwgen.errors import ModelError, UnsupportedOpError
from hwgen.sim import golden
from tests.support.make_tflite import OPTION_KINDS, Maker
from tests.support.tflite_examples import OPERATORS, example
from tests.support.tflite_reference import run

X = np.arange(-128, 128, dtype=np.int8).reshape(1, 8, 8, 4)


def multiplied(fields: tuple[int, int] | None = None, op: str = "MUL") -> bytes:
    """x times a constant; with other values of `builtin_code` and `deprecated_builtin_code`."""
    m = Maker()
    x, y = m.tensor(X.shape, 0.1, 3), m.tensor(X.shape, 0.05, -7)
    m.operator(op, [x, m.tensor((4,), 0.02, 5, data=np.array([50, -70, 9, 127], np.int8))], [y])
    return m.finish([x], [y]) if fields is None else m.finish([x], [y], code_fields=lambda _: fields)


MUL = 18
EXPECTED = run(multiplied(), X)


@pytest.mark.parametrize("fields", [(MUL, MUL), (MUL, 0), (0, MUL)], ids=["both", "builtin_code", "deprecated"])
def test_either_field_names_the_operator(fields: tuple[int, int]) -> None:
    """A file of before 2020 has the old field alone, some newer ones the new one alone."""
    np.testing.assert_array_equal(golden.predict(tflite.parse(multiplied(fields), "m.tflite"), X), EXPECTED)


@pytest.mark.parametrize("op", OPERATORS)
def test_every_operator_by_the_new_field_alone(op: str) -> None:
    """The graph is that of the file which writes both."""
    data = example(op, 0)
    alone = Maker.finish

    def finish(self: Maker, inputs: list[int], outputs: list[int]) -> bytes:
        return alone(self, inputs, outputs, code_fields=lambda value: (value, 0))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Maker, "finish", finish)
        other = example(op, 0)
    assert str(tflite.parse(other, "m.tflite")) == str(tflite.parse(data, "m.tflite"))


@pytest.mark.parametrize(
    "fields", [(MUL, 3), (0, 127), (127, 127), (0, -3), (-5, 0), (200, MUL), (150, 126)], ids=lambda fields: str(fields)
)
def test_fields_that_contradict_each_other(fields: tuple[int, int]) -> None:
    new, old = fields
    found = rf"operator code 0: {new} as builtin_code, {old} as deprecated_builtin_code\); copy or convert it again"
    with pytest.raises(ModelError, match=found):
        tflite.parse(multiplied(fields), "m.tflite")


def test_a_number_that_the_schema_does_not_have() -> None:
    with pytest.raises(UnsupportedOpError, match=r"number 5000_0 \(to 't1'\): operator number 5000 is not supported"):
        tflite.parse(multiplied((5000, 0)), "m.tflite")


def test_every_table_of_options_has_its_operators() -> None:
    assert set(TABLE_OF.values()) == set(OPTIONS) and set(TABLE_OF) <= set(HANDLERS)


@pytest.mark.parametrize("op", sorted(set(OPTION_KINDS) & set(OPERATORS) - {"SPLIT_V"}))
def test_options_of_another_operator(op: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would be read as this operator's: an ADD that is called MUL, say."""
    monkeypatch.setitem(OPTION_KINDS, op, "SubOptions")
    monkeypatch.setattr(Maker, "operator", without_options)
    with pytest.raises(ModelError, match=f"is {op} with SubOptions"):
        tflite.parse(example(op, 0), "m.tflite")


def without_options(self: Maker, op: str, inputs: list[int], outputs: list[int], **options: object) -> None:
    self.operators.append((op, inputs, outputs, {}))
