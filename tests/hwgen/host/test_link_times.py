"""The link to the request and to the step of its clock: what is made when, when it gives up, and what it takes for an answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hwgen.errors import ToolError
from hwgen.host import link as linked
from hwgen.host.link import Link, Request, open_port
from hwgen.host.packets import LinkError, RefusedError
from hwgen.hw.isa.host_protocol import Command, Status
from tests.support.machine_link import response

STEP_S = 1 / 1024
"""Of the clock: a look at the port. All times here are whole steps, so they are exact."""

BAUD, QUIET = 10 * 1024, 16
"""A byte takes a step; silence of so many steps ends a request: twice the time-out."""

HEADER = 11
"""Bytes of a request without payload."""

Answers = Iterable[tuple[int, bytes]]
"""(steps after the request, bytes)."""


class Script:
    """A port whose requests are answered by a function of their number, from 0 on, and sequence number."""

    def __init__(self, answers: Callable[[int, int], Answers], noise: bytes = b"") -> None:
        self._answers, self._noise = answers, noise
        self._coming: list[tuple[int, bytes]] = []
        self.steps = 0
        self.made: list[tuple[int, bytes]] = []

    def write(self, data: bytes) -> int:
        for after, text in self._answers(len(self.made), data[2]):
            self._coming.append((self.steps + after, text))
        self.made.append((self.steps, bytes(data)))
        return len(data)

    def read(self, size: int) -> bytes:
        self.steps += 1
        due = b"".join(text for step, text in self._coming if step <= self.steps)
        self._coming = [(step, text) for step, text in self._coming if step > self.steps]
        return due or self._noise

    @property
    def times(self) -> list[int]:
        """Steps at which requests were made."""
        return [step for step, _ in self.made]

    def link(self) -> Link:
        return Link(self, baud=BAUD, timeout_s=QUIET * STEP_S / 2, clock=lambda: self.steps * STEP_S)


def deaf(number: int, sequence: int) -> Answers:
    return []


def ok(number: int, sequence: int) -> Answers:
    return [(1, response(0, sequence))]


def requests(count: int) -> list[Request]:
    return [Request(Command.STATUS, 16 * i) for i in range(count)]


@pytest.mark.parametrize(
    ("request_", "bytes_"),
    [
        (Request(Command.STATUS, 0), HEADER),
        (Request(Command.READ, 0, 64), HEADER + 64),  # what is to come back takes as long
        (Request(Command.WRITE, 0, payload=bytes(20)), HEADER + 20 + 2),
    ],
)
def test_silence_ends_a_request(request_: Request, bytes_: int) -> None:
    """It is made again when the line has brought it, its answer could have come, and twice the time-out is over; sixteen times."""
    port = Script(deaf)
    with pytest.raises(LinkError, match="no answer"):
        port.link().exchange([request_])
    assert port.times == [i * (bytes_ + QUIET) for i in range(16)]
    assert port.steps == 16 * (bytes_ + QUIET)


def test_what_is_no_answer_ends_a_request_a_second_later() -> None:
    port = Script(deaf, noise=b"x")
    with pytest.raises(LinkError, match="no answer"):
        port.link().exchange(requests(1))
    assert port.times == [i * (HEADER + QUIET + 1024) for i in range(16)]


def test_the_fifteenth_failure_is_not_the_end() -> None:
    port = Script(lambda number, sequence: ok(number, sequence) if number == 15 else [])
    assert port.link().exchange(requests(1)) == [b""]


def test_an_answer_may_come_slowly() -> None:
    """Silence counts from the last byte on."""
    text = bytes(range(8))
    port = Script(
        lambda number, sequence: [
            (HEADER + 12 * i, bytes([byte])) for i, byte in enumerate(response(0, sequence, text))
        ]
    )
    assert port.link().exchange(requests(1)) == [text] and len(port.made) == 1


def test_the_beginning_of_an_answer_is_forgotten() -> None:
    """One whose rest does not come swallows nothing of the next one."""
    port = Script(
        lambda number, sequence: [(1, response(0, sequence, bytes(99))[:20])] if number == 0 else ok(number, sequence)
    )
    assert port.link().exchange(requests(1)) == [b""] and len(port.made) == 2


def test_behind_a_failure_one_request_is_made_at_a_time() -> None:
    port = Script(deaf)
    with pytest.raises(LinkError):
        port.link().exchange(requests(3))
    assert port.times[:3] == [0, 0, 0] and len(set(port.times[3:])) == 15 == len(port.times[3:])


def test_behind_an_answer_all_is_as_before() -> None:
    """Failures count in a row: every request here fails once, and several are under way again behind each answer."""
    failed: set[int] = set()

    def once(number: int, sequence: int) -> Answers:
        address = number_of(port)
        if address in failed:
            return ok(number, sequence)
        failed.add(address)
        return []

    def number_of(port: Script) -> int:
        return seen.pop(0)

    port = Script(once)
    seen: list[int] = []
    write = port.write

    def noted(data: bytes) -> int:
        seen.append(data[5])
        return write(data)

    port.write = noted  # type: ignore[method-assign]
    told: list[int] = []
    host = port.link()
    assert len(host.exchange([Request(Command.STATUS, i) for i in range(40)], told.append)) == 40
    assert told == list(range(1, 41))


def test_several_are_under_way_again() -> None:
    """The first request is lost once; behind its answer eight are made at once."""
    port = Script(lambda number, sequence: [] if number < 8 else [(5, response(0, sequence))])
    port.link().exchange(requests(20))
    again = [step for step in port.times if step > 0]
    assert again.count(again[0]) == 1 and max(again.count(step) for step in again) == 8


def test_a_refusal_of_another_request_is_not_the_oldest_one_s() -> None:
    """The first of two got lost, the second is refused: both are made again, and the second is what the error names."""

    def answers(number: int, sequence: int) -> Answers:
        if number == 0:
            return []
        return [(1, response(Status.ADDRESS if number in (1, 3) else Status.OK, sequence))]

    port = Script(answers)
    with pytest.raises(RefusedError, match="STATUS at 0x10: ADDRESS") as error:
        port.link().exchange(requests(2))
    assert error.value.status == Status.ADDRESS and len(port.made) == 4


def test_an_unknown_refusal() -> None:
    port = Script(lambda number, sequence: [(1, response(99, sequence))])
    with pytest.raises(RefusedError, match="STATUS at 0x0: status 99"):
        port.link().exchange(requests(1))


def test_the_line_falls_silent_before_a_lost_answer_is_asked_for() -> None:
    """Of three requests the first has no answer; the others have, which silence is waited for behind."""

    def run(second: int, third: int) -> list[int]:
        after = {1: second, 2: third}
        port = Script(
            lambda number, sequence: (
                [(after[number], response(0, sequence))] if number in after else ok(number, sequence) if number else []
            )
        )
        assert port.link().exchange(requests(3)) == [b""] * 3
        return port.times

    sent = 3 * HEADER
    assert run(10, 20)[:4] == [0, 0, 0, sent + QUIET], "both had come before the line had brought all"
    assert run(sent + 2, sent + 12)[:4] == [0, 0, 0, sent + 12 + QUIET]


@pytest.mark.parametrize("status", [Status.HEADER_CRC, Status.SYNC, Status.TIMEOUT])
def test_errors_of_the_line_are_noticed_at_once(status: Status) -> None:
    """Whatever sequence number they have; nothing is waited for."""
    port = Script(lambda number, sequence: [(3, response(status, 0))] if number == 0 else ok(number, sequence))
    assert port.link().exchange(requests(1)) == [b""]
    assert port.times == [0, 3]


def test_a_frame_may_take_all_of_its_time() -> None:
    """At the very end of it the machine is asked once more."""
    busy, done = b"\1" + bytes(15), bytes(16)
    port = Script(deaf)
    answers = iter([busy, busy, done])

    def at_once(data: bytes) -> int:
        port._coming.append((0, response(0, data[2], next(answers))))
        return len(data)

    port.write = at_once  # type: ignore[method-assign]
    port.steps = 0
    assert Link(port, baud=BAUD, timeout_s=1.0, clock=lambda: 7.0).wait(0.0).busy is False


def test_multiples_of_eight() -> None:
    crc = (0).to_bytes(4, "little")
    port = Script(lambda number, sequence: [(1, response(0, sequence, crc))])
    with pytest.raises(LinkError, match="from halfword 0x8 on are not what was written"):
        port.link().verify(8, np.ones(8, np.uint16))
    for address, count in ((4, 8), (12, 8), (8, 4)):
        with pytest.raises(ValueError, match="multiples of 8 halfwords"):
            port.link().verify(address, np.ones(count, np.uint16))
    assert len(port.made) == 1
    for address, count in ((4, 8), (8, 4), (8, 12)):
        with pytest.raises(ValueError, match="multiples of 8, not"):
            port.link().read(address, count)


def test_port_of_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own time-out is short against the machine's; without pyserial the user is told what to install."""
    opened: list[tuple[Any, ...]] = []
    serial = SimpleNamespace(Serial=lambda path, baud, timeout: opened.append((path, baud, timeout)))
    monkeypatch.setitem(sys.modules, "serial", serial)
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(linked, "require", lambda *names: asked.append(names))
    open_port("/dev/ttyUSB0", 115200)
    assert opened == [("/dev/ttyUSB0", 115200, 0.005)] and asked == [("board", "a serial port")]

    def missing(*names: str) -> None:
        raise ToolError("pyserial")

    monkeypatch.setattr(linked, "require", missing)
    with pytest.raises(ToolError, match="pyserial"):
        open_port("/dev/ttyUSB0")
