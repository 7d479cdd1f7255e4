"""Cross-layer equalisation and bias correction: the same float function, less noise where channels are uneven."""

from __future__ import annotations

import numpy as np
import pytest

from hwgen.compiler.graph.graph import Graph
from hwgen.compiler.graph.parameters import Weights, required
from hwgen.compiler.graph.text import parse
from hwgen.compiler.quantise.calibrate import channel_spreads, float_tensors
from hwgen.compiler.quantise.equalise import equalise, readers
from hwgen.compiler.quantise.options import QuantiseOptions
from hwgen.compiler.quantise.prepare import prepare
from hwgen.compiler.quantise.quantiser import Quantised, quantise_network
from hwgen.flow.quality import measure

TEXT = """\
graph uneven
%x : 8x8x4 = input shape=8,8,4
%a : 8x8x16 = conv2d(%x) channels=16 kernel=1,1 weight=a.w bias=a.b activation={activation}
%d : 8x8x16 = conv2d(%a) channels=16 kernel=3,3 pad=1,1,1,1 groups=16 weight=d.w bias=d.b activation=relu
%p : 1x1x16 = global_avg_pool(%d)
%s : 1x1x16 = fully_connected(%p) channels=16 weight=s.w bias=s.b
%g : 1x1x16 = sigmoid(%s)
%m : 8x8x16 = mul(%d, %g)
%c : 8x8x8 = conv2d(%m) channels=8 kernel=1,1 weight=c.w
%e : 8x8x8 = conv2d(%c) channels=8 kernel=1,1 groups=2 weight=e.w
%h : 8x8x8 = hard_swish(%e)
return %h"""


def network(activation: str = "relu", uneven: bool = True) -> tuple[Graph, Weights]:
    """Channels of `a` and `d` differ by up to 1 : 64 in range, undone by the weights that read them."""
    graph = parse(TEXT.format(activation=activation))
    rng = np.random.default_rng(11)
    arrays = {
        name: rng.normal(0.1, 1 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.2, shape)
        for name, shape in required(graph).items()
    }
    if uneven:
        for maker, reader_names in (("a", ("d",)), ("d", ("s", "c"))):
            factor = 2.0 ** rng.permutation(np.repeat([-6, -5, -4, 0], 4))
            arrays[f"{maker}.w"] *= factor[:, None, None, None]
            arrays[f"{maker}.b"] *= factor
            for reader in reader_names:
                weights = arrays[f"{reader}.w"]
                along = (
                    factor[:, None, None, None] if reader == "d" else factor.reshape(1, -1, *[1] * (weights.ndim - 2))
                )
                arrays[f"{reader}.w"] = weights / along
    return graph, Weights({name: array.astype(np.float32) for name, array in arrays.items()}, "random, seed 11")


def frames(seed: int, count: int = 8) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).normal(0.3, 1, (count, 8, 8, 4)))


def quantised(options: QuantiseOptions, *, uneven: bool = True) -> Quantised:
    return quantise_network(*network(uneven=uneven), frames(1), options=options)


def test_which_layers_can_be_scaled() -> None:
    graph, _ = prepare(network()[0], network()[1].arrays)
    assert {name: sorted(behind) for name, behind in readers(graph).items()} == {
        "a": ["d"],
        "d": ["c", "s"],
        "c": ["e"],
    }


@pytest.mark.parametrize("activation", ["none", "relu", "relu6"])
def test_function_stays(activation: str) -> None:
    """With ReLU6 on the very images of the calibration."""
    graph, weights = network(activation)
    graph, layers = prepare(graph, weights.arrays)
    changed = equalise(graph, layers, channel_spreads(graph, layers, frames(1), set(readers(graph))))
    assert not np.allclose(changed["d"][0], layers["d"][0])
    for x in frames(1):
        before, after = (dict(float_tensors(graph, some, x)) for some in (layers, changed))
        np.testing.assert_allclose(after["h"], before["h"], rtol=1e-9, atol=1e-9)


def test_less_noise_where_channels_are_uneven() -> None:
    plain, better = (
        measure(quantised(QuantiseOptions(equalise=switch, correct_bias="off")), frames(2)) for switch in ("off", "on")
    )
    assert plain.snr_db is not None and better.snr_db is not None
    assert better.snr_db > plain.snr_db + 3
    worst = next(entry for entry in plain.tensors if entry.name == "a")
    assert worst.uneven > 8 and worst.uneven > next(entry for entry in better.tensors if entry.name == "a").uneven


def test_even_channels_stay() -> None:
    made = quantised(QuantiseOptions(equalise="on", correct_bias="off"), uneven=False)
    assert all(np.array_equal(made.equalised[name][0], made.layers[name][0]) for name in made.layers)
    assert made.changes == ("channels of 0 of 3 layers equalised",)


def test_automatic_choice() -> None:
    """Both where there are depthwise convolutions, neither elsewhere."""
    assert len(quantised(QuantiseOptions()).changes) == 2
    plain = parse(
        "graph g\n%x : 4x4x4 = input shape=4,4,4\n%c : 4x4x4 = conv2d(%x) channels=4 kernel=3,3 pad=1,1,1,1 weight=w\nreturn %c"
    )
    weights = Weights({"w": np.ones((4, 4, 3, 3), np.float32)}, "random, seed 0")
    assert quantise_network(plain, weights, [np.ones((4, 4, 4))]).changes == ()


def test_bias_correction_centres_the_error() -> None:
    """A layer with weights that all round to the same side: its mean error goes, and so does the output's."""
    graph, weights = network(uneven=False)
    weights.arrays["c.w"] = np.where(np.arange(16)[None, :, None, None] == 0, 1.0, 0.0137).astype(np.float32) * np.ones(
        (8, 1, 1, 1), np.float32
    )
    found = []
    for switch in ("off", "on"):
        made = quantise_network(
            graph, weights, frames(1, 16), options=QuantiseOptions(equalise="off", correct_bias=switch)
        )
        quality = measure(made, frames(2, 16))
        found += [entry.snr_db for entry in quality.tensors if entry.name == "c" and entry.snr_db is not None]
    off, on = found
    assert on > off + 1
