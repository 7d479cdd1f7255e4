"""Tensors that go to the SDRAM and come back: whole machine, values and cycles."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hwgen.compiler.frontend import tflite
from hwgen.compiler.legalise import legalise
from hwgen.compiler.lower.lower import lower
from hwgen.compiler.program.assemble import build_program
from hwgen.compiler.program.check import ProgramError, check_program
from hwgen.compiler.program.program import Program
from hwgen.compiler.tiling import spilling
from hwgen.compiler.tiling.fit import fit, with_channel_tiles
from hwgen.compiler.tiling.spill import Gap, spill, stripe_sums
from hwgen.compiler.tiling.spilling import choose, spill_cycles
from hwgen.compiler.tiling.striping import Weights
from hwgen.compiler.weight_schedule.schedule import schedule
from hwgen.errors import ResourceError
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.packets import PacketKind
from tests.support.descriptors import changed
from tests.support.residual_network import inverted, residual
from tests.support.small_machine import CONFIG, Small

SPILLING = dataclasses.replace(CONFIG, spill=True)
NETWORKS = {"residual": residual(size=12, channels=12), "inverted": inverted(size=16)}


def every_gap(data: bytes) -> list[Gap]:
    """All gaps of all tensors that passes write and read."""
    lowered = lower(legalise(tflite.parse(data, "model.tflite")))
    made = dict.fromkeys(item.output.buffer for item in lowered.passes)
    return [Gap(name, i) for name in made for i in range(len(lowered.readers.get(name, [])))]


@pytest.mark.parametrize("network", NETWORKS)
def test_everything_leaves_the_chip(network: str, bench_dir: Path) -> None:
    """Every tensor is in the SDRAM alone before each of its readers; bytes and cycles as ever."""
    data = NETWORKS[network]
    gaps = every_gap(data)
    assert len(gaps) > 10
    small = Small.of(data, SPILLING, gaps)
    stores = [packet for packet in small.program.packets if packet.kind == PacketKind.STORE]
    assert len(stores) > 50
    small.simulate(small.input(1), bench_dir)


def test_a_search_without_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool of 200 x 200 over 1000 x 1000 is a chain of 100 passes of 1,000 stripes each, looked at again for every tensor."""
    monkeypatch.setattr(spilling, "MOST_STEPS", 100)
    lowered = lower(legalise(tflite.parse(inverted(size=32), "model.tflite")))
    with pytest.raises(
        ResourceError, match=r"model: \S+ does not fit .* was not found in 100 steps .*; take a smaller"
    ):
        choose(lowered, 60, 1.0)


def test_little_memory() -> None:
    """In a tenth of the activation memory: the planner chooses what goes, and the last sum comes in three stripes."""
    bank_words, config = 300, dataclasses.replace(SPILLING, striped_sums=True)
    legal = legalise(tflite.parse(inverted(size=32), "model.tflite"))
    lowered = stripe_sums(lower(legal), 1000)
    words = [ceil_div(item.channels, config.cols) * item.depth for item in lowered.passes]
    weights = Weights(words, config.weight_depth, config.cols // 2)
    with pytest.raises(ResourceError, match="does not fit the activation memory of 9 KiB in any striping"):
        fit(lowered, bank_words, weights, (0,))
    chosen = choose(lowered, bank_words, 1.0)[0]
    assert 1 <= len(chosen.gaps) <= 3 and chosen.cycles == spill_cycles(lowered, chosen.gaps)
    spilled = spill(lowered, chosen.gaps)
    found = fit(spilled, bank_words, weights, (0, 2), chosen.fusion)
    assert found.used <= bank_words
    fusion_groups = [
        dataclasses.replace(one, heights=(3, 1, 4)) if spilled.passes[one.past - 1].striped else one
        for one in found.fusion_groups
    ]
    found = with_channel_tiles(spilled, dataclasses.replace(found, fusion_groups=fusion_groups), {})
    assert sum(step.source.striped for step in found.steps) == 3
    program = build_program(spilled, found.steps, found.layouts, schedule(found.steps, config), config)
    check_program(spilled, found.steps, program)
    with pytest.raises(ProgramError, match="its sums do not go on"):
        index = next(step.index for step in found.steps if step.source.striped and step.first_row)
        wrong = [*program.descriptors]
        wrong[index] = changed(wrong[index], op=0)
        check_program(spilled, found.steps, dataclasses.replace(program, descriptors=wrong))


def test_what_never_fits_says_how_much_is_short() -> None:
    lowered = lower(legalise(tflite.parse(NETWORKS["inverted"], "model.tflite")))
    with pytest.raises(ResourceError, match=r"whatever goes to the SDRAM, at least .* KiB short; take a smaller"):
        choose(lowered, 30, 1.0)


def test_replay_finds_defects() -> None:
    """Rows that are stored too early, that come back too early or elsewhere, that nobody stored."""
    legal = legalise(tflite.parse(NETWORKS["inverted"], "model.tflite"))
    lowered = spill(lower(legal), every_gap(NETWORKS["inverted"]))
    words = [ceil_div(item.channels, SPILLING.cols) * item.depth for item in lowered.passes]
    weights = Weights(words, SPILLING.weight_depth, SPILLING.cols // 2)
    found = fit(lowered, SPILLING.activation_depth, weights)
    loads = schedule(found.steps, SPILLING)
    program = build_program(lowered, found.steps, found.layouts, loads, SPILLING)
    check_program(lowered, found.steps, program)

    def changed(place: int, value: int) -> Program:
        stream = program.stream.copy()
        stream[place] = value
        return dataclasses.replace(program, stream=stream)

    store = position_of(program, PacketKind.STORE)
    with pytest.raises(ProgramError, match="not one row|before it is complete"):
        check_program(lowered, found.steps, changed(store + 3, 0))
    with pytest.raises(ProgramError, match="never stored|does not come back"):
        check_program(lowered, found.steps, changed(store + 4, int(program.stream[store + 4]) + 4))
    with pytest.raises(ProgramError, match="not one row"):
        check_program(lowered, found.steps, changed(store + 6, int(program.stream[store + 6]) - 1))
    with pytest.raises(ProgramError, match="is not in bank"):
        back = int(program.stream[store + 4]) | int(program.stream[store + 5]) << 16
        check_program(lowered, found.steps, changed(back - 3, int(program.stream[back - 3]) + 1))
    with pytest.raises(ProgramError, match="may be read from the SDRAM before it is there"):
        check_program(lowered, found.steps, without_distance(program))


def position_of(program: Program, kind: PacketKind) -> int:
    """Halfword of the header of the first packet of a kind."""
    position = 0
    for packet in program.packets:
        if packet.kind == kind:
            return position
        position += 4 + packet.units * packet.halfwords
    raise AssertionError(kind)


def without_distance(program: Program) -> Program:
    """The same with a STORE right before the packet that it fills."""
    stream, position, store = program.stream.copy(), 0, position_of(program, PacketKind.STORE)
    target = int(stream[store + 4]) | int(stream[store + 5]) << 16
    header = target - 4
    for packet in program.packets:  # the packet before it becomes the STORE
        size = 4 + packet.units * packet.halfwords
        if position + size == header:
            moved = stream[store : store + 8].copy()
            stream[header - 8 : header] = moved
            stream[header - size : header - 8] = 0
            assert size >= 12
            stream[np.arange(header - size, header - 8, 4)] = PacketKind.IMAGE
            stream[store : store + 8 : 4] = PacketKind.IMAGE
            stream[store + 1 : store + 4] = stream[store + 5 : store + 8] = 0
            return dataclasses.replace(program, stream=stream)
        position += size
    raise AssertionError("no packet stands before it")
