"""Problems by cause."""

from __future__ import annotations

from hwgen.compiler.frontend.causes import by_cause


def test_layers_of_a_cause_are_one_line() -> None:
    """Names and numbers do not make another cause; types, operators and remedies do."""
    found = [
        ("conv_0 (to 'a')", "its weights have zero point 3"),
        ("mul_1 (to 'b')", "shape (1, 2) is not (3, 4)"),
        ("conv_2 (to 'c')", "its weights have zero point -17"),
        ("conv_2 (to 'c')", "its weights have zero point -17"),
        ("conv_3 (to 'd')", "its weights have type UINT8"),
        ("conv_3 (to 'd')", "its weights have type INT16"),
        ("conv_3 (to 'd')", "its weights have type INT32"),
        ("", "its weights have zero point 9"),
        ("conv_4 (to 'e')", "its weights have zero point 1.5e-7"),
    ]
    assert by_cause(found) == [
        "conv_0 (to 'a'), conv_2 (to 'c'), conv_4 (to 'e'): its weights have zero point 3",
        "mul_1 (to 'b'): shape (1, 2) is not (3, 4)",
        "conv_3 (to 'd'): its weights have type UINT8",
        "conv_3 (to 'd'): its weights have type INT16",
        "conv_3 (to 'd'): its weights have type INT32",
        "its weights have zero point 9",
    ]


def test_many_layers_are_counted() -> None:
    lines = by_cause((f"c{i}", "odd") for i in range(1005))
    assert lines == ["c0, c1, c2, c3, and 1001 more: odd"]


def test_layers_behind_the_first_have_short_names() -> None:
    assert by_cause([("a b", "odd"), ("c d", "odd")], lambda where: where[0]) == ["a b, c: odd"]
