"""The one error tree of the project.

Every error is one line for the user: which node or file, what was found, what is allowed, what to do.  The command
line turns any `HwgenError` into that line and exit code 2.
"""

import unicodedata
from collections.abc import Sequence

INTERRUPTED = "interrupted; finished steps are kept, nothing half-written is left"
"""What the command line says of Ctrl-C."""


def printable(text: str) -> str:
    """A text without control codes, which files bring in names and a terminal would obey: such characters as `\\x1b`; lines stay."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(letter if _is_printable(letter) else letter.encode("unicode_escape").decode() for letter in text)


def _is_printable(letter: str) -> bool:
    """Control and format characters are not (the latter turn the direction of what follows), nor half a character."""
    return letter in "\n\t" or (unicodedata.category(letter)[0] != "C" and letter not in "\u2028\u2029")


class HwgenError(Exception):
    """Anything the user can put right.

    Attributes:
        headline: the line without the details.
        details: single findings, where there are several; the error's text joins them to the headline.
    """

    def __init__(self, headline: str = "", details: Sequence[str] = ()) -> None:
        self.headline = printable(headline)
        self.details = tuple(printable(detail) for detail in details)
        super().__init__(f"{self.headline}: {'; '.join(self.details)}" if details else self.headline)


class ModelError(HwgenError):
    """The network, its weights, its options or an input image are wrong."""


class UnsupportedOpError(HwgenError):
    """The network is sound but asks for an operation the machine does not have."""


class ResourceError(HwgenError):
    """The network does not fit the part: says what is short and by how much."""


class ToolError(HwgenError):
    """A tool or a folder the build needs is missing, failed, or cannot be used."""


def one_line(problems: list[str], *, limit: int = 8, separator: str = "; ") -> str:
    """Join `problems` into one line, naming the first `limit` and counting the rest."""
    shown = separator.join(problems[:limit])
    rest = len(problems) - limit
    return shown if rest <= 0 else f"{shown}{separator}and {rest} more"
