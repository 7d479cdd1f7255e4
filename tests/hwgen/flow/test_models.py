"""`hwgen models`: the list, its predictions, the cache, and what it says of a network that has no plan."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hwgen.compiler.frontend import zoo
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.compiler.quantise.structure import structure
from hwgen.errors import ResourceError
from hwgen.flow import models
from hwgen.flow.network import load
from hwgen.flow.plan import plan
from hwgen.flow.source import NetworkSource
from hwgen.flow.target import Target
from hwgen.reports.models import ESTIMATE, PLAN, Speed, markdown, table
from tests.support.command_line import run
from tests.support.int8_networks import load_network

pytestmark = pytest.mark.plan


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_estimates_of_all(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every network at every published size; a second call reads the cache."""
    found = models.list_models([])
    assert [model.network for model in found] == [name for name in zoo.names() for _ in zoo.NETWORKS[name].sizes()]
    for model in found:
        graph = zoo.NETWORKS[model.network].define(zoo.NETWORKS[model.network].options(**model.options))
        assert (model.macs, model.weights, model.input) == (graph.macs, graph.weight_count, graph.input.shape)
        assert model.prediction.problem == "" and model.prediction.method == ESTIMATE
        assert 0.2 < model.prediction.utilisation < 1 and model.prediction.fps > 5
    monkeypatch.setattr(models, "_estimated", None)
    assert models.list_models([]) == found
    text = table(found)
    assert "shufflenet_v1_1_224_g8 " in text and "~ estimated" in text
    assert markdown(found).count("\n| ") == len(found) + 1
    code, out, _ = run(capsys, "models", "ds_cnn", "--json")
    assert code == 0
    (entry,) = json.loads(out)
    assert entry["options"] == {"width": 1.0, "resolution": 49, "classes": 12} and entry["peak_tensor"] == 25 * 5 * 64


def test_estimate_is_near_the_plan() -> None:
    """Of a network whose weights are streamed."""
    found = plan(load("mobilenet_v3_small", NetworkOptions(width=0.5, resolution=64, classes=10)))
    graph, planned = found.network.graph, found.machine
    guess = models._estimated(zoo.build("mobilenet_v3_small", 0.5, 64, 10), Target())
    assert guess.utilisation == pytest.approx(
        graph.array_macs / (guess.compute * planned.config.macs_per_cycle), rel=0.3
    )
    assert 0.6 < guess.cycles / planned.cycles < 1.5


def test_structure_has_the_shape_of_the_network() -> None:
    graph = load_network("resnet8")
    bare = structure(zoo.build("resnet8"))
    assert [(node.op, node.inputs, node.output) for node in bare.nodes] == [
        (node.op, node.inputs, node.output) for node in graph.nodes
    ]
    assert (bare.macs, bare.weight_count, bare.array_macs) == (graph.macs, graph.weight_count, graph.array_macs)


def test_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    (model,) = models.list_models(["ds_cnn"], plan=True)
    planned = plan(load("ds_cnn")).machine
    found = model.prediction
    assert found.method == PLAN and "~" not in table([model])
    assert (found.cycles, found.fps) == (planned.cycles, planned.fps)
    assert found.array == planned.config.array
    compute = sum(entry.cycles for entry in planned.passes)
    assert found.utilisation == planned.array_macs / (compute * planned.config.macs_per_cycle)
    monkeypatch.setattr(models, "_planned", None)
    assert models.list_models(["ds_cnn"]) == [model]  # known


def test_what_does_not_fit_says_why(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    text = "resnet8 on LFE5U-85F: the core needs 300 block RAM of 208, 92 short; take a smaller width or resolution"

    def fails(source: NetworkSource, target: Target) -> Speed:
        raise ResourceError(text)

    monkeypatch.setattr(models, "_planned", fails)
    (model,) = models.list_models(["resnet8"], plan=True)
    assert model.prediction.problem == text
    assert f"{text[:60]} ..." in table([model])
    for file in cache.rglob("*"):
        if file.is_file():
            file.write_text("{damaged")
    (again,) = models.list_models(["resnet8"])
    assert again.prediction.method == ESTIMATE


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resnet9"], "unknown network 'resnet9'; nearest: resnet8"),
        (["resnet8", "--board", "vga"], "vga"),
        (["resnet8", "--clock", "9999"], "clock: the memory of"),
    ],
)
def test_refusals(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "models", *arguments)
    assert code == 2 and message in err
