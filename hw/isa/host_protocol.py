"""Constants of the serial protocol between host and machine; frames are built and read in `hwgen/host/packets.py`.

Request: REQUEST_SYNC, header of 8 bytes {command 1, sequence 1, length 2, address 4}, its CRC 2; for WRITE and POKE then
`length` bytes of payload and their CRC 2. Response: RESPONSE_SYNC, header of 4 bytes {status 1, sequence 1, length 2},
its CRC 2; if length is not 0 then `length` bytes and their CRC 2. Numbers are little-endian, a CRC is sent most
significant byte first (CRC-16, polynomial 0x1021, initially 0xFFFF, not reflected). Sync bytes count in no CRC.

Up to UNDER_WAY requests may be under way: the machine carries them out in the order in which they come and answers in that order. On any
error, also on a byte that begins no request, it ignores the line until nothing has come for the time-out, then it answers with the error;
so nothing that followed a spoilt request is taken for a request, and the host begins again with the oldest one that has no answer. Every
request may be repeated: those that write do the same again, and START carries the frame's number.
"""

from __future__ import annotations

import enum

VERSION = 2

REQUEST_SYNC = 0xA5
RESPONSE_SYNC = 0x5A
REQUEST_HEADER_BYTES = 8
RESPONSE_HEADER_BYTES = 4
CRC_BYTES = 2
CRC_POLYNOMIAL = 0x1021
CRC_INIT = 0xFFFF

CHECKSUM_POLYNOMIAL = 0xEDB88320
"""Of CHECKSUM, for bits that enter at the bottom: CRC-32 as in Ethernet, initially and finally inverted."""

BAUD = 3_000_000
"""Of the serial line unless the board says otherwise: 8 data bits, no parity, one stop bit."""

TIMEOUT_S = 0.02
"""Longest pause inside a request, seconds; a host's USB stack may cut a request into pieces some milliseconds apart."""

UNDER_WAY = 8
"""Requests that a host may have sent without having the answers."""

IDENTITY_BYTES = 8
"""Build 4, clock in kHz 3, protocol version 1."""

STATUS_BYTES = 16
"""Flags 1 (StatusFlag), errors of the machine 1 (MachineError), passes_done 2, frame_cycles 4, number of the last frame started 1, 0 7;
all of one moment only when not busy."""

CHECKSUM_BYTES = 4

MAX_LENGTH = 0xFFF0

FRAME_SHIFT = 24
"""Where the frame's number stands in START's address."""

BANK_SHIFT = 16
"""Where the bank stands in the address of PEEK and POKE."""

LAST_FRAME = 255
"""Frames are numbered from 1 to this, then from 1 again; 0: none since power-on."""

COUNTER_WORDS = 1 << 12
"""Words that COUNTER can address."""


class Command(enum.IntEnum):
    """What a request asks for; `length` must be a multiple of the number given, and not 0 unless that is 0."""

    IDENTIFY = 1
    """0. Answers IDENTITY_BYTES bytes."""
    WRITE = 2
    """2. Writes the payload into the SDRAM from halfword `address` on."""
    READ = 3
    """16. Answers `length` bytes of the SDRAM from halfword `address` on, a multiple of 8."""
    START = 4
    """0. Starts frame `address >> 24`, which must be the one after the last and never 0; its command stream is at halfword
    `address & 0xffffff` (without SDRAM there is none). Of the last frame again: answered, nothing is started."""
    STATUS = 5
    """0. Answers STATUS_BYTES bytes."""
    PEEK = 6
    """8. Answers `length` bytes of the activation memory from word `address & 0xffff` of bank `address >> 16` on."""
    COUNTER = 7
    """4. Answers `length` bytes of the counter memory from word `address` on."""
    POKE = 8
    """8. Writes the payload into the activation memory, addressed as for PEEK: the image of a machine without SDRAM."""
    CHECKSUM = 9
    """1. Answers CHECKSUM_BYTES bytes: CRC-32 of `length` times 16 bytes of the SDRAM from halfword `address` on, a multiple of 8."""


LENGTH_UNITS = {
    Command.IDENTIFY: 0,
    Command.WRITE: 2,
    Command.READ: 16,
    Command.START: 0,
    Command.STATUS: 0,
    Command.PEEK: 8,
    Command.COUNTER: 4,
    Command.POKE: 8,
    Command.CHECKSUM: 1,
}

SDRAM_COMMANDS = frozenset({Command.WRITE, Command.READ, Command.CHECKSUM})
"""Commands that only a machine with SDRAM knows."""

RESIDENT_COMMANDS = frozenset({Command.POKE})
"""Commands that only a machine without SDRAM knows."""

PAYLOAD_COMMANDS = frozenset({Command.WRITE, Command.POKE})
"""Commands whose requests have a payload."""

MEMORY_COMMANDS = frozenset({Command.READ, Command.PEEK, Command.COUNTER, Command.CHECKSUM})
"""Commands whose answers come out of memories that WRITE, POKE and START change."""

LATE_COMMANDS = MEMORY_COMMANDS | {Command.STATUS}
"""Commands whose answers are taken from what WRITE, POKE and START change, byte by byte while they are sent."""


def next_frame(frame: int) -> int:
    """Number of the frame after `frame`."""
    return frame % LAST_FRAME + 1


class Status(enum.IntEnum):
    """How a request ended."""

    OK = 0
    HEADER_CRC = 1
    PAYLOAD_CRC = 2
    """As TIMEOUT and OVERRUN of a payload: some of it may have been written."""
    COMMAND = 3
    """Unknown command."""
    LENGTH = 4
    BUSY = 5
    """A frame is under way (or the SDRAM is not yet initialised): no READ, CHECKSUM, WRITE, POKE or START. Or the answer to READ,
    CHECKSUM, PEEK, COUNTER or STATUS is still to be sent: no WRITE, POKE or START."""
    TIMEOUT = 6
    """A pause inside the request."""
    OVERRUN = 7
    """Payload came faster than the memory took it, or more requests are under way than the machine keeps."""
    ADDRESS = 8
    """Not all of it lies in the memory, or READ and CHECKSUM do not begin at a burst."""
    FRAME = 9
    """START's frame is neither the last one nor the one after it."""
    SYNC = 10
    """A byte that begins no request."""


class StatusFlag(enum.IntFlag):
    """Flags of the answer to STATUS."""

    BUSY = 1
    INITIALISED = 2


class MachineError(enum.IntFlag):
    """Errors of the machine in the answer to STATUS, of the last frame."""

    STREAM = 1
    """The command stream held something that is no packet, and was abandoned."""
