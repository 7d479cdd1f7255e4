"""Names of what a rewrite of a graph makes."""

from collections.abc import Container


def unused(name: str, taken: Container[str]) -> str:
    """`name`, with a number if it is taken: files may name their tensors as rewrites do."""
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}#{number}"
    return candidate
