"""Activation memory against a dictionary: ready, data and their exact cycles under random requests of all clients."""

from __future__ import annotations

import random
from typing import Any

import cocotb
from cocotb.triggers import ReadOnly, RisingEdge

from hwgen.hw.isa.config import BANKS
from hwgen.hw.memory.activation_memory import HostRequest, ReadRequest
from hwgen.hw.memory.write_request import ImageWord, WriteRequest
from hwgen.sim.harness.streams import reset
from tests.support.passes import bench_config, bench_number

READ_LATENCY = bench_number("READ_LATENCY")
PORT_B_LATENCY = bench_number("PORT_B_LATENCY")
WRITE_TO_READ = bench_number("WRITE_TO_READ")
MASK = (1 << 64) - 1

Words = dict[tuple[int, int], int]


def merged(old: int, new: int, enable: int) -> int:
    for byte in range(8):
        if enable >> byte & 1:
            old = old & ~(0xFF << 8 * byte) | new & 0xFF << 8 * byte
    return old


def interesting(rng: random.Random, depth: int, count: int) -> list[int]:
    """Addresses: the ends of the memory and of its blocks, and some more."""
    edges = {0, depth - 1, *(edge + step for edge in range(1024, depth, 1024) for step in (-1, 0))}
    return sorted(edges) + [rng.randrange(depth) for _ in range(max(0, count - len(edges)))]


@cocotb.test()
@cocotb.parametrize(load=[0.2, 0.6, 1.0])
async def all_clients(dut: Any, load: float) -> None:
    rng = random.Random(int(10 * load))
    depth = bench_config().activation_depth
    addresses = interesting(rng, depth, 8)
    await reset(dut)

    # Known content, written by the DMA at full speed.
    words: Words = {}
    dut.writer.value = dut.operand__request.value = dut.host__request.value = 0
    for bank in range(BANKS):
        for addr in addresses:
            words[bank, addr] = rng.getrandbits(64)
            dut.dma__valid.value = 1
            dut.dma__payload.value = ImageWord.const({"bank": bank, "addr": addr, "data": words[bank, addr]}).as_bits()
            await ReadOnly()
            assert int(dut.dma__ready.value) == 1
            await RisingEdge(dut.clk)
    dut.dma__valid.value = 0
    for _ in range(PORT_B_LATENCY + 2):
        await RisingEdge(dut.clk)

    names = ("operand", "host")
    writes: dict[int, list[tuple[tuple[int, int], int, int]]] = {}  # cycle in which port A sees them
    seen_by_a = dict(words)
    due_a: dict[int, list[int | None]] = {}
    due_b: dict[str, dict[int, int]] = {name: {} for name in names}
    checked = {"a": 0, "operand": 0, "host": 0, "refused": 0}
    for cycle in range(3000):
        read = [rng.choice(addresses) for _ in range(BANKS)]
        dut.read_addr.value = sum(addr << 14 * bank for bank, addr in enumerate(read))
        wants = {
            client: {
                "valid": rng.random() < load,
                "bank": rng.randrange(BANKS),
                "addr": rng.choice(addresses),
                "enable": rng.choice([0xFF, rng.getrandbits(8)]),
                "data": rng.getrandbits(64),
                "write": rng.getrandbits(1),
            }
            for client in ("writer", "operand", "dma", "host")
        }

        def packed(layout: Any, want: dict[str, int]) -> int:
            return int(layout.const({key: int(want[key]) for key in layout.members if key in want}).as_bits())

        dut.writer.value = packed(WriteRequest, wants["writer"])
        dut.operand__request.value = packed(ReadRequest, wants["operand"])
        dut.dma__valid.value = int(wants["dma"]["valid"])
        dut.dma__payload.value = packed(ImageWord, wants["dma"])
        dut.host__request.value = packed(HostRequest, wants["host"])
        await ReadOnly()

        # Port A: the words as they are after the writes of WRITE_TO_READ cycles ago.
        for place, data, enable in writes.pop(cycle, []):
            seen_by_a[place] = merged(seen_by_a[place], data, enable)
        fresh = {place for place, _, enable in writes.get(cycle + 1, []) if enable}
        due_a[cycle + READ_LATENCY] = [
            None if (bank, addr) in fresh else seen_by_a[bank, addr] for bank, addr in enumerate(read)
        ]
        got = int(dut.read_data.value)
        for bank, expected in enumerate(due_a.pop(cycle, [])):
            if expected is not None:
                word = got >> 64 * bank & MASK
                assert word == expected, f"cycle {cycle}, port A, bank {bank}: {word:#x}, not {expected:#x}"
                checked["a"] += 1

        # Port B: priority inside a bank.
        taken: set[int] = set()
        wanted: set[int] = set()
        written: list[tuple[tuple[int, int], int, int]] = []
        for client, ready in (("writer", None), *((name, f"{name}__ready") for name in ("operand", "dma", "host"))):
            want = wants[client]
            free = want["bank"] not in wanted
            if ready is not None:
                assert int(getattr(dut, ready).value) == free, f"cycle {cycle}: {ready} is not {free}"
            if not want["valid"]:
                continue
            wanted.add(want["bank"])
            if not free:
                checked["refused"] += 1
                continue
            assert want["bank"] not in taken
            taken.add(want["bank"])
            place = want["bank"], want["addr"]
            if client == "operand" or (client == "host" and not want["write"]):
                due_b[client][cycle + PORT_B_LATENCY] = words[place]
            else:
                written.append((place, want["data"], 0xFF if client == "dma" else want["enable"]))
        for place, data, enable in written:
            words[place] = merged(words[place], data, enable)
        writes[cycle + WRITE_TO_READ] = written
        for name in names:
            expected_word = due_b[name].pop(cycle, None)
            valid = int(getattr(dut, f"{name}__read_valid").value)
            assert valid == (expected_word is not None), f"cycle {cycle}: {name} read_valid is {valid}"
            if expected_word is not None:
                word = int(getattr(dut, f"{name}__read_data").value)
                assert word == expected_word, f"cycle {cycle}: {name} read {word:#x}, not {expected_word:#x}"
                checked[name] += 1
        await RisingEdge(dut.clk)
    assert all(count > 100 for count in checked.values()), f"too little was checked: {checked}"
