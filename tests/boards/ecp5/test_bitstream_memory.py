"""What block RAM holds from power-on according to the finished bitstream: the words that the memory was given."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from amaranth import Elaboratable, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.boards.bitstream import board_verilog, constraints
from hwgen.boards.ecp5 import route, toolchain
from hwgen.boards.ecp5.floorplan import place_block_rams
from hwgen.boards.ecp5.pll import plan_pll
from hwgen.boards.ecp5.toolchain import LARGE_DIE
from hwgen.boards.ulx3s import ULX3S
from hwgen.hw.ecp5.bram import SimpleDualPort, TrueDualPort

pytestmark = pytest.mark.build

DEEP, WIDE = 6144, 512
UNITS = 2048  # of nine bits in a block


class Reader(wiring.Component):
    """Shows the words of two memories on the LEDs."""

    def __init__(self, deep: list[int], wide: list[int]) -> None:
        self._deep, self._wide = deep, wide
        super().__init__({"rx": In(1), "tx": Out(1), "leds": Out(8)})

    def elaborate(self, platform: object) -> Elaboratable:
        m = Module()
        m.submodules.deep = deep = TrueDualPort(8, DEEP, self._deep)
        m.submodules.wide = wide = SimpleDualPort(72, WIDE, self._wide)
        count = Signal(range(DEEP))
        m.d.sync += count.eq(count + 1)
        m.d.comb += [
            deep.a_addr.eq(count),
            wide.r_en.eq(1),
            wide.r_addr.eq(count),
            self.tx.eq(wide.r_data.xor()),
            self.leds.eq(deep.a_data),
        ]
        return m


def test_initial_content_is_in_the_bitstream(tmp_path: Path) -> None:
    rng = random.Random(8)
    deep, wide = [rng.randrange(256) for _ in range(DEEP)], [rng.getrandbits(72) for _ in range(WIDE)]
    pll = plan_pll(ULX3S.oscillator_hz, 50_000_000)
    (tmp_path / "top.v").write_text(board_verilog(ULX3S, Reader(deep, wide), pll, sdram=False).text)
    (tmp_path / "top.lpf").write_text(constraints(ULX3S, sdram=False))
    said: list[str] = []
    toolchain.synthesise(tmp_path, "top.v", "netlist.json", recipe=LARGE_DIE, progress=said.append)
    place_block_rams(tmp_path / "netlist.json", tmp_path / "floorplan.json", ULX3S.part.name, {})
    routed = route.place_and_route(
        tmp_path,
        "floorplan.json",
        "top.lpf",
        "top.config",
        board=ULX3S,
        recipe=LARGE_DIE,
        progress=said.append,
        remark=said.append,
    )
    assert routed.resources["ebr"].used == 5

    # 4096 words of four bits in each of two blocks, two to a unit; 2048 words of eight bits; twice 512 words of 36 bits in four units.
    expected = [[deep[2 * i] >> low & 15 | (deep[2 * i + 1] >> low & 15) << 4 for i in range(UNITS)] for low in (0, 4)]
    expected.append(deep[4096:])
    expected += [[wide[i // 4] >> low + 9 * (i % 4) & 0x1FF for i in range(UNITS)] for low in (0, 36)]
    text = (tmp_path / "top.config").read_text()
    found = [
        [int(word, 16) for word in block.split()]
        for block in re.findall(r"^\.bram_init \d+\n((?:[0-9a-f ]+\n)+)", text, re.MULTILINE)
    ]
    assert sorted(found) == sorted(expected)
