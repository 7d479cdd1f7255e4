"""A serial port with an emulated machine behind it, on a line that takes its time, and loses, repeats, damages and delays bytes."""

from __future__ import annotations

import random
from collections import Counter, deque
from dataclasses import dataclass, field

from tests.support.machine_link import EmulatedMachine

READ_TIMEOUT_S = 0.005


@dataclass
class LineErrors:
    """What happens to bytes, each with its probability; `happened` counts by kind.

    Attributes:
        delay_s: longest of the pauses that a delayed byte, and all behind it, wait.
    """

    rng: random.Random
    lost: float = 0.0
    repeated: float = 0.0
    damaged: float = 0.0
    delayed: float = 0.0
    delay_s: float = 0.06
    happened: Counter[str] = field(default_factory=Counter)

    def spoil(self, byte: int) -> tuple[list[int], float]:
        """The bytes that come of one, and how long it waits, seconds."""
        dice = self.rng.random()
        for kind in ("lost", "repeated", "damaged", "delayed"):
            chance = getattr(self, kind)
            if dice < chance:
                self.happened[kind] += 1
                return {
                    "lost": ([], 0.0),
                    "repeated": ([byte, byte], 0.0),
                    "damaged": ([byte ^ 1 << self.rng.randrange(8)], 0.0),
                    "delayed": ([byte], self.rng.random() * self.delay_s),
                }[kind]
            dice -= chance
        return [byte], 0.0


class _Way:
    """One direction of the line: bytes with the times at which they arrive."""

    def __init__(self, byte_s: float, errors: LineErrors | None) -> None:
        self._byte_s, self._errors = byte_s, errors
        self._free_s = 0.0
        self.bytes: deque[tuple[float, int]] = deque()

    def send(self, data: bytes, now_s: float) -> None:
        for sent in data:
            came, pause = ([sent], 0.0) if self._errors is None else self._errors.spoil(sent)
            for byte in came:
                self._free_s = max(self._free_s, now_s) + pause + self._byte_s
                self.bytes.append((self._free_s, byte))


class EmulatedPort:
    """What `Link` needs of a port, in simulated time.

    Args:
        machine: at the other end.
        baud: of the line, 10 bits a byte.
        latency_s: of the bridge: how long received bytes may wait before the host has them.
        to_machine: errors on the way there; to_host: on the way back.

    Attributes:
        now_s: the time.
        latency_s: as given.
        deaf: nothing comes back while it is set.
    """

    def __init__(
        self,
        machine: EmulatedMachine,
        *,
        baud: int = 3_000_000,
        latency_s: float = 0.0,
        to_machine: LineErrors | None = None,
        to_host: LineErrors | None = None,
    ) -> None:
        self.machine = machine
        machine.byte_s = 10 / baud
        self.now_s = 0.0
        self.deaf = False
        self.written = 0
        self.latency_s = latency_s
        self._there, self._back = _Way(10 / baud, to_machine), _Way(10 / baud, to_host)

    def clock(self) -> float:
        return self.now_s

    def write(self, data: bytes, /) -> int:
        self.written += len(data)
        self._there.send(data, self.now_s)
        return len(data)

    def read(self, size: int, /) -> bytes:
        self._run(self.now_s)
        if not self._ready():
            end_s = self.now_s + READ_TIMEOUT_S
            while self.now_s < end_s and not self._ready():
                self.now_s = min(end_s, self.now_s + 1e-4)
                self._run(self.now_s)
        found = bytearray()
        while len(found) < size and self._ready():
            found.append(self._back.bytes.popleft()[1])
        return b"" if self.deaf else bytes(found)

    def _ready(self) -> bool:
        return bool(self._back.bytes) and self._back.bytes[0][0] + self.latency_s <= self.now_s

    def _run(self, until_s: float) -> None:
        """The machine's end of the line until then."""
        while self._there.bytes and self._there.bytes[0][0] <= until_s:
            time_s, byte = self._there.bytes.popleft()
            self._back.send(self.machine.receive(byte, time_s), time_s)
        self._back.send(self.machine.idle(until_s), until_s)
