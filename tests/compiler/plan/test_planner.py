"""Plans: the core that is chosen, resources, figures to reach, what does not fit."""

import json

import pytest

from hwgen.boards.board import Part
from hwgen.boards.ecp5.family import ECP5
from hwgen.boards.icepi_zero import ICEPI_ZERO
from hwgen.boards.ulx3s import ULX3S
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.legalise import legalise
from hwgen.compiler.plan import maker
from hwgen.compiler.plan.core import memories
from hwgen.compiler.plan.planner import plan
from hwgen.compiler.plan.resources import resources
from hwgen.compiler.plan.result import Plan
from hwgen.compiler.program.check import check_program
from hwgen.errors import ResourceError
from hwgen.hw.isa.config import CoreConfig
from hwgen.reports.plan import plan_json, plan_text
from tests.support.board_timing import timing
from tests.support.int8_networks import load_network
from tests.support.small_board import SmallBoard

pytestmark = pytest.mark.plan


@pytest.fixture(scope="module")
def full() -> Plan:
    return plan(legalise(load_network("shufflenet_v2")), ULX3S, timing)


def test_full_network_on_the_board(full: Plan) -> None:
    assert (full.config.rows, full.config.cols, full.config.window_lanes) == (13, 12, 4)
    assert full.config.floorplan == "LFE5U-85F"
    assert full.cycles <= 1_800_000
    assert full.resources.ebr <= 208 and full.resources.dsp == 156
    # The array does all but the depthwise convolutions.
    depthwise = sum(conv.macs(full.graph.tensors[conv.output].shape) for conv in full.graph.convs() if conv.depthwise)
    assert full.array_macs == pytest.approx(full.graph.macs - depthwise, rel=1e-4)
    check_program(full.lowered, full.fit.steps, full.program)


def test_widths_are_proven(full: Plan) -> None:
    convs = [item.array_node for item in full.lowered.passes if item.array_node is not None]
    largest = max(
        128 * int(abs(conv.weights.astype(int)).reshape(conv.out_channels, -1).sum(axis=1).max()) for conv in convs
    )
    assert largest < 1 << (full.config.acc_bits - 1)
    assert full.config.array_clamp_bits == max(int(conv.clamp_bits.max()) for conv in convs)


def test_block_ram_of_the_default_core() -> None:
    needs = resources(CoreConfig(activation_depth=6144, weight_depth=8192, window_depth=2048), ULX3S.part.family)
    assert needs.memories == {
        "activations": 96,
        "weights": 48,
        "pixel ring": 26,
        "lane parameters": 4,
        "window parameters": 8,
        "descriptors": 1,
        "segments": 3,
        "counters": 8,
    }
    assert resources(CoreConfig(array_table=True, window_table=True), ULX3S.part.family).memories["tables"] == 10


@pytest.mark.parametrize(
    ("width", "resolution"), [(0.5, 224), (1.5, 224), (2.0, 224), (1.0, 128), (0.5, 96), (1.0, 160)]
)
def test_every_width_and_resolution_fits(width: float, resolution: int) -> None:
    graph = load_network("shufflenet_v2", NetworkOptions(width=width, resolution=resolution))
    planned = plan(legalise(graph), ULX3S, timing)
    assert planned.resources.ebr <= ULX3S.part.ebr
    check_program(planned.lowered, planned.fit.steps, planned.program)


def test_json_and_text(full: Plan) -> None:
    value = json.loads(json.dumps(plan_json(full)))
    assert value["cycles"] == full.cycles and len(value["passes"]) == len(full.program.names)
    assert sum(entry["macs"] for entry in value["passes"]) == full.array_macs
    assert value["resources"]["ebr"] == {"used": full.resources.ebr, "available": 208, "exact": True}
    text = plan_text(full)
    for word in (
        "Passes",
        "Activation memory",
        "Command stream",
        "Resources",
        f"{full.cycles:,}",
        "stage4.3.branch2.5",
        "13 x 12",
    ):
        assert word in text
    assert full.digest() != "" and len(full.image()) == full.program.stream_bytes


def test_too_small_parts_say_what_is_short() -> None:
    graph = load_network("shufflenet_v2", NetworkOptions(width=0.5, resolution=32, classes=10))
    with pytest.raises(ResourceError, match=r"has 12 multipliers; the smallest array needs 16"):
        plan(legalise(graph), SmallBoard(12, 208), timing)
    with pytest.raises(ResourceError, match=r"the smallest core needs \d+ block RAM of 40, \d+ short"):
        plan(legalise(graph), SmallBoard(64, 40), timing)
    board = SmallBoard(64, 108)
    board.part = Part("tiny", ECP5, lut=9000, ff=99999, dsp=64, ebr=108)
    with pytest.raises(ResourceError, match=r"on tiny: the core needs about \d+ LUT of 9000"):
        plan(legalise(graph), board, timing)
    wide = load_network("shufflenet_v2", NetworkOptions(width=2.0, resolution=224, classes=10))
    with pytest.raises(
        ResourceError,
        match=r"does not fit the activation memory of \d+ KiB in any striping, whatever goes to the SDRAM, at least [0-9.]+ KiB short",
    ):
        plan(legalise(wide), SmallBoard(16, 80), timing)


def test_memory_for_the_weights_that_is_too_large_is_named() -> None:
    """A part that has room for a smaller weight memory, but not for the least that the network needs."""
    base = CoreConfig(rows=4, cols=12)
    part = SmallBoard(64, 108).part
    assert list(memories(base, part, 1024, 0))
    with pytest.raises(ResourceError, match=r"the smallest core needs \d+ block RAM of 108, \d+ short"):
        list(memories(base, part, 1024, 16384))


def test_a_small_part_has_one_fine_step_of_activation_memory() -> None:
    """An LFE5U-25F has room for half of what larger parts have at least, and streams a network that is larger than all its block RAM."""
    graph = load_network("shufflenet_v2", NetworkOptions(width=0.5, resolution=32, classes=10))
    found = plan(legalise(graph), ICEPI_ZERO, timing)
    assert not found.on_chip
    assert (found.config.activation_depth, found.config.macs_per_cycle) == (1024, 16)
    assert found.resources.short(ICEPI_ZERO.part) == []


def test_an_array_whose_weights_fit_beside_the_rest() -> None:
    """Sums of 4,608 steps: 12 columns need two chunks of them at once, more than the favourite array leaves room for."""
    graph = load_network("resnet18", NetworkOptions(resolution=32, classes=10))
    try:
        found = plan(legalise(graph), ULX3S, timing)
    except ResourceError as error:
        pytest.fail(str(error))
    assert (found.config.rows, found.config.cols, found.config.weight_depth) == (9, 16, 8192)
    check_program(found.lowered, found.fit.steps, found.program)


def test_passes_beyond_the_streams_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maker, "MOST_PASSES", 20)
    graph = load_network("shufflenet_v2", NetworkOptions(width=0.5, resolution=32, classes=10))
    with pytest.raises(
        ResourceError, match=r"shufflenet_v2: \d+ passes a frame; at most 20 are counted; take a smaller"
    ):
        plan(legalise(graph), ULX3S, timing, external=True)


@pytest.mark.long
@pytest.mark.parametrize("resolution", [96, 224])
def test_resnet18(resolution: int) -> None:
    """At 224 the fastest array that has room for its weights leaves too little for its maps."""
    found = plan(legalise(load_network("resnet18", NetworkOptions(resolution=resolution))), ULX3S, timing)
    assert found.resources.ebr <= ULX3S.part.ebr
    assert found.cycles <= {96: 7_100_000, 224: 35_200_000}[resolution]
    check_program(found.lowered, found.fit.steps, found.program)
