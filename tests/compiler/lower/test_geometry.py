"""Windows beyond 3 x 3 and stride 1: what the lowering makes of them, and small models of one operator each in RTL."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.boards.ulx3s import ULX3S
from hwgen.compiler.frontend import tflite
from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8.arithmetic import average_multiplier, divide_half_away, scale_by
from hwgen.compiler.int8.graph import QGraph
from hwgen.compiler.int8.nodes import QMaxPool, QTensor
from hwgen.compiler.legalise import legalise
from hwgen.compiler.legalise.pools import LARGEST, max_pool
from hwgen.compiler.legalise.rewriter import Rewriter
from hwgen.compiler.lower.averages import averages
from hwgen.compiler.lower.blocks import block_weights, blocks_of, needs_row_steps, possible
from hwgen.compiler.plan.planner import plan
from hwgen.errors import UnsupportedOpError
from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.descriptor import FeedMode
from hwgen.sim.golden import run
from hwgen.sim.timing.frame import predict
from tests.support.make_tflite import SAME, VALID, Maker
from tests.support.small_machine import SDRAM, Small

SCALE, ZERO = 0.05, 3


def pool_model(
    op: str, shape: tuple[int, int, int], kernel: tuple[int, int], stride: tuple[int, int], padding: int
) -> bytes:
    """A model of one pool."""
    m = Maker()
    rows, columns = (
        ceil_div(extent if padding == SAME else extent - k + 1, step)
        for extent, k, step in zip(shape, kernel, stride, strict=False)
    )
    x, out = m.tensor((1, *shape), SCALE, ZERO), m.tensor((1, rows, columns, shape[2]), SCALE, ZERO)
    m.operator(
        op,
        [x],
        [out],
        FilterHeight=kernel[0],
        FilterWidth=kernel[1],
        Padding=padding,
        StrideH=stride[0],
        StrideW=stride[1],
        FusedActivationFunction=0,
    )
    return m.finish([x], [out])


def small_window(rng: np.random.Generator, largest: int) -> tuple[Window, tuple[int, int]]:
    """A window and the size of an input that it fits."""
    kernel = int(rng.integers(1, largest + 1)), int(rng.integers(1, largest + 1))
    stride = int(rng.integers(1, 7)), int(rng.integers(1, 7))
    padding = tuple(int(rng.integers(0, k)) for k in (kernel[0], kernel[0], kernel[1], kernel[1]))
    size = kernel[0] + int(rng.integers(0, 12)), kernel[1] + int(rng.integers(0, 12))
    return Window(kernel, stride, (padding[0], padding[1], padding[2], padding[3])), size


def test_large_maximum_pools_become_chains() -> None:
    rng = np.random.default_rng(0)
    split = 0
    for _ in range(400):
        window, size = small_window(rng, 13)
        tensors = {
            "x": QTensor("x", (*size, 2), SCALE, ZERO),
            "y": QTensor("y", (*window.output_size(*size), 2), SCALE, ZERO),
        }
        pool = QMaxPool("pool", "x", "y", window, -90, 100)
        graph = QGraph("pool", tensors, [pool], "x", "y")
        rewriter = Rewriter(graph)
        max_pool(rewriter, pool, tensors["x"], tensors["y"])
        chain = rewriter.result()
        chain.verify()
        windows = [node.window for node in chain.nodes if isinstance(node, QMaxPool)]
        if max(window.stride) <= LARGEST:
            assert all(max(*one.kernel, *one.stride) <= LARGEST for one in windows)
            assert all(one.padding[0] < one.kernel[0] and one.padding[2] < one.kernel[1] for one in windows)
        split += len(windows) > 1
        x = rng.integers(-128, 128, (*size, 2)).astype(np.int8)
        np.testing.assert_array_equal(run(chain, x)["y"], run(graph, x)["y"], str(window))
    assert split > 200


def test_averages_of_valid_elements() -> None:
    """Where divisor and scales are given they make the exact means, for every sum."""
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(300):
        window, size = small_window(rng, 3)
        given = averages(window, *size)
        if given is None:
            continue
        found += 1
        counts = np.stack(window.taps(np.ones((*size, 1)), 0)).sum(axis=0)[:, :, 0]
        rows, columns = counts.shape
        cut_y = [not 0 <= y * window.stride[0] - window.padding[0] <= size[0] - window.kernel[0] for y in range(rows)]
        cut_x = [
            not 0 <= x * window.stride[1] - window.padding[2] <= size[1] - window.kernel[1] for x in range(columns)
        ]
        multiplier, shift = average_multiplier(given.divisor)
        for count, scale in {
            (int(counts[y, x]), given.scales[cut_y[y] + 2 * cut_x[x]]) for y in range(rows) for x in range(columns)
        }:
            sums = np.arange(-128 * count, 127 * count + 1)
            np.testing.assert_array_equal(scale_by(sums * scale, multiplier, shift), divide_half_away(sums, count))
    assert found > 200


@pytest.mark.parametrize(
    ("op", "shape", "kernel", "stride", "padding"),
    [
        ("AVERAGE_POOL_2D", (7, 8, 5), (2, 2), (2, 2), VALID),
        ("AVERAGE_POOL_2D", (7, 9, 9), (3, 3), (2, 2), SAME),
        ("AVERAGE_POOL_2D", (6, 5, 4), (3, 3), (1, 1), SAME),
        ("AVERAGE_POOL_2D", (6, 7, 3), (1, 3), (1, 2), SAME),
        ("MAX_POOL_2D", (9, 8, 5), (5, 5), (1, 1), SAME),
        ("MAX_POOL_2D", (8, 8, 5), (4, 4), (4, 4), VALID),
    ],
)
def test_pools(
    op: str,
    shape: tuple[int, int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: int,
    bench_dir: Path,
) -> None:
    simulate(pool_model(op, shape, kernel, stride, padding), bench_dir)


def simulate(data: bytes, bench_dir: Path) -> None:
    """Rewrites exact, RTL equal to the golden model and to the timing model."""
    small = Small.of(data)
    x = small.input(1)
    small.same_values(x)
    small.simulate(x, bench_dir)


class Network:
    """A chain of operators in the making."""

    def __init__(self, shape: tuple[int, int, int], seed: int) -> None:
        self.m, self.rng = Maker(), np.random.default_rng(seed)
        self.shape, self.scale, self.zero = shape, SCALE, ZERO
        self.x = self.first = self.m.tensor((1, *shape), SCALE, ZERO)

    def conv(
        self,
        kernel: tuple[int, int],
        channels: int = 0,
        *,
        stride: tuple[int, int] = (1, 1),
        dilation: tuple[int, int] = (1, 1),
        padding: int = SAME,
        groups: int = 1,
    ) -> Network:
        """A convolution, depthwise without `channels`."""
        depthwise = not channels
        outputs = channels or self.shape[2]
        size = (1, *kernel, outputs) if depthwise else (outputs, *kernel, self.shape[2] // groups)
        weights = self.rng.integers(-127, 128, size).astype(np.int8)
        scales = self.rng.uniform(0.004, 0.02, outputs).astype(np.float32)
        w = self.m.tensor(size, scales, data=weights, axis=3 if depthwise else 0)
        bias = self.rng.integers(-2000, 2000, outputs).astype(np.int32)
        b = self.m.tensor((outputs,), self.scale * scales, data=bias)
        options = {"DilationHFactor": dilation[0], "DilationWFactor": dilation[1], "DepthMultiplier": 1}
        if not depthwise:
            del options["DepthMultiplier"]
        spread = self.scale * float(scales.max()) * 70 * np.sqrt(weights.size / outputs)
        op = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        return self._add(op, [w, b], kernel, stride, dilation, padding, outputs, float(np.float32(spread)), options)

    def pool(self, op: str, kernel: tuple[int, int], stride: tuple[int, int], padding: int = VALID) -> Network:
        """A pool."""
        options = {"FilterHeight": kernel[0], "FilterWidth": kernel[1]}
        return self._add(op, [], kernel, stride, (1, 1), padding, self.shape[2], self.scale, options)

    def _add(
        self,
        op: str,
        constants: list[int],
        kernel: tuple[int, int],
        stride: tuple[int, int],
        dilation: tuple[int, int],
        padding: int,
        channels: int,
        scale: float,
        options: dict[str, int],
    ) -> Network:
        rows, columns = (
            ceil_div(extent if padding == SAME else extent - (k - 1) * d, step)
            for extent, k, d, step in zip(self.shape, kernel, dilation, stride, strict=False)
        )
        if op != "MAX_POOL_2D" and constants:
            self.zero = int(self.rng.integers(-100, 100))
        self.shape, self.scale = (rows, columns, channels), scale
        out = self.m.tensor((1, *self.shape), scale, self.zero)
        self.m.operator(
            op,
            [self.x, *constants],
            [out],
            StrideH=stride[0],
            StrideW=stride[1],
            Padding=padding,
            FusedActivationFunction=0,
            **options,
        )
        self.x = out
        return self

    def done(self) -> bytes:
        """The file."""
        return self.m.finish([self.first], [self.x])


NETWORKS = {
    "spectrum": lambda: Network((49, 10, 1), 1).conv((10, 4), 5, stride=(2, 2)).conv((5, 3)).conv((1, 1), 6),
    "tall": lambda: Network((12, 6, 5), 2).conv((7, 2), 6, padding=VALID).conv((4, 5), 3, dilation=(1, 1)),
    "dilated": lambda: Network((9, 11, 3), 3).conv((3, 3), 4, dilation=(3, 2)).conv((2, 9), 5, dilation=(5, 1)),
    "depthwise": lambda: Network((10, 9, 9), 4).conv((5, 5), stride=(2, 2)).conv((1, 1), 12).conv((7, 7)).conv((1, 5)),
    "depthwise_tall": lambda: Network((9, 8, 6), 5).conv((5, 1)).conv((4, 1), stride=(3, 1)).conv((1, 1), 3),
    "depthwise_dilated": lambda: (
        Network((9, 9, 6), 6).conv((3, 3), dilation=(2, 2)).conv((1, 1), 4).conv((3, 2), dilation=(4, 7))
    ),
    "strides": lambda: Network((23, 26, 3), 9).conv((4, 4), 8, stride=(4, 5)).conv((3, 5), stride=(1, 4)),
    "pool_strides": lambda: (
        Network((23, 26, 3), 10).pool("AVERAGE_POOL_2D", (4, 4), (4, 4)).pool("MAX_POOL_2D", (3, 3), (2, 5), SAME)
    ),
    "grouped": lambda: Network((6, 5, 16), 7).conv((3, 3), 16, groups=2).conv((2, 2), 8, groups=4),
    "averages": lambda: (
        Network((12, 13, 6), 8)
        .pool("AVERAGE_POOL_2D", (2, 2), (1, 2), SAME)
        .pool("AVERAGE_POOL_2D", (5, 4), (2, 1))
        .pool("MAX_POOL_2D", (4, 3), (1, 1), SAME)
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str, bench_dir: Path) -> None:
    simulate(NETWORKS[name]().done(), bench_dir)


def test_blocks_have_the_kernels_taps_in_their_places() -> None:
    """Sums over blocks are the convolution's sums, for every kernel and dilation that is possible."""
    rng = np.random.default_rng(2)
    for _ in range(200):
        kernel, dilation = (
            (int(rng.integers(1, 8)), int(rng.integers(1, 8))),
            (int(rng.integers(1, 5)), int(rng.integers(1, 9))),
        )
        window = Window(kernel, dilation=dilation)
        walk = blocks_of(FeedMode.WINDOW, window)
        assert max(walk.size) <= 3 and possible(FeedMode.WINDOW, window)
        assert walk.total <= ceil_div(kernel[0] * dilation[0], 3) * ceil_div(kernel[1] * dilation[1], 3)
        weights = rng.integers(-127, 128, (1, *kernel)).astype(np.int8)
        reach = [(count - 1) * step + size for size, count, step in zip(walk.size, walk.count, walk.step, strict=True)]
        spread = np.zeros((1, *reach), np.int64)
        blocks = block_weights(weights, window).reshape(*walk.count, *walk.size)
        for y, x in np.ndindex(*walk.count):
            top, left = y * walk.step[0], x * walk.step[1]
            spread[0, top : top + walk.size[0], left : left + walk.size[1]] += blocks[y, x]
        assert np.array_equal(spread[:, :: dilation[0], :: dilation[1]][:, : kernel[0], : kernel[1]], weights)
        assert np.abs(spread).sum() == np.abs(weights.astype(np.int64)).sum()


@pytest.mark.parametrize(
    ("mode", "window", "wanted"),
    [
        (FeedMode.TAP, Window((3, 7)), False),
        (FeedMode.TAP, Window((1, 1), dilation=(2, 2)), False),
        (FeedMode.TAP, Window((4, 1)), True),
        (FeedMode.TAP, Window((1, 1), (1, 4)), True),
        (FeedMode.TAP, Window((1, 8)), True),
        (FeedMode.TAP, Window((3, 3), dilation=(1, 2)), True),
        (FeedMode.WINDOW, Window((3, 2), dilation=(1, 2)), False),
        (FeedMode.WINDOW, Window((1, 4)), True),
        (FeedMode.SUM, Window((9, 9)), False),
    ],
)
def test_row_steps_only_where_they_are_needed(mode: FeedMode, window: Window, wanted: bool) -> None:
    assert needs_row_steps(mode, window) == wanted


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pool_model("AVERAGE_POOL_2D", (9, 9, 4), (5, 5), (1, 1), SAME), r"nearest: VALID padding, or 3x3"),
        (pool_model("MAX_POOL_2D", (11, 11, 4), (3, 3), (8, 8), VALID), r"stride \(8, 8\); nearest: at most 7"),
        (Network((40, 4, 3), 0).conv((16, 1), 4).done(), r"kernel \(16, 1\) .* nearest: at most 15 rows"),
        (Network((40, 9, 3), 0).conv((3, 3), dilation=(17, 1)).done(), r"dilation \(17, 1\); nearest"),
    ],
)
def test_nearest_forms(data: bytes, message: str) -> None:
    with pytest.raises(UnsupportedOpError, match=message):
        Small.of(data)


def random_chain(seed: int) -> Network:
    """Two to four operators with random windows."""
    rng = np.random.default_rng([77, seed])

    def integers(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    made = Network((integers(6, 20), 2 * integers(3, 8), int(rng.choice([1, 3, 5, 8, 12]))), seed)
    for number in range(integers(2, 4)):
        height, width, _ = made.shape
        kernel = integers(1, min(7, height)), integers(1, min(7, width))
        stride = integers(1, 3), integers(1, 3)
        dilation = (integers(1, 3), integers(1, 3)) if stride == (1, 1) else (1, 1)
        fits = (kernel[0] - 1) * dilation[0] < height and (kernel[1] - 1) * dilation[1] < width
        padding = integers(SAME, VALID) if fits else SAME
        match integers(0, 4):
            case 0:
                made.conv(kernel, integers(2, 9), stride=stride, dilation=dilation, padding=padding)
            case 1 | 2:
                made.conv(kernel, stride=stride, dilation=dilation, padding=padding)
            case 3:
                made.conv((1, 1), integers(2, 12))
            case _ if number:
                fits = kernel[0] <= height and kernel[1] <= width
                made.pool("AVERAGE_POOL_2D" if fits else "MAX_POOL_2D", kernel, stride, VALID if fits else SAME)
            case _:
                made.conv((7, 7), 4, stride=(2, 2)) if min(height, width) > 6 else made.conv((3, 3), 4)
    return made


@pytest.mark.parametrize("seed", range(12))
def test_random_chains(seed: int, bench_dir: Path) -> None:
    simulate(random_chain(seed).done(), bench_dir)


@pytest.mark.parametrize(
    ("network", "config"),
    [
        (NETWORKS["spectrum"](), {"row_steps": True, "partial_depth": 512, "ring_depth": 512}),
        (Network((28, 28, 64), 1).conv((5, 5), 16), {"row_steps": True, "partial_depth": 0, "ring_depth": 1024}),
        (
            Network((28, 28, 8), 1).conv((3, 3), 16).conv((3, 3)),
            {"row_steps": False, "partial_depth": 0, "ring_depth": 512},
        ),
    ],
)
def test_the_core_has_what_its_kernels_need(network: Network, config: dict[str, int]) -> None:
    """On a board, with weights in external memory: nothing for small kernels, room for the words of large ones."""
    made = plan(
        legalise(tflite.parse(network.done(), "model.tflite")),
        ULX3S,
        lambda program: predict(program, SDRAM),
        external=True,
    )
    assert {name: getattr(made.config, name) for name in config} == config
