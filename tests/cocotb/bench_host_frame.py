"""A host at the serial line of the whole system: stream or image into the memory, start, wait, result and counters back.

Environment: STREAM, file of the command stream (little-endian halfwords, image included), or, of a machine without SDRAM, IMAGE, JSON list
of the image's rows [bank, address, words as hexadecimal digits], and FRAMES, how often it is written and run; RESULT, JSON list of the
result's words [bank, address]; PASSES, of the frame; BIT_CYCLES, clock cycles per bit of the line; OUT, file for what the machine answered,
JSON.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any

import cocotb

from hwgen.host.packets import ResponseReader, decode_identity, decode_status, encode_request
from hwgen.hw.isa.counters import RECORD_WORDS
from hwgen.hw.isa.host_protocol import FRAME_SHIFT, LENGTH_UNITS, Command, Status, StatusFlag
from hwgen.sim.harness.streams import reset
from tests.support.serial_line import SerialLine

BASE = 4096
"""Halfword of the memory where the stream lies; not 0, so that START's address counts."""

_BLOCK_BYTES = 2048
_SILENCE_BITS = 4000  # longer than the machine ever takes to answer when it is well
_POLLS = 1000


class Host:
    """Requests and their answers; every request must succeed at once."""

    def __init__(self, dut: Any) -> None:
        self.line = SerialLine(dut, float(os.environ["BIT_CYCLES"]))
        self._reader = ResponseReader()
        self._sequence = 0

    async def request(
        self, command: Command, *, address: int = 0, length: int = 0, payload: bytes | None = None
    ) -> bytes:
        """Data of the answer."""
        self._sequence += 1
        sequence = self._sequence & 0xFF
        await self.line.send(encode_request(command, sequence, address=address, length=length, payload=payload))
        silence = 0
        while silence < _SILENCE_BITS:
            received = bytes(self.line.received)
            self.line.received.clear()
            responses = self._reader.feed(received)
            if responses:
                (response,) = responses
                assert (response.status, response.sequence) == (Status.OK, sequence), f"{command.name}: {response}"
                assert len(response.data) == (length if payload is None else 0) or command in _OWN_LENGTH
                return response.data
            silence = 0 if received else silence + 10
            await self.line.pause(10)
        raise AssertionError(f"no answer to {command.name}")


_OWN_LENGTH = (Command.IDENTIFY, Command.STATUS, Command.CHECKSUM)


async def load(host: Host) -> None:
    """Everything that has to be written before a frame."""
    if "IMAGE" in os.environ:
        for bank, address, digits in json.loads(Path(os.environ["IMAGE"]).read_text()):
            await host.request(Command.POKE, address=bank << 16 | address, payload=bytes.fromhex(digits))
        return
    stream = Path(os.environ["STREAM"]).read_bytes()
    for i in range(0, len(stream), _BLOCK_BYTES):
        await host.request(Command.WRITE, address=BASE + i // 2, payload=stream[i : i + _BLOCK_BYTES])
    bursts = len(stream) // LENGTH_UNITS[Command.READ]
    found = await host.request(Command.CHECKSUM, address=BASE, length=bursts)
    assert int.from_bytes(found, "little") == zlib.crc32(stream[: bursts * LENGTH_UNITS[Command.READ]])


@cocotb.test()
async def frame(dut: Any) -> None:
    host = Host(dut)
    await reset(dut)
    identity = decode_identity(await host.request(Command.IDENTIFY))
    for _ in range(_POLLS):
        status = decode_status(await host.request(Command.STATUS))
        if status.flags & StatusFlag.INITIALISED:
            break
    assert status.flags == StatusFlag.INITIALISED

    for number in range(1, 1 + int(os.environ.get("FRAMES", "1"))):
        await load(host)
        for _ in range(2):  # the second time nothing is started
            await host.request(Command.START, address=number << FRAME_SHIFT | BASE)
        for _ in range(_POLLS):
            status = decode_status(await host.request(Command.STATUS))
            if not status.busy:
                break
        assert status.frame == number
        await host.request(Command.START, address=number << FRAME_SHIFT | BASE)
        assert not decode_status(await host.request(Command.STATUS)).busy

    words = [
        (await host.request(Command.PEEK, address=bank << 16 | address, length=8)).hex()
        for bank, address in json.loads(os.environ["RESULT"])
    ]
    size = 4 * RECORD_WORDS * int(os.environ["PASSES"])
    records = await host.request(Command.COUNTER, length=size)
    assert host.line.bad_stop_bits == 0
    assert int(dut.violations.value) == 0, f"SDRAM rules broken: {int(dut.violations.value):#x}"
    Path(os.environ["OUT"]).write_text(
        json.dumps(
            {
                "build": identity.build,
                "clock_hz": identity.clock_hz,
                "busy": status.busy,
                "errors": status.errors,
                "passes_done": status.passes_done,
                "frame_cycles": status.frame_cycles,
                "result": words,
                "records": records.hex(),
            }
        )
    )
