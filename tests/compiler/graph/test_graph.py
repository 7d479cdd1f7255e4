"""The float graph: shapes, verifier, text form."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from hwgen.compiler.graph.graph import Builder
from hwgen.compiler.graph.text import load, parse
from hwgen.errors import ModelError

TINY = """\
graph tiny
%image : 8x9x3 = input shape=8,9,3
%padded : 10x11x3 = pad(%image) pad=1,1,1,1
%stem : 4x5x16 = conv2d(%padded) channels=16 kernel=3,3 stride=2,2 weight=stem.weight bias=stem.bias
%norm : 4x5x16 = batch_norm(%stem) norm=bn eps=0.001
%act : 4x5x16 = leaky_relu(%norm) slope=0.2
%deep : 4x5x16 = conv2d(%act) channels=16 kernel=3,1 pad=2,0,0,0 groups=16 weight=deep.weight activation=relu6
%pool : 2x3x16 = max_pool(%deep) kernel=3,3 stride=2,2 pad=1,1,1,1
%mean : 1x1x16 = avg_pool(%pool) kernel=2,3
%half : 1x1x8 = slice(%mean) offset=8 channels=8
%both : 1x1x24 = concat(%half, %mean)
%mixed : 1x1x24 = shuffle(%both) groups=3
%flat : 24 = reshape(%mixed) shape=24
%map : 1x1x24 = reshape(%flat) shape=1,1,24
%turned : 24x1x1 = transpose(%map) order=2,0,1
%back : 1x1x24 = transpose(%turned) order=1,2,0
%sum : 1x1x24 = add(%back, %both) activation=relu
%bounded : 1x1x24 = clip(%sum) low=0.0 high=4.5
%scaled : 1x1x24 = mul(%bounded, %mixed)
%wide : 3x1x24 = pad(%scaled) pad=1,1,0,0 value=-2.0
%soft : 3x1x24 = avg_pool(%wide) kernel=3,1 pad=1,1,0,0 count_pad=1
%top : 1x1x24 = global_avg_pool(%soft)
%fc : 1x1x10 = fully_connected(%top) channels=10 weight=fc.weight bias=fc.bias
return %fc"""


def test_text_round_trip_and_counts() -> None:
    graph = parse(TINY)
    assert str(graph) == TINY
    assert parse(str(graph)) == graph
    assert graph.weight_count == 16 * 27 + 16 * 3 + 24 * 10
    assert graph.macs == 4 * 5 * (16 * 27 + 16 * 3) + 24 * 10
    assert graph["pool"].window.padding == (1, 1, 1, 1)
    assert [node.name for node in graph.uses["both"]] == ["mixed", "sum"]
    assert (
        graph.dead_after["sum"] == ["both", "back"]
        and graph.dead_after["flat"] == []
        and graph.dead_after["fc"] == ["top"]
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("%stem : 4x5x16", "%stem : 4x5x17", r"stem: shape \(4, 5, 17\) should be \(4, 5, 16\)"),
        ("conv2d(%padded)", "conv2d(%nothing)", "stem: reads nothing, which no earlier node writes"),
        ("groups=16", "groups=5", "deep: 16 input and 16 output channels do not divide into 5 groups"),
        ("kernel=2,3", "kernel=3,3", r"mean: a \(3, 3\) window does not fit the 2x3 input"),
        (
            "stride=2,2 pad=1,1,1,1",
            "stride=2,2 pad=3,3,3,3",
            r"pool: a \(3, 3\) window with pads .* lies in the padding alone",
        ),
        ("offset=8 channels=8", "offset=9 channels=8", "half: channels 9 to 17 of 16"),
        ("%half : 1x1x8 = slice", "%half : 1x1x8 = split", "not a node: '%half"),
        ("stride=2,2 weight", "strides=2,2 weight", "stem: conv2d has no attribute strides"),
        ("stride=2,2 weight", "stride=2,a weight", "stem: stride=2,a is not a valid tuple"),
        (" weight=deep.weight", "", r"deep: conv2d has unknown attributes \[\] or lacks \['weight'\]"),
        ("%map : 1x1x24 = reshape(%flat) shape=1,1,24", "%map : 1x1x25 = reshape(%flat) shape=1,1,25", "24 elements"),
        ("order=2,0,1", "order=2,0,0", "no order of 3 axes"),
        ("add(%back, %both)", "add(%back)", "add takes 2 inputs, not 1"),
        ("add(%back, %both)", "add(%back, %mean)", "inputs differ in shape"),
        ("pad(%scaled) pad=1,1,0,0", "pad(%scaled) pad=-1,0,0,0", "wide: pads .* leave nothing of the"),
        ("fully_connected(%top)", "fully_connected(%pool)", r"fc: needs a 1x1xC input, not \(2, 3, 16\)"),
        ("return %fc", "return %fd", "the output fd is not a tensor of the graph"),
        ("graph tiny", "network tiny", "begins with 'graph NAME'"),
    ],
)
def test_unsound_text_is_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        parse(TINY.replace(old, new))


def test_verifier_lists_every_problem() -> None:
    graph = parse(TINY)
    nodes = list(graph.nodes)
    nodes[2] = nodes[2].changed(groups="one")
    nodes[7] = replace(nodes[7], shape=(2, 2, 16))
    nodes[8] = replace(nodes[8], op="median")
    with pytest.raises(ModelError) as caught:
        replace(graph, nodes=tuple(nodes)).verify()
    text = str(caught.value)
    assert text.startswith("graph tiny is unsound: stem: groups must be of type int, not 'one'; ")
    assert "; mean: shape (2, 2, 16) should be (1, 1, 16); " in text
    assert "unknown operation median" in text and "\n" not in text


def test_rewritten_redirects_and_drops_dead_nodes() -> None:
    b = Builder("r")
    image = b.add("image", "input", shape=(2, 2, 4))
    first = b.add("first", "relu", image)
    second = b.add("second", "relu6", first)
    third = b.add("third", "swish", second)
    graph = b.graph(third).rewritten({}, {"second": "first", "first": "image"})
    assert str(graph) == "graph r\n%image : 2x2x4 = input shape=2,2,4\n%third : 2x2x4 = swish(%image)\nreturn %third"


def test_builder_refuses_at_once() -> None:
    """Where the mistake is made, not in the finished graph."""
    builder = Builder("tiny")
    builder.add("image", "input", shape=(4, 4, 3))
    builder.add("a", "relu", "image")
    with pytest.raises(ModelError, match=r"^a: a second node of this name in tiny; give each one of its own$"):
        builder.add("a", "tanh", "image")
    with pytest.raises(ModelError, match=r"^b: reads absent, which no earlier node writes$"):
        builder.add("b", "relu", "absent")
    assert [node.name for node in builder.graph("a").nodes] == ["image", "a"]


@pytest.mark.parametrize(
    ("shape", "channels", "message"),
    [
        ("4097,4096,1", 1, "image: 16,781,312 elements; at most 16,777,216 are possible"),
        ("1,1,16384", 2049, "33,570,816 weights; at most 33,554,432 are possible"),
    ],
)
def test_sizes_of_a_file_are_bounded(tmp_path: Path, shape: str, channels: int, message: str) -> None:
    sides = shape.split(",")
    (tmp_path / "g.graph").write_text(
        f"graph g\n%image : {'x'.join(sides)} = input shape={shape}\n"
        f"%y : {sides[0]}x{sides[1]}x{channels} = conv2d(%image) channels={channels} kernel=1,1 weight=w\nreturn %y\n"
    )
    with pytest.raises(ModelError, match=f"g.graph: {message}"):
        load(tmp_path / "g.graph")


def test_the_work_of_a_file_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "m.graph"
    layer = "%y : 512x512x64 = conv2d(%image) channels=64 kernel=9,9 pad=4,4,4,4 weight=w"
    path.write_text(f"graph m\n%image : 512x512x64 = input shape=512,512,64\n{layer}\nreturn %y\n")
    with pytest.raises(
        ModelError, match=f"^{re.escape(str(path))}: 86,973,087,744 multiply-accumulates a frame; at most"
    ):
        load(path)
