"""Networks side by side: sums, layers, causes, what is refused."""

from __future__ import annotations

from dataclasses import asdict

import pytest

import hwgen
from hwgen.flow.analyse import analyse
from hwgen.flow.structure import parse_network
from hwgen.reports.analysis import text
from hwgen.reports.causes import added

NETWORKS = ["resnet8", "effnet", "shufflenet_v2:width=0.5", "shufflenet_v1:groups=3,resolution=64", "ds_cnn"]


@pytest.mark.plan
@pytest.mark.parametrize("name", NETWORKS)
def test_layers_add_up_to_the_network_and_its_plan(name: str) -> None:
    [found] = analyse([name])
    source = parse_network(name)
    plan = hwgen.plan(hwgen.load(source.text, source.options))
    assert found.cycles.total == plan.cycles and found.fps == pytest.approx(plan.fps)
    graph = plan.network.graph
    assert (found.parameters, found.macs) == (graph.weight_count, graph.macs)
    layers = found.layers
    assert added(layer.cycles for layer in layers) == found.cycles
    assert sum(layer.passes for layer in layers) == len(plan.machine.passes)
    assert all(layer.passes for layer in layers)
    for figure in ("parameters", "macs", "read", "written"):
        assert sum(getattr(layer, figure) for layer in layers) == getattr(found, figure)
    assert min(asdict(found.cycles).values()) >= 0


def test_the_arrays_cycles_are_its_steps() -> None:
    """Of a network in block RAM with plain convolutions alone: multiply-accumulates a cycle never exceed the array's."""
    [found] = analyse(["resnet8"])
    assert found.cycles.weights == 0
    assert 0.9 * found.macs < found.cycles.array * found.array[0] * found.array[1] * found.array[2]


def test_tables_fit_a_terminal() -> None:
    found = analyse(["resnet8", "effnet"])
    lines = text(found, 80).splitlines()
    assert max(map(len, lines)) <= 80 and len([line for line in lines if "effnet" in line]) == 3
    assert "Layers of" not in text(found, layers=False)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("effnet:depth=2", "effnet:depth=2: no option 'depth' of a network; write NAME:width=0.5,resolution=160"),
        ("effnet:width=half", "effnet:width=half: width must be a number, not 'half'"),
        ("efnet", "unknown network 'efnet'; nearest: effnet"),
        ("effnet:groups=2", "effnet: it has no option groups"),
    ],
)
def test_what_is_no_network_is_refused(name: str, says: str) -> None:
    with pytest.raises(hwgen.ModelError, match="^" + says.replace("(", r"\(")):
        analyse([name])
