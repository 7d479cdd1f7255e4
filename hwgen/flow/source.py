"""A network as it is asked for: a name of the zoo or a file, and its options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hwgen.compiler.frontend.options import SIZE, STANDARD, NetworkOptions

SUFFIXES = (".graph", ".onnx", ".tflite")
"""Files of models."""


@dataclass(frozen=True)
class NetworkSource:
    """What to load.

    Attributes:
        text: name in the zoo, or a .tflite, .onnx or .graph file.
        options: its size, weights and quantisation.
    """

    text: str
    options: NetworkOptions = STANDARD

    @property
    def file(self) -> Path | None:
        """The network's file; None for a network of the zoo."""
        path = Path(self.text)
        return path if path.suffix.lower() in SUFFIXES else None

    @property
    def name(self) -> str:
        """Names the network with its options; ModelError if there is no such network in the zoo, or not of this size."""
        resolution = self.options.resolution
        if self.file is not None:
            return self.file.stem if resolution is None else f"{self.file.stem}_{resolution}"
        from hwgen.compiler.frontend import zoo

        network = zoo.find(self.text)
        return network.label(network.options(**self._size))

    @property
    def _size(self) -> dict[str, float | int | str | None]:
        """The options of a network of the zoo, as given."""
        return {name: getattr(self.options, name) for name in SIZE}

    def digest(self) -> str:
        """SHA-256 of the network's file; empty for a network of the zoo."""
        from hwgen.digests import file_digest

        return "" if self.file is None else file_digest(self.file)

    def to_json(self) -> dict[str, str | int | float | None]:
        """The options as JSON types, those left out by their standard; of a file those that were given all the same."""
        if self.file is not None:
            return {name: _plain(value) for name, value in self.options.given().items()}
        from hwgen.compiler.frontend import zoo
        from hwgen.compiler.frontend.load import quantiser_options

        chosen = asdict(zoo.find(self.text).options(**self._size))
        entries: dict[str, object] = asdict(self.options) | {name: value or None for name, value in chosen.items()}
        entries |= asdict(quantiser_options(self.options))
        return {name: _plain(value) for name, value in entries.items()}


def _plain(value: object) -> str | int | float | None:
    """An option as one JSON value: paths as text, several of them in one line."""
    if value is None or isinstance(value, str | int | float):
        return value
    return ", ".join(map(str, value)) if isinstance(value, Sequence) else str(value)
