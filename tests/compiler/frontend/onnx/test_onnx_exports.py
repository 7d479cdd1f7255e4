"""torch.onnx.export of torchvision's networks, with torch's own output; skipped where torch and torchvision are not installed."""

from __future__ import annotations

import functools
import io
import warnings
from typing import Any

import numpy as np
import pytest

from hwgen.compiler.frontend.onnx import FloatModel, parse
from hwgen.compiler.transforms import simplify

RESOLUTION = 64


@functools.cache
def torchvision() -> Any:
    pytest.importorskip("torch", reason="torch is not installed; the exported networks are not compared")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from torch import library as operators

            # Without its compiled operators, which no network here uses.
            schemas = operators.Library("torchvision", "DEF")
            schemas.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            schemas.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        except RuntimeError:
            pass  # they are there
        found = pytest.importorskip("torchvision", reason="torchvision is not installed")
    found.schemas = locals().get("schemas")  # as long as the module
    return found


@functools.cache
def network(name: str) -> tuple[Any, np.ndarray, np.ndarray]:
    """A network with random weights and statistics; an input; torch's output."""
    models = torchvision().models
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    found = getattr(models, name)().eval()
    with torch.no_grad():
        for module in found.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
        x = torch.randn(1, 3, RESOLUTION, RESOLUTION)
        return found, x.numpy(), found(x).numpy()


@pytest.mark.parametrize(
    ("name", "opset", "ops"),
    [
        ("mobilenet_v3_small", 11, {"hard_swish": 19, "hard_sigmoid": 9, "mul": 9, "global_avg_pool": 10}),
        ("shufflenet_v2_x0_5", 11, {"shuffle_merge": 16, "slice": 26}),
        ("shufflenet_v2_x0_5", 20, {"shuffle_merge": 16, "slice": 26}),
    ],
)
def test_exported_network(name: str, opset: int, ops: dict[str, int]) -> None:
    """With an open batch, and batch norms apart from the convolutions."""
    found, x, expected = network(name)
    torch = pytest.importorskip("torch")
    file = io.BytesIO()
    options = {"dynamo": False, "do_constant_folding": False, "training": torch.onnx.TrainingMode.PRESERVE}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        torch.onnx.export(
            found,
            (torch.from_numpy(x),),
            file,
            opset_version=opset,
            input_names=["image"],
            dynamic_axes={"image": {0: "N"}},
            **options,
        )
    model = parse(file.getvalue(), "m.onnx")
    assert isinstance(model, FloatModel)
    assert model.notes == ("batch N of the input is taken as 1: the machine computes frame by frame",)
    assert np.abs(model.predict(x) - expected).max() < 1e-5 * np.abs(expected).max()
    nodes = [node.op for node in simplify(model.graph).nodes]
    assert {op: nodes.count(op) for op in ops} == ops
    assert not {"batch_norm", "reshape", "transpose"} & set(nodes)
