"""Chains of registers: a value some cycles later."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value


def delay_line(m: Module, value: Value, cycles: int, name: str | None = None, *, control: bool = False) -> list[Value]:
    """`value` as it is and as it was 1 .. `cycles` cycles ago, with its width and sign.

    Data needs no reset: it is used only where a valid bit says so. A valid bit, strobe or any other `control` does, else the first
    cycles after a reset would show what was under way before it.

    Args:
        m: module that gets the registers.
        value: delayed as bits; a view loses its layout.
        cycles: registers in the chain, at least 0.
        name: they are called `name_0`, `name_1`, ...; all `register` without it.
        control: they are reset to 0.

    Raises:
        ValueError: `cycles` is negative.
    """
    if cycles < 0:
        raise ValueError(f"cycles must be at least 0, not {cycles}")
    values = [Value.cast(value)]
    for i in range(cycles):
        register = Signal(values[0].shape(), name="register" if name is None else f"{name}_{i}", reset_less=not control)
        m.d.sync += register.eq(values[-1])
        values.append(register)
    return values


def delayed(m: Module, value: Value, cycles: int, name: str | None = None, *, control: bool = False) -> Value:
    """`value` as it was `cycles` cycles ago (0: `value` itself); everything else as in `delay_line`."""
    return delay_line(m, value, cycles, name, control=control)[-1]
