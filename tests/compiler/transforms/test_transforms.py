"""Every pass: text in, text out; and each leaves what it must not touch."""

from collections.abc import Callable

import pytest

from hwgen.compiler.frontend.zoo import build
from hwgen.compiler.graph.graph import Graph
from hwgen.compiler.graph.text import parse
from hwgen.compiler.transforms import TRANSFORMS, simplify
from hwgen.compiler.transforms.fold_batch_norm import fold_batch_norm
from hwgen.compiler.transforms.fold_pad import fold_pad
from hwgen.compiler.transforms.fuse_activation import fuse_activation
from hwgen.compiler.transforms.recognise_shuffle import recognise_shuffle
from hwgen.compiler.transforms.recognise_shuffle_merge import recognise_shuffle_merge

HEAD = "graph t\n%x : 4x4x8 = input shape=4,4,8\n"
CONV = "%c : 4x4x8 = conv2d(%x) channels=8 kernel=1,1 weight=w"

CASES: list[tuple[Callable[[Graph], Graph], str, str]] = [
    (
        fold_batch_norm,
        f"{CONV}\n%n : 4x4x8 = batch_norm(%c) norm=bn eps=0.001\n%r : 4x4x8 = relu(%n)\nreturn %r",
        f"{CONV} norm=bn eps=0.001\n%r : 4x4x8 = relu(%c)\nreturn %r",
    ),
    (
        fold_batch_norm,
        f"{CONV}\n%n : 4x4x8 = batch_norm(%c) norm=bn\nreturn %n",
        f"{CONV} norm=bn eps=1e-05\nreturn %c",
    ),
    (
        fuse_activation,
        f"{CONV}\n%r : 4x4x8 = relu6(%c)\n%a : 4x4x8 = add(%r, %x)\n%s : 4x4x8 = relu(%a)\nreturn %s",
        f"{CONV} activation=relu6\n%a : 4x4x8 = add(%c, %x) activation=relu\nreturn %a",
    ),
    (
        fold_pad,
        "%p : 5x7x8 = pad(%x) pad=0,1,1,2\n%c : 5x7x8 = conv2d(%p) channels=8 kernel=3,3 pad=1,1,1,1 weight=w\n"
        "return %c",
        "%c : 5x7x8 = conv2d(%x) channels=8 kernel=3,3 pad=1,2,2,3 weight=w\nreturn %c",
    ),
    (
        fold_pad,  # zeros that the pool counts
        "%p : 6x6x8 = pad(%x) pad=1,1,1,1\n%m : 4x4x8 = avg_pool(%p) kernel=3,3\nreturn %m",
        "%m : 4x4x8 = avg_pool(%x) kernel=3,3 pad=1,1,1,1 count_pad=1\nreturn %m",
    ),
    (
        fold_pad,  # what is cut off and padded again before the convolution
        "%p : 5x3x8 = pad(%x) pad=0,1,-1,0\n%c : 4x3x8 = conv2d(%p) channels=8 kernel=1,1 pad=-1,0,0,0 weight=w\n"
        "return %c",
        "%c : 4x3x8 = conv2d(%x) channels=8 kernel=1,1 pad=-1,1,-1,0 weight=w\nreturn %c",
    ),
    (
        recognise_shuffle,
        "%g : 4x4x4x2 = reshape(%x) shape=4,4,4,2\n%t : 4x4x2x4 = transpose(%g) order=0,1,3,2\n"
        "%y : 4x4x8 = reshape(%t) shape=4,4,8\nreturn %y",
        "%y : 4x4x8 = shuffle(%x) groups=4\nreturn %y",
    ),
    (
        recognise_shuffle_merge,
        "%a : 4x4x8 = swish(%x)\n%k : 4x4x16 = concat(%x, %a)\n%y : 4x4x16 = shuffle(%k) groups=2\nreturn %y",
        "%a : 4x4x8 = swish(%x)\n%y : 4x4x16 = shuffle_merge(%x, %a)\nreturn %y",
    ),
]

UNTOUCHED: list[tuple[Callable[[Graph], Graph], str]] = [
    # The convolution has a second reader, an activation, a norm, or is not a convolution.
    (fold_batch_norm, f"{CONV}\n%n : 4x4x8 = batch_norm(%c) norm=bn\n%a : 4x4x8 = add(%n, %c)\nreturn %a"),
    (fold_batch_norm, f"{CONV} activation=relu\n%n : 4x4x8 = batch_norm(%c) norm=bn\nreturn %n"),
    (fold_batch_norm, f"{CONV} norm=first eps=0.1\n%n : 4x4x8 = batch_norm(%c) norm=bn\nreturn %n"),
    (fold_batch_norm, "%n : 4x4x8 = batch_norm(%x) norm=bn\nreturn %n"),
    (fuse_activation, f"{CONV}\n%r : 4x4x8 = relu(%c)\n%a : 4x4x8 = add(%r, %c)\nreturn %a"),
    (fuse_activation, f"{CONV} activation=relu6\n%r : 4x4x8 = relu(%c)\nreturn %r"),
    (fuse_activation, f"{CONV}\n%n : 4x4x8 = batch_norm(%c) norm=bn\n%r : 4x4x8 = relu(%n)\nreturn %r"),
    (fuse_activation, f"{CONV}\n%h : 4x4x8 = hard_swish(%c)\nreturn %h"),
    (fold_pad, "%p : 6x6x8 = pad(%x) pad=1,1,1,1\n%m : 4x4x8 = max_pool(%p) kernel=3,3\nreturn %m"),
    (
        fold_pad,
        "%p : 6x6x8 = pad(%x) pad=1,1,1,1 value=1.0\n%c : 6x6x8 = conv2d(%p) channels=8 kernel=1,1 weight=w\nreturn %c",
    ),
    (
        fold_pad,  # what is cut off is read as zeros
        "%p : 3x4x8 = pad(%x) pad=-1,0,0,0\n%c : 3x4x8 = conv2d(%p) channels=8 kernel=3,3 pad=1,1,1,1 weight=w\nreturn %c",
    ),
    (
        fold_pad,  # what the pool pads for itself is not counted
        "%p : 6x6x8 = pad(%x) pad=1,1,1,1\n%m : 6x6x8 = avg_pool(%p) kernel=3,3 pad=1,1,1,1\nreturn %m",
    ),
    (
        recognise_shuffle,  # another order of axes
        "%g : 4x4x2x4 = reshape(%x) shape=4,4,2,4\n%t : 4x4x2x4 = transpose(%g) order=1,0,2,3\n"
        "%y : 4x4x8 = reshape(%t) shape=4,4,8\nreturn %y",
    ),
    (
        recognise_shuffle,  # rows are cut, not channels
        "%g : 2x2x4x8 = reshape(%x) shape=2,2,4,8\n%t : 2x2x8x4 = transpose(%g) order=0,1,3,2\n"
        "%y : 4x4x8 = reshape(%t) shape=4,4,8\nreturn %y",
    ),
    (recognise_shuffle_merge, "%k : 4x4x16 = concat(%x, %x)\n%y : 4x4x16 = shuffle(%k) groups=4\nreturn %y"),
    (
        recognise_shuffle_merge,
        "%s : 4x4x4 = slice(%x) offset=0 channels=4\n%k : 4x4x12 = concat(%x, %s)\n"
        "%y : 4x4x12 = shuffle(%k) groups=2\nreturn %y",
    ),
]


@pytest.mark.parametrize(
    ("rewrite", "before", "after"), CASES, ids=[f"{case[0].__name__}-{i}" for i, case in enumerate(CASES)]
)
def test_pass(rewrite: Callable[[Graph], Graph], before: str, after: str) -> None:
    graph = rewrite(parse(HEAD + before))
    graph.verify()
    assert str(graph) == HEAD + after
    assert rewrite(graph) == graph


@pytest.mark.parametrize(
    ("rewrite", "text"), UNTOUCHED, ids=[f"{case[0].__name__}-{i}" for i, case in enumerate(UNTOUCHED)]
)
def test_pass_leaves(rewrite: Callable[[Graph], Graph], text: str) -> None:
    graph = parse(HEAD + text)
    assert rewrite(graph) == graph


def test_simplify_reaches_a_fixed_point_on_the_zoo() -> None:
    graph = build("shufflenet_v2", 0.5, 64)
    simple = simplify(graph)
    assert {node.op for node in simple.nodes} == {
        "input", "conv2d", "max_pool", "slice", "shuffle_merge", "global_avg_pool", "fully_connected"
    }  # fmt: skip
    assert all(rewrite(simple) == simple for rewrite in TRANSFORMS)
    assert simple.macs == graph.macs and simple.weight_count == graph.weight_count
    assert sum(node.op == "shuffle_merge" for node in simple.nodes) == 16
    assert [node.name for node in simple.layers() if node.attributes["norm"] == ""] == ["fc"]
