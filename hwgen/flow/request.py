"""What the user asks for: a network, its options, a board, a clock."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from hwgen.errors import ToolError

MOST_FRAMES = 32
"""Of a batch: a user who waits for more wants results sooner."""

BEST_BATCH = -1
"""`Request.throughput`: as many frames as are worth it."""

SUFFIXES = (".graph", ".onnx", ".tflite")
"""Files of models."""

_NO_OPTIONS = ("network", "board", "clock_mhz", "throughput", "fastest")

if TYPE_CHECKING:
    from hwgen.boards.board import Board
    from hwgen.boards.family import ClockGenerator
    from hwgen.compiler.quantise import QuantiseOptions


@dataclass(frozen=True)
class Request:
    """One network on one board.

    Attributes:
        network: name in the zoo, or a .tflite, .onnx or .graph file.
        board: name of the board.
        width, resolution, classes, groups, variant: of a network of the zoo (`hwgen.compiler.frontend.zoo.Options`); None: its standard.
        weights: file of the weights; None: random ones.
        seed: of random weights.
        calibrate: folder of photographs for the quantiser; None: synthetic ones.
        clock_mhz: clock of the machine, MHz; None: the board's default.
        throughput: frames of a batch (throughput mode), or BEST_BATCH; None: one frame at a time (latency mode).
        fastest: take the core of the fewest cycles that the search finds, whatever logic it needs.
        calibration, equalise, correct_bias: of the quantiser (`hwgen.compiler.quantise.QuantiseOptions`); None: its standard.
    """

    network: str
    board: str = "ulx3s"
    width: float | None = None
    resolution: int | None = None
    weights: Path | None = None
    seed: int = 0
    calibrate: Path | None = None
    clock_mhz: float | None = None
    classes: int | None = None
    groups: int | None = None
    variant: str | None = None
    calibration: str | None = None
    equalise: str | None = None
    correct_bias: str | None = None
    throughput: int | None = None
    fastest: bool = False

    @property
    def file(self) -> Path | None:
        """The network's file; None for a network of the zoo."""
        path = Path(self.network)
        return path if path.suffix.lower() in SUFFIXES else None

    @property
    def name(self) -> str:
        """Names the build and its folder."""
        name = self._network_name + "_fastest" * self.fastest
        if self.throughput is None:
            return name
        frames = "" if self.throughput == BEST_BATCH else f"_{self.throughput}"
        return f"{name}_throughput{frames}"

    @property
    def _network_name(self) -> str:
        if self.file is not None:
            return self.file.stem if self.resolution is None else f"{self.file.stem}_{self.resolution}"
        from hwgen.compiler.frontend import zoo

        network = zoo.find(self.network)
        return network.label(network.options(**self._size))

    @property
    def _size(self) -> dict[str, float | int | str | None]:
        """The options of a network of the zoo, as given."""
        from hwgen.compiler.frontend.zoo.options import OPTIONS

        return {name: getattr(self, name) for name in OPTIONS}

    @property
    def quantiser(self) -> QuantiseOptions:
        """The quantiser's options; ModelError for a value that they do not have."""
        from hwgen.compiler.quantise import QuantiseOptions

        chosen = {field.name: getattr(self, field.name) for field in fields(QuantiseOptions)}
        return QuantiseOptions(**{name: value for name, value in chosen.items() if value is not None})

    def content(self) -> str:
        """SHA-256 of the network's file; empty for a network of the zoo."""
        from hwgen.flow.steps import file_digest

        return "" if self.file is None else file_digest(self.file)

    @property
    def options(self) -> dict[str, str | int | float | None]:
        """The network's options as JSON types, those left out by their standard; of a file those that were given all the same."""
        entries = {key: value for key, value in asdict(self).items() if key not in _NO_OPTIONS}
        if self.file is not None:
            entries = {key: value for key, value in entries.items() if value != getattr(Request(""), key)}
        else:
            from hwgen.compiler.frontend import zoo

            chosen = asdict(zoo.find(self.network).options(**self._size))
            entries |= {key: value or None for key, value in chosen.items()}
            entries |= asdict(self.quantiser)
        return {key: str(value) if isinstance(value, Path) else value for key, value in entries.items()}

    def resolve(self) -> tuple[Board, ClockGenerator]:
        """The board, and the setting of its clock generator for the clock asked for: the nearest one not above it.

        Raises:
            ToolError: there is no such board, or no such clock on it; a batch cannot have so many frames.
        """
        from hwgen.boards.registry import find_board

        if self.throughput not in (None, BEST_BATCH, *range(2, MOST_FRAMES + 1)):
            raise ToolError(f"--throughput: a batch has 2 to {MOST_FRAMES} frames, not {self.throughput}")
        board = find_board(self.board)
        asked = board.default_clock_hz if self.clock_mhz is None else round(self.clock_mhz * 1e6)
        if asked > board.max_clock_hz:
            raise ToolError(
                f"--clock: the memory of {board.name} allows {board.max_clock_hz / 1e6:.1f} MHz at most, not {asked / 1e6:g}"
            )
        try:
            return board, board.part.family.plan_clock(board.oscillator_hz, asked)
        except ValueError as error:
            raise ToolError(f"--clock: {error}") from None
