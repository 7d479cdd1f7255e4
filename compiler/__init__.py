"""The compiler: float network -> graph -> int8 graph -> plan -> program."""
