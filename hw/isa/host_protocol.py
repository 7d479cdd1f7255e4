"""Constants of the serial protocol between host and machine; frames are built and read in `hwgen/host/link.py`.

Request: REQUEST_SYNC, header of 8 bytes {command 1, sequence 1, length 2, address 4}, its CRC 2; for WRITE and POKE then
`length` bytes of payload and their CRC 2. Response: RESPONSE_SYNC, header of 4 bytes {status 1, sequence 1, length 2},
its CRC 2; if length is not 0 then `length` bytes and their CRC 2. Numbers are little-endian, a CRC is sent most
significant byte first (CRC-16, polynomial 0x1021, initially 0xFFFF, not reflected). Sync bytes count in no CRC.

One request is under way at a time. On any error the machine ignores the line until nothing has come for the time-out,
then it answers with the error; so the host may repeat its request as soon as it has the answer, and after silence of
twice the time-out in any case.
"""

from __future__ import annotations

import enum

VERSION = 1

REQUEST_SYNC = 0xA5
RESPONSE_SYNC = 0x5A
REQUEST_HEADER_BYTES = 8
RESPONSE_HEADER_BYTES = 4
CRC_BYTES = 2
CRC_POLYNOMIAL = 0x1021
CRC_INIT = 0xFFFF

BAUD = 3_000_000
"""Of the serial line: 8 data bits, no parity, one stop bit."""

TIMEOUT_S = 0.02
"""Longest pause inside a request, seconds; a host's USB stack may cut a request into pieces some milliseconds apart."""

IDENTITY_BYTES = 8
"""Build 4, clock in kHz 3, protocol version 1."""

STATUS_BYTES = 8
"""Flags 1 (StatusFlag), errors of the machine 1, passes_done 2, frame_cycles 4; all of one moment only when not busy."""

MAX_LENGTH = 0xFFF0


class Command(enum.IntEnum):
    """What a request asks for; `length` must be a multiple of the number given, and not 0 unless that is 0."""

    IDENTIFY = 1
    """0. Answers IDENTITY_BYTES bytes."""
    WRITE = 2
    """2. Writes the payload into the SDRAM from halfword `address` on."""
    READ = 3
    """16. Answers `length` bytes of the SDRAM from halfword `address` on, a multiple of 8."""
    START = 4
    """0. Starts a frame: command stream at halfword `address` (without SDRAM there is none)."""
    STATUS = 5
    """0. Answers STATUS_BYTES bytes."""
    PEEK = 6
    """8. Answers `length` bytes of the activation memory from word `address & 0x3fff` of bank `address >> 16` on."""
    COUNTER = 7
    """4. Answers `length` bytes of the counter memory from word `address` on."""
    POKE = 8
    """8. Writes the payload into the activation memory, addressed as for PEEK: the image of a machine without SDRAM."""


LENGTH_UNITS = {
    Command.IDENTIFY: 0,
    Command.WRITE: 2,
    Command.READ: 16,
    Command.START: 0,
    Command.STATUS: 0,
    Command.PEEK: 8,
    Command.COUNTER: 4,
    Command.POKE: 8,
}

SDRAM_COMMANDS = frozenset({Command.WRITE, Command.READ})
"""Commands that only a machine with SDRAM knows."""

RESIDENT_COMMANDS = frozenset({Command.POKE})
"""Commands that only a machine without SDRAM knows."""


class Status(enum.IntEnum):
    """How a request ended."""

    OK = 0
    HEADER_CRC = 1
    PAYLOAD_CRC = 2
    """Some of the payload may have been written."""
    COMMAND = 3
    """Unknown command."""
    LENGTH = 4
    BUSY = 5
    """A frame is under way (or the SDRAM is not yet initialised): no READ, WRITE, POKE or START."""
    TIMEOUT = 6
    """A pause inside the request."""
    OVERRUN = 7
    """Payload came faster than the memory took it."""


class StatusFlag(enum.IntFlag):
    """Flags of the answer to STATUS."""

    BUSY = 1
    INITIALISED = 2
