"""The program of a planned network: a symbolic replay of it, its stream, its descriptors."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.lower.lower import lower
from hwgen.compiler.lower.passes import Lowered
from hwgen.compiler.program.assemble import build_program
from hwgen.compiler.program.check import ProgramError, check_program
from hwgen.compiler.program.descriptors import packed
from hwgen.compiler.program.program import Program
from hwgen.compiler.tiling.fit import Fit, fit, with_channel_tiles
from hwgen.compiler.tiling.stripes import Step, split_channels
from hwgen.compiler.tiling.striping import Weights
from hwgen.compiler.weight_schedule.schedule import schedule
from hwgen.errors import ModelError, ResourceError
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import CoreConfig
from hwgen.hw.isa.descriptor import Descriptor
from hwgen.hw.isa.packets import PacketKind
from tests.support.descriptors import changed, field_values
from tests.support.int8_networks import load_network

CONFIG = CoreConfig(activation_depth=2048, weight_depth=4096)


@pytest.fixture(scope="module")
def planned() -> tuple[Lowered, Fit, Program]:
    """A small ShuffleNet in a memory so small that it needs stripes and parts."""
    lowered = lower(load_network("shufflenet_v2", NetworkOptions(width=0.5, resolution=128, classes=40)))
    parts = {
        "conv5.0": split_channels(lowered.passes[-3], CONFIG.cols, 8),
        "pool": [(i, 128) for i in range(0, 1024, 128)],
    }
    words = [ceil_div(item.channels, CONFIG.cols) * item.depth for item in lowered.passes]
    weights = Weights(words, CONFIG.weight_depth, CONFIG.cols // 2)
    found = with_channel_tiles(lowered, fit(lowered, CONFIG.activation_depth, weights), parts)
    loads = schedule(found.steps, CONFIG)
    return lowered, found, build_program(lowered, found.steps, found.layouts, loads, CONFIG)


def test_replay_finds_everything_in_its_place(planned: tuple[Lowered, Fit, Program]) -> None:
    lowered, found, program = planned
    assert len(found.steps) > len(lowered.passes)
    check_program(lowered, found.steps, program)


def changed_program(program: Program, index: int, **fields: Any) -> Program:
    descriptors = list(program.descriptors)
    descriptors[index] = changed(descriptors[index], **fields)
    return dataclasses.replace(program, descriptors=descriptors)


def find(steps: list[Step], name: str) -> int:
    return next(step.index for step in steps if step.source.name == name)


def test_replay_finds_defects(planned: tuple[Lowered, Fit, Program]) -> None:
    lowered, found, program = planned
    index = find(found.steps, "stage3.2.branch2.5")
    fields = program.descriptors[index]
    with pytest.raises(ProgramError, match="WEIGHTS"):
        check_program(
            lowered, found.steps, changed_program(program, index, weight_base=(fields.array.weight_base + 1) % 4096)
        )
    operand = fields.operand.operand
    moved = dataclasses.replace(operand, addr=operand.addr + 1)
    with pytest.raises(ProgramError, match=r"stage3\.2\.branch2\.5: row 0 of stage3\.1 is not in bank"):
        check_program(lowered, found.steps, changed_program(program, index, operand=moved))
    with pytest.raises(ProgramError, match="lies over"):
        check_program(lowered, found.steps, changed_program(program, index, output=operand))


def test_replay_finds_an_early_packet(planned: tuple[Lowered, Fit, Program]) -> None:
    """Without its wait some packet overwrites weights that are still wanted."""
    lowered, found, program = planned
    stream = program.stream.copy()
    position = 0
    for packet in program.packets:
        if packet.kind == PacketKind.WEIGHTS:
            stream[position + 3] = 0
        position += 4 + packet.units * packet.halfwords
    with pytest.raises(ProgramError):
        check_program(lowered, found.steps, dataclasses.replace(program, stream=stream))


def test_stream_is_the_packets(planned: tuple[Lowered, Fit, Program]) -> None:
    _, found, program = planned
    position = 0
    for packet in program.packets:
        head, _, count, wait = (int(v) for v in program.stream[position : position + 4])
        assert (head & 15, count, wait) == (packet.kind, packet.units, packet.wait)
        assert wait <= packet.step
        position += 4 + packet.units * packet.halfwords
    assert list(program.stream[position:]) == [0, 0, 0, 0]
    assert sum(packet.kind == PacketKind.DESCRIPTOR for packet in program.packets) == len(found.steps)


def test_image_goes_into_its_packets(planned: tuple[Lowered, Fit, Program]) -> None:
    _, _, program = planned
    image = np.random.default_rng(1).integers(-128, 128, program.image_shape).astype(np.int8)
    stream = program.stream.copy()
    program.write_image(stream, image)
    assert program.image_unpack
    for row in (0, 17, 127):
        first = int(program.image_rows[row])
        assert stream[first - 4] & 15 == PacketKind.IMAGE
        octets = stream[first : first + program.image_row_halfwords].view(np.int8)
        assert np.array_equal(octets.reshape(-1, 3), image[row])
    untouched = np.ones(len(stream), bool)
    untouched[(program.image_rows[:, None] + np.arange(program.image_row_halfwords)).ravel()] = False
    assert np.array_equal(stream[untouched], program.stream[untouched])
    with pytest.raises(ModelError, match="the image must be int8"):
        program.write_image(stream, image[1:])


def test_descriptors_are_packed_field_by_field(planned: tuple[Lowered, Fit, Program]) -> None:
    _, _, program = planned
    for fields in program.descriptors:
        view = Descriptor.from_bits(packed("a pass", fields))
        names = ("tiles", "in_y", "in_x", "weight_base", "channels")
        assert {name: view[name] for name in names} == field_values(fields, names)
        assert view.input.addr == fields.fetch.input.addr
        assert view.array_clamp.zero_point == fields.array.array_clamp.zero_point
    with pytest.raises(
        ResourceError,
        match=r"^conv1: larger than the machine can address \(tiles must be 0\.\.16383, not 20000\); take a smaller",
    ):
        packed("conv1", changed(program.descriptors[0], tiles=20000))
    assert [fields.fetch.last for fields in program.descriptors] == [0] * (len(program.descriptors) - 1) + [1]


def test_first_pass_folds_two_columns(planned: tuple[Lowered, Fit, Program]) -> None:
    _, found, program = planned
    first = program.descriptors[0]
    want = {"in_y": -1, "in_w": 64, "in_x": -1, "kernel_h": 3, "kernel_w": 2, "stride_y": 2, "stride_x": 1, "groups": 1}
    want |= {"first_byte": 4, "inner": 11, "outer": 3, "outer_stride": 16, "ring_words": 6, "out_w": 64, "chunks": 2}
    assert field_values(first, want) == want
    weights = found.steps[0].source.weights
    assert weights is not None and not weights.reshape(24, 3, 11)[:, :, [3, 7]].any()


def test_every_tensor_is_written_once(planned: tuple[Lowered, Fit, Program]) -> None:
    lowered, _, program = planned
    seen: dict[str, np.ndarray] = {}
    shapes = {item.tensor: (item.height, item.channels) for item in lowered.passes}
    shapes |= {item.identity: (item.height, item.channels) for item in lowered.passes if item.identity}
    for written in (item for items in program.written for item in items):
        count = seen.setdefault(written.tensor, np.zeros(shapes[written.tensor], int))
        rows = slice(written.first_row, written.first_row + written.rows)
        count[rows, written.first_channel : written.first_channel + written.channels] += 1
    assert set(seen) == set(shapes)
    assert all((count == 1).all() for count in seen.values())
