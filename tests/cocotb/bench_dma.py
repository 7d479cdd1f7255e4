"""cocotb tests for `tests/hw/memory/dma/test_dma.py`."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.packets import PacketKind
from hwgen.hw.memory.dma.image_port import IMAGE_DELAY
from hwgen.hw.memory.dma.units import WRITE_DELAY
from hwgen.sim.harness.related_clocks import reset_related
from hwgen.sim.harness.streams import StreamMonitor, reset
from hwgen.sim.timing.sdram import Access, SdramTiming
from hwgen.sim.timing.stream import StreamTiming
from hwgen.sim.timing.word_stream import WordStreamTiming
from tests.support.dma_stream import BAD_STREAM, Packet, streams
from tests.support.dma_system import CONFIGS, MEMORIES, PORT_LATENCY
from tests.support.dma_times import payload_uses

CONFIG: CoreConfig = CONFIGS[os.environ.get("DMA_CONFIG", "12x4")]
SDRAM = MEMORIES[os.environ.get("DMA_MEMORY", "same")]
WORD = 1 if SDRAM.ratio.same else SDRAM.word
FIELDS = {
    "weights": (14, 8 * CONFIG.cols),
    "parameters": (11, 72),
    "window": (13, 18 * CONFIG.window_lanes),
    "push": (0, 16),
    "table": (8, 16),
}

Write = tuple[int, str, int, int]
"""(cycle, destination, address, data); cycle 0 is the DMA's start."""


def image_write(payload: int) -> tuple[int, int]:
    bank, addr, data = payload & 3, payload >> 2 & 0x3FFF, payload >> 16
    return bank << 14 | addr, data


class RecordedSdram(SdramTiming):
    """Keeps the cycles in which the bursts were asked for."""

    def __init__(self) -> None:
        super().__init__(SDRAM)
        self.requests: list[int] = []
        self.writes: list[int] = []

    def read(self, cycle: int, addr: int) -> Access:
        access = super().read(cycle, addr)
        self.requests.append(access.taken)
        return access

    def write_linear(self, addr: int, count: int, cycle: int, period: int) -> int:
        for i in range(count):
            self.writes.append(super().write_linear(addr + i, 1, cycle, period))
            cycle = self.writes[-1] + period
        return self.writes[-1] if count else 0


async def run(
    dut: Any,
    base: int,
    passes_done: Callable[[int], int],
    room: Callable[[int], bool],
    image_ready: Callable[[int], bool],
    port_ready: Callable[[int], bool] = lambda cycle: True,
) -> tuple[list[Write], list[int]]:
    """A frame: drives the inputs by functions of the cycle, returns all writes and the cycles of the requests."""
    dut.base.value = base
    dut.passes_done.value = passes_done(0)
    dut.room.value = int(room(0))
    dut.image__ready.value = int(image_ready(0))
    if CONFIG.spill:
        dut.port_ready.value = int(port_ready(0))
    dut.start_frame.value = 1
    await RisingEdge(dut.clk)
    dut.start_frame.value = 0
    cycle: int | None = None
    ended = 0
    writes: list[Write] = []
    requests: list[int] = []
    while ended < 10:
        await ReadOnly()
        if cycle is None and int(dut.started.value):
            cycle = 0
        if cycle is not None:
            for name, (addr_bits, data_bits) in FIELDS.items():
                value = int(getattr(dut, name).value)
                if value & 1:
                    addr = value >> 1 & (1 << addr_bits) - 1
                    writes.append((cycle, name, addr, value >> 1 + addr_bits & (1 << data_bits) - 1))
            if int(dut.image__valid.value) and int(dut.image__ready.value):
                writes.append((cycle, "image", *image_write(int(dut.image__payload.value))))
            if CONFIG.spill and (value := int(dut.written.value)) & 1:
                writes.append((cycle, "sdram", value >> 1 & 0xFFFFFF, value >> 25))
            if int(dut.requested.value):
                requests.append(cycle)
            if cycle > 0 and not int(dut.busy.value):
                ended += 1
        await RisingEdge(dut.clk)
        if cycle is not None:
            cycle += 1
            assert cycle < 60_000, "the stream does not end"
            dut.passes_done.value = passes_done(cycle)
            dut.room.value = int(room(cycle))
            dut.image__ready.value = int(image_ready(cycle))
            if CONFIG.spill:
                dut.port_ready.value = int(port_ready(cycle))
    return writes, requests


def delivered(packet: Packet, base: int) -> list[tuple[str, int, int]]:
    """Everything that a packet writes, in order: destination, address, data."""
    if packet.kind == PacketKind.END:
        return []
    if packet.kind == PacketKind.STORE:
        return packet.stored(base)
    return [item for _, item in packet.writes(CONFIG)]


def predict(
    base: int, packets: list[Packet], passes_done: Callable[[int], int], room: Callable[[int], bool]
) -> tuple[list[Write], list[int]]:
    sdram = RecordedSdram()
    stream = StreamTiming(sdram, 0, base) if SDRAM.ratio.same else WordStreamTiming(sdram, 0, base)

    def next_room(cycle: int) -> int:
        while not room(cycle - 1):
            cycle += 1
        return cycle

    writes: list[Write] = []
    for packet in packets:
        reached = 0
        while passes_done(reached) < packet.wait:
            reached += 1
        if packet.kind == PacketKind.STORE and packet.units:
            begun = len(sdram.writes)
            assert isinstance(stream, StreamTiming)
            stream.store(*packet.stored_place, PORT_LATENCY, reached + 2)
            cycles = sdram.writes[begun:]
            writes += [(cycle, *item) for cycle, item in zip(cycles, packet.stored(base), strict=True)]
            continue
        uses = payload_uses(
            stream, CONFIG, packet.kind, packet.units, unpack=packet.unpack, reached=reached, room=next_room, word=WORD
        )
        assert len(uses) == len(packet.payload)
        late = IMAGE_DELAY if packet.kind == PacketKind.IMAGE else WRITE_DELAY
        if packet.kind != PacketKind.END:
            writes += [(uses[index] + late, *item) for index, item in packet.writes(CONFIG)]
    return writes, sdram.requests if SDRAM.ratio.same else []


async def begin(dut: Any) -> None:
    dut.start_frame.value = dut.base.value = dut.passes_done.value = dut.room.value = 0
    dut.image__ready.value = 0
    await (reset(dut) if SDRAM.ratio.same else reset_related(dut, SDRAM.ratio))
    while not int(dut.initialised.value):
        await RisingEdge(dut.clk)
    StreamMonitor(dut, "image", dut.clk)


@cocotb.test()
@cocotb.parametrize(step=[1, 37, 300])
async def every_write_in_its_cycle(dut: Any, step: int) -> None:
    await begin(dut)
    for base, packets in streams(CONFIG):

        def passes_done(cycle: int) -> int:
            return cycle // step

        def room(cycle: int) -> bool:
            return step == 1 or cycle // 97 % 3 != 0

        writes, requests = await run(dut, base, passes_done, room, lambda cycle: True)
        expected, expected_requests = predict(base, packets, passes_done, room)
        assert len(writes) > 200
        assert writes == expected
        assert requests[: len(expected_requests)] == expected_requests
    assert int(dut.violations.value) == 0
    assert int(dut.error.value) == 0


@cocotb.test()
@cocotb.parametrize(busy=[0.5, 0.97])
async def image_port_stalls(dut: Any, busy: float) -> None:
    """With a busy activation memory: the same writes, none lost, none doubled, no descriptor before the image."""
    await begin(dut)
    rng = random.Random(11)
    stalls = [rng.random() < busy for _ in range(60_000)]
    for base, packets in streams(CONFIG):
        writes, _ = await run(
            dut,
            base,
            lambda cycle: cycle // 5,
            lambda cycle: True,
            lambda cycle: not stalls[cycle],
            lambda cycle: not stalls[-cycle],
        )
        expected = [item for packet in packets for item in delivered(packet, base)]
        assert expected == [item[1:] for item in writes]


@cocotb.test()
async def unknown_packet(dut: Any) -> None:
    """A stream that makes no sense is abandoned and reported; the next one is read as if nothing had been."""
    await begin(dut)
    writes, _ = await run(dut, BAD_STREAM, lambda cycle: 0, lambda cycle: True, lambda cycle: True)
    assert writes == []
    assert int(dut.error.value) == 1
    base, packets = streams(CONFIG)[1]
    writes, _ = await run(dut, base, lambda cycle: 0xFFFF, lambda cycle: True, lambda cycle: True)
    assert int(dut.error.value) == 0
    assert writes == predict(base, packets, lambda cycle: 0xFFFF, lambda cycle: True)[0]
