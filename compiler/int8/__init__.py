"""The int8 graph, its arithmetic (docs/arithmetic.md) and its tables."""
