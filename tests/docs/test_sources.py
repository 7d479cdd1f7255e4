"""The sources of the documentation, docstrings among them: one sentence a line, at most 100 columns; what they name exists."""

from __future__ import annotations

import ast
import importlib
import re
import runpy
from collections.abc import Iterator

import pytest

from tests.support.paths import ROOT

COLUMNS = 100
SOURCES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SOURCES += [ROOT / "examples" / "digits" / "README.md", ROOT / "bench" / "README.md"]
NAMES = [str(source.relative_to(ROOT)) for source in SOURCES]

_FOLDERS = ("hw", "sim", "compiler", "boards", "hwgen", "tests", "docs", "bench", "examples", ".ci", ".github")
_SPAN = re.compile(r"`([^`]+)`")
_SENTENCE = re.compile(r'(?<!\b[A-Z])[.!?][)"*]*\s+[A-Z*"(\[]')
_MODULE = re.compile(r"(?:hwgen|tests|bench|examples)(?:\.\w+)+")


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Number and text of each line that is neither table, code, heading nor comment."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif not (fenced or line.startswith(("|", "#", "<!--", "    ", "::: "))):
            yield number, line


def problems(text: str) -> list[str]:
    """Lines of prose that are too long or hold more than one sentence."""
    found = []
    for number, line in prose(text):
        words = _SPAN.sub("x", re.sub(r"^ *\d+\. ", "", line))
        words = re.sub(r"\]\([^)]*\)", "]", words)
        words = re.sub(r"\([^()]*\)", "", words)
        if len(line) > COLUMNS and " " in re.sub(r"\]\([^)]*\)", "", _SPAN.sub("x", line)).strip():
            found.append(f"{number}: {len(line)} columns")
        if _SENTENCE.search(words):
            found.append(f"{number}: a second sentence: {line}")
    return found


def named(text: str) -> Iterator[tuple[int, str]]:
    """Files, folders and modules between backticks outside of fenced blocks, with their lines."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        fenced ^= line.startswith("```")
        if not fenced:
            yield from ((number, span) for span in _SPAN.findall(line))


def exists(name: str) -> bool:
    """Whether what a span names is there; true of spans that name neither file nor module."""
    if _MODULE.fullmatch(name):
        return _importable(name)
    if re.fullmatch(r"[\w./-]+/[\w./-]*", name) and name.split("/")[0] in _FOLDERS:
        return (ROOT / name).exists()
    if re.fullmatch(r"\w+\.py", name):
        return any(path for folder in _FOLDERS[:9] for path in (ROOT / folder).rglob(name))
    return True


def _importable(name: str) -> bool:
    """A module, or something in one."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        try:
            for part in parts[count:]:
                found = getattr(found, part)
        except AttributeError:
            return False
        return True
    return False


@pytest.mark.parametrize("name", NAMES)
def test_one_sentence_a_line(name: str) -> None:
    assert problems((ROOT / name).read_text()) == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_named_exists(name: str) -> None:
    missing = [f"{number}: {span}" for number, span in named((ROOT / name).read_text()) if not exists(span)]
    assert missing == []


def docstrings(source: str) -> Iterator[tuple[int, str]]:
    """Every string that stands alone, with its line: docstrings, of constants and members too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


@pytest.mark.parametrize("folder", ["hw", "sim", "compiler", "boards", "hwgen", "tests", "docs", "bench", "examples"])
def test_what_docstrings_name_exists(folder: str) -> None:
    missing = [
        f"{path.relative_to(ROOT)}:{line}: {span}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path.relative_to(ROOT / folder).parts[0] not in ("hw", "sim", "compiler", "boards") or folder != "hwgen"
        for line, text in docstrings(path.read_text())
        for _, span in named(text)
        if not exists(span)
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One sentence.\nAnother one.", 0),
        ("One sentence. Another one.", 1),
        ("One (an aside. With two.) sentence.", 0),
        ("E. Alpaydin wrote `a. B` in v2. 3 things.", 0),
        ("| a table. With two |", 0),
        ("```\ncode. Code\n```", 0),
        ("word " * 21, 1),
    ],
)
def test_style_is_seen(text: str, count: int) -> None:
    assert len(problems(text)) == count


def test_names_are_seen() -> None:
    text = "`hw/core.py` and `hw/nowhere.py`, `nowhere.py`, `hwgen.cli`, `hwgen.nowhere`, `--json`\n```\n`hw/x.py`\n```"
    assert [span for _, span in named(text) if not exists(span)] == ["hw/nowhere.py", "nowhere.py", "hwgen.nowhere"]


def test_docstrings_are_seen() -> None:
    source = '"""Of `hw/core.py`."""\nA = 1\n"""As `hw/nowhere.py` has it."""\nB = "`hw/other.py`"\n'
    assert [span for _, text in docstrings(source) for _, span in named(text)] == ["hw/core.py", "hw/nowhere.py"]


def test_drawings_are_as_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python docs/drawings/draw.py` has run since its last change."""
    folder = ROOT / "docs" / "drawings"
    monkeypatch.syspath_prepend(folder)
    drawings = runpy.run_path(str(folder / "draw.py"))["DRAWINGS"]
    assert {file.stem for file in folder.glob("*.svg")} == set(drawings)
    for name, draw in drawings.items():
        assert (folder / f"{name}.svg").read_text() == str(draw()), name
