"""Reads the pages of the documentation: fenced blocks with their marks, commands with the output that the page shows.

A comment in the line before a fence says how the tests take the block: `<!-- test: MARK; MARK -->`, with the marks

    long            takes minutes: runs with `-m long`
    build           makes a bitstream: runs with `-m long`, and in .ci/run
    fails           the command ends with exit code 2, and what is shown is its standard error
    needs FILE ...  files that the reader has and the test makes (`tests.docs.test_pages.READERS_FILES`)
    not run: WHY    shown only
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MARK = re.compile(r"<!-- test: (?P<marks>.*) -->")
_FENCE = re.compile(r'```(?P<language>\w*)(?: title="(?P<title>[^"]*)")?')
_COMMAND = re.compile(r"(?:.*\\\n)*.*\n")
"""A command: lines that end with a backslash go on in the next one."""


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        line: of the opening fence, counted from 1.
        language: what follows the fence.
        title: name of the file that the block is, or "output" of the block before it; empty: none.
        marks: of the comment before it.
        text: content, with a newline at its end.
    """

    line: int
    language: str
    title: str
    marks: tuple[str, ...]
    text: str

    def marked(self, mark: str) -> bool:
        """Whether it has a mark that begins so."""
        return any(one.startswith(mark) for one in self.marks)

    @property
    def needs(self) -> list[str]:
        """Files of the reader."""
        return [name for mark in self.marks if mark.startswith("needs ") for name in mark.split()[1:]]


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    marks: tuple[str, ...] = ()
    lines = iter(enumerate(page.read_text().splitlines(), 1))
    for number, line in lines:
        if found := _MARK.fullmatch(line):
            marks = tuple(mark.strip() for mark in found["marks"].split(";"))
        elif fence := _FENCE.fullmatch(line):
            content = []
            for _, inner in lines:
                if inner == "```":
                    break
                content.append(inner + "\n")
            yield Block(number, fence["language"], fence["title"] or "", marks, "".join(content))
            marks = ()
        elif line:
            assert not marks, f"{page.name}:{number}: a mark belongs right before a fence"


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """(command, output shown) of a console block."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        found = _COMMAND.match(part)
        assert found is not None, f"line {block.line}: no command"
        yield found[0].rstrip("\n"), part[found.end() :]


def shows(shown: str, real: str) -> bool:
    """Whether a page's output is the real one: `...` stands for anything in a line, alone for any number of lines. Spaces are one space."""
    pattern = ""
    shown, real = (re.sub(r" +", " ", text.rstrip("\n")) for text in (shown, real))
    for line in shown.split("\n"):
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(re.escape(piece) for piece in line.split("...")) + r"[ ]*\n"
    return re.fullmatch(pattern, real + "\n") is not None
