"""Division that rounds up, against its definition."""

from __future__ import annotations

from itertools import product

from hwgen.hw.isa.ceil_div import ceil_div


def test_is_the_least_integer_that_is_not_below() -> None:
    for dividend, divisor in product(range(-20, 21), range(1, 9)):
        quotient = ceil_div(dividend, divisor)
        assert quotient * divisor >= dividend > (quotient - 1) * divisor


def test_is_exact_beyond_doubles() -> None:
    assert ceil_div(2**80 + 1, 2) == 2**79 + 1
