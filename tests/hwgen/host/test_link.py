"""Host's side of the protocol against an emulated machine, on good lines and bad ones."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from hwgen.host.link import ATTEMPTS, BLOCK_BYTES, CHECKED_BYTES, Link, open_port
from hwgen.host.packets import LinkError, ResponseReader, encode_request
from hwgen.hw.isa.host_protocol import RESPONSE_SYNC, TIMEOUT_S, UNDER_WAY, Command, Status
from tests.support.emulated_port import EmulatedPort, LineErrors
from tests.support.machine_link import EmulatedMachine, MachineRules, response

WITH_SDRAM = MachineRules(1 << 20, 6144)
WITHOUT_SDRAM = MachineRules(0, 6144)


def machine(rules: MachineRules = WITH_SDRAM, busy_s: float = 0.0) -> EmulatedMachine:
    return EmulatedMachine(rules, TIMEOUT_S, busy_s=busy_s)


def link(port: EmulatedPort) -> Link:
    return Link(port, clock=port.clock)


def halfwords(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1 << 16, count, dtype=np.uint16)


def test_session() -> None:
    port = EmulatedPort(machine(busy_s=0.004))
    host = link(port)
    identity = host.identify()
    assert (identity.build, identity.clock_hz) == (0x12345678, 100_000_000)
    data = halfwords(3 * BLOCK_BYTES // 2 + 8)
    seen: list[int] = []
    host.write(0x100, data, seen.append)
    assert seen == [2048, 4096, 6144, 6152]
    assert np.array_equal(host.read(0x100, data.size), data)
    host.verify(0x100, data)
    host.start(0x800)
    status = host.wait(1.0)
    assert (status.busy, status.errors, status.passes_done, status.frame_cycles) == (False, 0, 17, 1_000_000)
    port.machine.banks[2][40 : 40 + 4800] = bytes(range(256)) * 18 + bytes(192)
    assert host.peek(2, 5, 600).tobytes() == bytes(range(256)) * 18 + bytes(192)
    assert host.counters(8, 1500).tobytes() == port.machine.counters[32:6032]
    assert port.machine.starts == [1] and status.frame == 1


@pytest.mark.parametrize("latency_s", [0.001, 0.016])
def test_the_line_is_never_idle(latency_s: float) -> None:
    """Writing takes what the bytes take on the line, and what the bridge waits once."""
    port = EmulatedPort(machine(), latency_s=latency_s)
    data = halfwords(1 << 17)
    link(port).write(0, data)
    wire_s = port.written * 10 / 3_000_000
    assert port.written < 1.01 * 2 * data.size
    assert port.now_s < wire_s + 2 * latency_s + 0.01
    assert np.array_equal(np.frombuffer(port.machine.sdram, "<u2")[: data.size], data)


def _write_and_read(host: Link, port: EmulatedPort, seed: int) -> None:
    data = halfwords(8192, seed)
    host.write(64 * seed, data)
    host.verify(64 * seed, data)
    assert np.array_equal(host.read(64 * seed, 8192), data)


def _poke_and_peek(host: Link, port: EmulatedPort, seed: int) -> None:
    data = np.random.default_rng(seed).integers(0, 1 << 64, 3000, dtype=np.uint64)
    host.poke(seed % 4, seed, data)
    assert port.machine.banks[seed % 4][8 * seed : 8 * seed + 24000] == data.astype("<u8").tobytes()
    assert np.array_equal(host.peek(seed % 4, seed, 3000), data)
    assert host.counters(5, 4000).tobytes() == port.machine.counters[20:16020]


def _start(host: Link, port: EmulatedPort, seed: int) -> None:
    for _ in range(40):
        host.start(seed % 2 * 16)
        assert host.wait(10.0).frame == (len(port.machine.starts) - 1) % 255 + 1
    assert port.machine.starts == [i % 255 + 1 for i in range(len(port.machine.starts))]
    assert len(port.machine.starts) % 40 == 0


def _ask(host: Link, port: EmulatedPort, seed: int) -> None:
    for _ in range(20):
        assert host.identify().build == 0x12345678
        assert host.status().passes_done == 17
        assert host.counters(5, 20).tobytes() == port.machine.counters[20:100]


@pytest.mark.parametrize(
    ("rules", "work"),
    [(WITH_SDRAM, _write_and_read), (WITHOUT_SDRAM, _poke_and_peek), (WITH_SDRAM, _start), (WITHOUT_SDRAM, _ask)],
)
def test_every_command_gets_through(rules: MachineRules, work: Callable[[Link, EmulatedPort, int], None]) -> None:
    """One byte in 20,000 (of long blocks) or in 100 lost, repeated, damaged or late, on either way: every value is right, every frame runs
    once."""
    rate = 1 / 80_000 if work in (_write_and_read, _poke_and_peek) else 1 / 400
    errors = [LineErrors(random.Random(seed), rate, rate, rate, rate) for seed in (1, 2)]
    port = EmulatedPort(machine(rules), to_machine=errors[0], to_host=errors[1])
    host = link(port)
    for seed in range(8):
        work(host, port, seed)
    happened = errors[0].happened + errors[1].happened
    assert min(happened[kind] for kind in ("lost", "repeated", "damaged", "delayed")) > 0, happened


@dataclass
class Forgetful(EmulatedMachine):
    """Does not send its next answers, so many are `left`."""

    left: int = 0

    def receive(self, byte: int, now_s: float) -> bytes:
        answer = super().receive(byte, now_s)
        if answer and self.left:
            self.left -= 1
            return b""
        return answer


def test_lost_answers_to_start_are_no_second_frame() -> None:
    """Whether the frame is still under way or long done when it is asked for again."""
    for busy_s in (0.0, 0.03, 0.5):
        forgetful = Forgetful(WITH_SDRAM, TIMEOUT_S, busy_s=busy_s)
        host = link(EmulatedPort(forgetful))
        host.start(0x40)
        host.wait(2.0)
        forgetful.left = 2
        host.start(0x40)
        assert forgetful.left == 0
        assert host.wait(2.0).frame == 2 and forgetful.starts == [1, 2]


def test_a_restarted_machine_is_noticed() -> None:
    port = EmulatedPort(machine())
    host = link(port)
    host.start()
    port.machine.frame = 0
    with pytest.raises(LinkError, match="at frame 0, not 1: it was restarted, or another program uses it; load its"):
        host.wait(1.0)
    # It goes on where the machine is.
    host.start()
    host.start()
    port.machine.frame = 7
    with pytest.raises(LinkError, match="at another frame: it was restarted, or another program uses it; load its"):
        host.start()
    host.start()
    assert port.machine.starts == [1, 1, 2, 8]


@pytest.mark.parametrize("frame", [1, 2, 253, 254, 255])
def test_a_restart_is_noticed_at_every_frame(frame: int) -> None:
    """Numbers begin again with 1, which a machine that was restarted takes too."""
    port = EmulatedPort(machine())
    port.machine.frame = frame - 1 or 255
    host = link(port)
    host.start()
    host.wait(1.0)
    port.machine.frame = 0
    with pytest.raises(LinkError, match="it was restarted"):
        host.start()
    assert port.machine.starts == [frame]


def test_a_frame_whose_start_was_never_answered_is_not_taken_for_the_next() -> None:
    port = EmulatedPort(machine())
    host = link(port)
    host.start()
    port.deaf = True
    with pytest.raises(LinkError, match="START at 0x2000000: no answer"):
        host.start()
    port.deaf = False
    host.start()
    assert host.wait(1.0).frame == 3 and port.machine.starts == [1, 2, 3]


def test_pieces_go_one_right_behind_the_other() -> None:
    """Of an image: many short pieces take what their bytes take on the line, and what the bridge waits once."""
    port = EmulatedPort(machine(), latency_s=0.016)
    rows = [(512 * i, halfwords(448, i)) for i in range(224)]
    link(port).write_all(rows)
    assert port.now_s < port.written * 10 / 3_000_000 + 0.05
    for address, data in rows:
        assert port.machine.sdram[2 * address : 2 * address + 896] == data.tobytes()
    port = EmulatedPort(machine(WITHOUT_SDRAM), latency_s=0.016)
    words = np.random.default_rng(1).integers(0, 1 << 64, 2000, dtype=np.uint64)
    host = link(port)
    host.poke_all((i % 4, 100 + i, words[20 * i : 20 * i + 20]) for i in range(0, 100, 20))
    np.testing.assert_array_equal(host.peek_all([(0, 120, 20), (0, 100, 1)]), [*words[400:420], words[0]])


def test_the_machine_keeps_so_many_requests() -> None:
    """A host that sends more ahead is told so, and so is one that writes before it has read what it asked for."""
    rules = WITH_SDRAM
    states = b"".join(encode_request(Command.STATUS, i) for i in range(40))
    port = EmulatedPort(machine(rules))
    port.write(states)
    found = _answers(port)
    assert [status for status in found if status] == [Status.OVERRUN] and UNDER_WAY < len(found) < 40
    port = EmulatedPort(machine(rules))
    port.write(encode_request(Command.READ, 1, length=4096) + encode_request(Command.WRITE, 2, payload=bytes(2)))
    assert _answers(port) == [Status.OK, Status.BUSY]


def _answers(port: EmulatedPort) -> list[int]:
    """Statuses of all answers that come."""
    reader, found = ResponseReader(), list[int]()
    while port.now_s < 0.2:
        found += [answer.status for answer in reader.feed(port.read(4096))]
    return found


def test_a_stream_that_is_not_what_was_written() -> None:
    port = EmulatedPort(machine())
    host = link(port)
    data = halfwords(CHECKED_BYTES // 2 + 80)
    host.write(0, data)
    host.verify(0, data)
    port.machine.sdram[CHECKED_BYTES + 7] ^= 0x10
    with pytest.raises(
        LinkError, match=r"the 160 bytes of the SDRAM from halfword 0x20000 on are not what was written"
    ):
        host.verify(0, data)
    with pytest.raises(ValueError, match="multiples of 8 halfwords, not 0 and 4"):
        host.verify(0, data[:4])


def test_errors_of_the_machine_are_no_result() -> None:
    port = EmulatedPort(machine())
    port.machine.errors = 1
    host = link(port)
    host.start()
    with pytest.raises(LinkError, match=r"gave the frame up after 17 passes \(errors 0x1\): its command stream"):
        host.wait(1.0)


def test_answer_to_an_earlier_request_is_ignored() -> None:
    port = EmulatedPort(machine())
    receive, late = (
        port.machine.receive,
        iter([response(0, 0, b"\0" * 7 + b"\2")]),
    )  # as long and as good as the awaited one

    def with_another_before(byte: int, now_s: float) -> bytes:
        answer = receive(byte, now_s)
        return next(late, b"") + answer if answer else b""

    port.machine.receive = with_another_before  # type: ignore[method-assign]
    assert link(port).identify().build == 0x12345678
    assert port.written == 11


def test_answer_of_another_length_is_refused() -> None:
    port = EmulatedPort(machine())
    port.machine.receive = lambda byte, now_s: response(0, 1, bytes(14)) if byte == 0xA5 else b""  # type: ignore[method-assign]
    with pytest.raises(LinkError, match="READ at 0x10 answered 14 bytes instead of 16"):
        link(port).read(0x10, 8)


@pytest.mark.parametrize(("wait_s", "requests"), [(0.035, 1), (0.045, 2)])
def test_waits_for_twice_the_machines_timeout(wait_s: float, requests: int) -> None:
    """Of 0.02 s. Later the request is made again."""
    port = EmulatedPort(machine(), latency_s=wait_s)
    write = port.write

    def faster_later(data: bytes) -> int:
        if port.written:
            port.latency_s = 0.0
        return write(data)

    port.write = faster_later  # type: ignore[method-assign]
    assert link(port).identify().build == 0x12345678
    assert port.written == 11 * requests


def test_no_machine() -> None:
    port = EmulatedPort(machine())
    port.deaf = True
    with pytest.raises(LinkError, match="did not carry out IDENTIFY at 0x0: no answer"):
        link(port).identify()
    assert port.written == 11 * ATTEMPTS
    port = EmulatedPort(machine())

    def chatter(size: int) -> bytes:
        port.now_s += 0.005
        return b"chatter"

    port.read = chatter  # type: ignore[method-assign]
    with pytest.raises(LinkError, match="no answer"):
        link(port).identify()
    assert port.now_s < 30


def test_refusals() -> None:
    port = EmulatedPort(machine(busy_s=1e9))
    host = link(port)
    host.start()
    with pytest.raises(LinkError, match="START at 0x2000000: BUSY"):
        host.start(0)
    with pytest.raises(LinkError, match=r"not done after 0.1 s: 17 passes"):
        host.wait(0.1)
    with pytest.raises(LinkError, match="WRITE at 0xfffff: ADDRESS"):
        link(EmulatedPort(machine())).write(0xFFFFF, halfwords(2))
    with pytest.raises(LinkError, match="POKE at 0x0: COMMAND"):
        link(EmulatedPort(machine())).poke(0, 0, np.zeros(1, np.uint64))
    with pytest.raises(ValueError, match="multiples of 8"):
        link(EmulatedPort(machine())).read(4, 8)
    with pytest.raises(LinkError):
        open_port("/nonexistent/port")


def test_another_program_on_the_port() -> None:
    """Bytes that are no request, before one: the machine says so when the line is quiet, and the request is made again."""
    port = EmulatedPort(machine())
    port.write(b"AT\r\n")
    assert link(port).request(Command.STATUS)[0] == 2
    assert bytes([RESPONSE_SYNC]) not in b"AT\r\n"
