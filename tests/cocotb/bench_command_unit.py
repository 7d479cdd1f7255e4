"""cocotb tests for `tests/hw/host/test_command_unit.py`: headers against the rules of the protocol, to the cycle."""

from __future__ import annotations

import random
from typing import Any

import cocotb

from hwgen.hw.host.command_unit import CommandUnit
from hwgen.hw.isa.host_protocol import PAYLOAD_COMMANDS, Command, Status
from tests.support.machine_link import MachineRules
from tests.support.passes import bench_number
from tests.support.stepper import Stepper

HALFWORDS, DEPTH = bench_number("HALFWORDS"), bench_number("DEPTH")
SDRAM = HALFWORDS > 0
WRITES = Command.WRITE if SDRAM else Command.POKE
RULES = MachineRules(HALFWORDS, DEPTH)
LATENCY = CommandUnit.REFUSAL_LATENCY

INPUTS = (
    *("header", "accepted", "units__valid", "units__payload", "reading"),
    *("write__ready", "poke__ready", "busy", "initialised"),
)
OUTPUTS = (
    *("refusal", "has_payload", "units__ready", "advance", "next_address"),
    *("write__valid", "write__payload", "poke__valid", "poke__payload", "start", "base", "frame"),
)


def header(command: int, length: int = 0, address: int = 0) -> int:
    return command | 0x77 << 8 | length << 16 | address << 32


@cocotb.test()
async def every_header(dut: Any) -> None:
    """Every command with lengths around its unit, in every state of the machine."""
    unit = Stepper(dut, INPUTS, OUTPUTS)
    await unit.begin()
    lengths = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 48, 0x1000, 0x1001, 0xFFF0)
    for command in (*range(11), 0x42, 0x83, 255):
        address = 1 << 24 if command == Command.START else 0
        for length in lengths:
            for busy, initialised, reading in ((0, 1, 0), (1, 1, 0), (0, 0, 0), (0, 1, 1)):
                state = {"busy": busy, "initialised": initialised, "reading": reading}
                await unit.steps(LATENCY, header=header(command, length, address), **state)
                seen = await unit.step()
                free = not busy and bool(initialised)
                wanted = RULES.judge(command, length, address, free=free, reading=bool(reading), frame=0)
                assert seen["refusal"] == wanted, (command, length, state, seen["refusal"])
                assert seen["has_payload"] == (command == WRITES)
    assert unit.cycles_of("start") == []


@cocotb.test()
async def every_place(dut: Any) -> None:
    """Requests about memory up to its end and beyond it, and about banks, bursts and bits of the address that are not there."""
    unit = Stepper(dut, INPUTS, OUTPUTS)
    await unit.begin()
    rng = random.Random(6)
    await unit.step(initialised=1)
    refused = 0
    for command in RULES.commands:
        for _ in range(150):
            length = RULES.unit(command) * rng.choice(
                [1, 2, rng.randrange(1, 200), 0xFFF0 // max(1, RULES.unit(command))]
            )
            end, shift = RULES.end(command)
            address = rng.choice([end, 0, rng.randrange(end + 1)]) - RULES.count(command, length) + rng.randrange(-1, 2)
            if rng.random() < 0.7 and command in (Command.READ, Command.CHECKSUM):
                address -= address % 8
            address = max(0, address) | rng.choice([0, 0, 1 << shift, 3 << 16, 1 << 18, 1 << 24, 1 << 31])
            await unit.steps(LATENCY, header=header(command, length & 0xFFFF, address))
            seen = await unit.step()
            wanted = RULES.judge(command, length & 0xFFFF, address, free=True, reading=False, frame=0)
            assert seen["refusal"] == wanted, (command, length, hex(address), seen["refusal"], wanted)
            refused += wanted == Status.ADDRESS
    assert refused > 100


@cocotb.test()
async def stages(dut: Any) -> None:
    """`refusal` follows the header by REFUSAL_LATENCY cycles at most, and the machine's state by one."""
    unit = Stepper(dut, INPUTS, OUTPUTS)
    await unit.begin()
    start = header(Command.START, address=1 << 24)
    await unit.steps(LATENCY + 1, header=start, initialised=1)
    await unit.step(header=header(0))
    await unit.step()
    assert (await unit.step())["refusal"] == Status.COMMAND
    await unit.steps(LATENCY + 1, header=start)
    assert (await unit.step(busy=1))["refusal"] == Status.OK
    assert (await unit.step())["refusal"] == Status.BUSY
    await unit.steps(2, busy=0, header=header(WRITES, 8))
    await unit.steps(LATENCY)
    assert (await unit.step(reading=1))["refusal"] == Status.OK
    assert (await unit.step())["refusal"] == Status.BUSY


@cocotb.test()
async def start(dut: Any) -> None:
    """A frame is started once, however often it is asked for; no other than the next one can be, and none is number 0."""
    unit = Stepper(dut, INPUTS, OUTPUTS)
    await unit.begin()
    await unit.step(initialised=1)
    started = 0
    await unit.steps(LATENCY, header=header(Command.START, address=0))
    assert (await unit.step())["refusal"] == Status.FRAME
    for number in (*range(1, 256), 1, 2):
        base = (0xABCDEF * number) & 0xFFFFFF & (HALFWORDS - 1 if SDRAM else -1)
        before = 0 if not started else (number - 2) % 255 + 1
        for wrong in (number % 255 + 1, (number - 3) % 255 + 1, number ^ 0x80, 0, before):
            await unit.steps(LATENCY, header=header(Command.START, address=wrong << 24 | base))
            assert (await unit.step())["refusal"] == (Status.OK if wrong == before and wrong else Status.FRAME)
        for repeated in range(2):
            await unit.steps(LATENCY, header=header(Command.START, address=number << 24 | base ^ repeated))
            assert (await unit.step(accepted=1))["refusal"] == Status.OK
            await unit.step(accepted=0, busy=1)
            await unit.step()
            started += not repeated
            assert len(unit.cycles_of("start")) == started
            assert (unit.seen[-1]["base"], unit.seen[-1]["frame"]) == (base, number)
            # Busy or not: it is the same frame.
            await unit.steps(LATENCY, header=header(Command.START, address=number << 24))
            assert (await unit.step())["refusal"] == Status.OK
        await unit.step(busy=0)
    await unit.steps(LATENCY, header=header(Command.STATUS, address=0x123456))
    await unit.step(accepted=1)
    await unit.steps(3, accepted=0)
    assert len(unit.cycles_of("start")) == started


@cocotb.test()
async def addresses(dut: Any) -> None:
    """The next one is one further, and `advance` says when."""
    unit = Stepper(dut, INPUTS, OUTPUTS)
    await unit.begin()
    rng = random.Random(3)
    assert WRITES in PAYLOAD_COMMANDS
    for _ in range(20):
        address = rng.choice([0xFFFFFF, rng.randrange(1 << 24)])
        await unit.steps(2, header=header(WRITES, address=address))
        ready = {"write__ready": 1, "poke__ready": 1}
        seen = await unit.step(units__valid=1, **ready)
        assert seen["next_address"] == address + 1 & 0xFFFFFF and seen["advance"] == 1
        assert (await unit.step(units__valid=0))["advance"] == 0


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
