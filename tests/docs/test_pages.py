"""What the documentation shows is what comes out: its files are written, its commands and code run, their output compared."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from tests.support import make_onnx, tflite_classifier
from tests.support.pages import Block, blocks, commands, shows
from tests.support.paths import ROOT

PAGES = sorted((ROOT / "docs").glob("*.md"))
RUN = [page.name for page in PAGES if any(block.language in ("console", "python") for block in blocks(page))]


def _classifier(file: Path) -> None:
    file.write_bytes(tflite_classifier.classifier())


def _array(file: Path) -> None:
    np.save(file, np.zeros((1, *tflite_classifier.INPUT), np.int8))


def _small_model(file: Path) -> None:
    m = make_onnx.Maker()
    pooled = m.add("GlobalAveragePool", m.add("Relu", m.conv("x", 3, 8, 3, strides=[2, 2])))
    onnx.save(m.model(m.add("Gemm", m.add("Flatten", pooled), m.random(10, 8), transB=1), (1, 3, 16, 16)), str(file))


def _odd_model(file: Path) -> None:
    node, value = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    rng = np.random.default_rng(0)
    weights = [
        onnx.numpy_helper.from_array(rng.normal(0, 0.3, shape).astype(np.float32), name)
        for name, shape in (("w", (8, 3, 3, 3)), ("v", (8, 4, 2, 2)))
    ]
    nodes = [
        node("Conv", ["x", "w"], ["a"], name="stem"),
        node("Sin", ["a"], ["b"], name="wave"),
        node("ConvTranspose", ["b", "v"], ["y"], name="up"),
    ]
    ends = [
        value(name, onnx.TensorProto.FLOAT, shape) for name, shape in (("x", [1, 3, 16, 16]), ("y", [1, 4, 15, 15]))
    ]
    graph = onnx.helper.make_graph(nodes, "odd", ends[:1], ends[1:], weights)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9), str(file))


def _photographs(folder: Path) -> None:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(4):
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(folder / f"{number:03d}.png")


READERS_FILES: dict[str, Callable[[Path], None]] = {
    "model.tflite": _classifier,
    "input.npy": _array,
    "small.onnx": _small_model,
    "odd.onnx": _odd_model,
    "photos": _photographs,
    "examples": lambda link: link.symlink_to(ROOT / "examples"),
}
"""What a page takes from its reader; here stand-ins with the properties that the page tells."""


class Reader:
    """Follows a page in a folder of its own, from the top."""

    def __init__(self, page: Path, folder: Path) -> None:
        self._page, self._folder = page, folder
        self._printed = ""
        self.ran = 0
        scripts = Path(sys.executable).parent
        self._environment = os.environ | {
            "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "200",
        }

    def follow(self, wanted: Callable[[Block], bool]) -> None:
        """Write every file that the page shows, run every block that is wanted."""
        for block in blocks(self._page):
            for name in block.needs:
                READERS_FILES[name](self._folder / name)
            if block.title == "output":
                self._compare(block, block.text, self._printed)
            elif block.title:
                (self._folder / block.title).write_text(block.text)
            elif block.marked("not run: ") or not wanted(block):
                continue
            elif block.language == "python":
                self._printed = self._run(block, [sys.executable, "-c", block.text])
                self.ran += 1
            elif block.language == "console":
                for command, output in commands(block):
                    self._compare(block, output, self._run(block, ["bash", "-c", command]))
                    self.ran += 1

    def _run(self, block: Block, command: list[str]) -> str:
        done = subprocess.run(command, cwd=self._folder, env=self._environment, capture_output=True, text=True)
        fails = block.marked("fails")
        where = f"{self._page.name}:{block.line}: {command[-1]}"
        assert done.returncode == (2 if fails else 0), f"{where}\n{done.stdout}{done.stderr}"
        return done.stderr if fails else done.stdout

    def _compare(self, block: Block, shown: str, real: str) -> None:
        assert shows(shown, real), f"{self._page.name}:{block.line} shows\n{shown}but what comes is\n{real}"


def _short(block: Block) -> bool:
    return not (block.marked("long") or block.marked("build"))


@pytest.mark.parametrize("name", RUN)
def test_page(name: str, tmp_path: Path) -> None:
    Reader(ROOT / "docs" / name, tmp_path).follow(_short)


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in RUN if any(b.marked("long") for b in blocks(ROOT / "docs" / name))])
def test_long_parts(name: str, tmp_path: Path) -> None:
    Reader(ROOT / "docs" / name, tmp_path).follow(lambda block: not block.marked("build"))


@pytest.mark.long
@pytest.mark.build
def test_smallest_build(tmp_path: Path) -> None:
    """One convolution to a bitstream of the smallest board."""
    Reader(ROOT / "docs" / "tutorial.md", tmp_path).follow(lambda block: not block.marked("long"))
    assert (tmp_path / "build" / "edges" / "edges.bit").stat().st_size > 100_000


def test_something_runs() -> None:
    assert {"tutorial.md", "own_network.md"} <= set(RUN)
    tutorial = list(blocks(ROOT / "docs" / "tutorial.md"))
    assert [block.marks for block in tutorial if block.marks] == [("long",), ("build",), ("not run: needs a board",)]


@pytest.mark.parametrize(
    ("shown", "real", "same"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\n...\nd\n", "a\nb\nc\nd\n", True),
        ("a ... s\n", "a 3.25 s\n", True),
        ("a\n", "a   \n", True),
        ("", "", True),
        ("a\n", "b\n", False),
        ("a\n...\nd\n", "a\nb\nc\n", False),
        ("a\n", "a\nb\n", False),
        ("", "a\n", False),
    ],
)
def test_comparison(shown: str, real: str, same: bool) -> None:
    assert shows(shown, real) == same
