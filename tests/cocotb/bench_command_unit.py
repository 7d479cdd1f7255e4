"""cocotb tests for `tests/hw/host/test_command_unit.py`: headers against the rules of the protocol, to the cycle."""

from __future__ import annotations

import random
from typing import Any

import cocotb

from hwgen.hw.isa.host_protocol import (
    IDENTITY_BYTES,
    LENGTH_UNITS,
    RESIDENT_COMMANDS,
    SDRAM_COMMANDS,
    STATUS_BYTES,
    Command,
    Status,
)
from tests.support.passes import bench_number
from tests.support.stepper import Stepper

SDRAM = bool(bench_number("SDRAM"))
ABSENT = RESIDENT_COMMANDS if SDRAM else SDRAM_COMMANDS
WRITES = Command.WRITE if SDRAM else Command.POKE
GUARDED = {Command.READ, Command.START, WRITES}

INPUTS = (
    *("header", "accepted", "units__valid", "units__payload", "unit_sent"),
    *("write__ready", "poke__ready", "busy", "initialised"),
)
OUTPUTS = (
    *("asked", "refusal", "has_payload", "length", "units__ready", "advance", "next_address"),
    *("write__valid", "write__payload", "poke__valid", "poke__payload", "start", "base"),
)


def header(command: int, length: int = 0, address: int = 0) -> int:
    return command | 0x77 << 8 | length << 16 | address << 32


def judged(command: int, length: int, initialised: bool, busy: bool) -> Status:
    """By the text of the protocol."""
    if command not in set(Command) - ABSENT:
        return Status.COMMAND
    unit = LENGTH_UNITS[Command(command)]
    if length != 0 if unit == 0 else length == 0 or length % unit:
        return Status.LENGTH
    return Status.BUSY if command in GUARDED and (busy or not initialised) else Status.OK


@cocotb.test()
async def every_header(dut: Any) -> None:
    """Every command with lengths around its unit, in every state of the machine."""
    unit = Stepper(dut, INPUTS, OUTPUTS)
    await unit.begin()
    lengths = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 48, 0x1000, 0x1001, 0xFFF0)
    for command in (*range(10), 0x42, 0x83, 255):
        for length in lengths:
            for busy, initialised in ((0, 1), (1, 1), (0, 0)):
                await unit.steps(2, header=header(command, length), busy=busy, initialised=initialised)
                seen = await unit.step()
                wanted = judged(command, length, bool(initialised), bool(busy))
                assert seen["refusal"] == wanted, (command, length, busy, initialised, seen["refusal"])
                present = command in set(Command) - ABSENT
                assert seen["asked"] == present << (command - 1 if present else 0)
                assert seen["has_payload"] == (command == WRITES)
                whole = {Command.IDENTIFY: IDENTITY_BYTES, Command.STATUS: STATUS_BYTES}
                if wanted == Status.OK:
                    assert seen["length"] == whole.get(Command(command), length)
    assert unit.cycles_of("start") == []


@cocotb.test()
async def two_stages(dut: Any) -> None:
    """`asked` a cycle after the header, `refusal` two, and one after the machine's state."""
    unit = Stepper(dut, INPUTS, OUTPUTS)
    await unit.begin()
    await unit.steps(3, header=header(Command.START), initialised=1)
    await unit.step(header=header(0))
    assert (await unit.step())["asked"] == 0
    assert unit.seen[-2]["asked"] == 1 << Command.START - 1
    assert unit.seen[-1]["refusal"] == Status.OK
    assert (await unit.step())["refusal"] == Status.COMMAND
    await unit.steps(3, header=header(Command.START))
    assert (await unit.step(busy=1))["refusal"] == Status.OK
    assert (await unit.step())["refusal"] == Status.BUSY


@cocotb.test()
async def start(dut: Any) -> None:
    unit = Stepper(dut, INPUTS, OUTPUTS)
    await unit.begin()
    await unit.steps(3, header=header(Command.START, address=0x00ABCDEF), initialised=1)
    await unit.step(accepted=1)
    cycle = unit.cycle
    await unit.steps(3, accepted=0)
    assert unit.cycles_of("start") == [cycle] and unit.seen[cycle]["base"] == 0xABCDEF
    await unit.steps(3, header=header(Command.STATUS, address=0x123456))
    await unit.step(accepted=1)
    await unit.steps(3, accepted=0)
    assert unit.cycles_of("start") == [cycle] and unit.seen[-1]["base"] == 0xABCDEF


@cocotb.test()
async def addresses(dut: Any) -> None:
    """The next one is a burst further for READ, one further else; `advance` says when."""
    unit = Stepper(dut, INPUTS, OUTPUTS)
    await unit.begin()
    rng = random.Random(3)
    for command in sorted(set(Command) - ABSENT):
        for _ in range(10):
            address = rng.choice([0xFFFFFF, 0xFFFFF8, rng.randrange(1 << 24)])
            await unit.steps(2, header=header(command, address=address))
            seen = await unit.step(unit_sent=1)
            assert seen["next_address"] == address + (8 if command == Command.READ else 1) & 0xFFFFFF
            assert seen["advance"] == 1
            assert (await unit.step(unit_sent=0))["advance"] == 0


@cocotb.test()
async def units(dut: Any) -> None:
    """Payload goes to the memory that the machine has, in the same cycle, and only there."""
    unit = Stepper(dut, INPUTS, OUTPUTS)
    await unit.begin()
    rng = random.Random(4)
    here, other = ("write", "poke") if SDRAM else ("poke", "write")
    for _ in range(300):
        address, valid, ready = rng.randrange(1 << 24), rng.randrange(2), rng.randrange(2)
        value = rng.getrandbits(16 if SDRAM else 64)
        driven = {f"{here}__ready": ready, f"{other}__ready": rng.randrange(2)}
        seen = await unit.step(
            header=header(WRITES, address=address), units__valid=valid, units__payload=value, **driven
        )
        place = (
            address | value << 24 | 3 << 40 if SDRAM else (address >> 16 & 3) | (address & 0x3FFF) << 2 | value << 16
        )
        assert (seen[f"{here}__valid"], seen[f"{other}__valid"], seen["units__ready"]) == (valid, 0, ready)
        assert not valid or seen[f"{here}__payload"] == place
        assert seen["advance"] == valid & ready
