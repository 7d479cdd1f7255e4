"""What the user asks for: a network, its options, a board, a clock."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.errors import ToolError

if TYPE_CHECKING:
    from boards.board import Board
    from boards.pll import Pll


@dataclass(frozen=True)
class Request:
    """One network on one board.

    Attributes:
        network: name in the zoo, or a .tflite file.
        board: name of the board.
        width: width multiplier of the network.
        resolution: height and width of its input, pixels.
        weights: file of the weights; None: random ones.
        seed: of random weights.
        calibrate: folder of photographs for the quantiser; None: synthetic ones.
        clock_mhz: clock of the machine, MHz; None: the board's default.
    """

    network: str
    board: str = "ulx3s"
    width: float = 1.0
    resolution: int = 224
    weights: Path | None = None
    seed: int = 0
    calibrate: Path | None = None
    clock_mhz: float | None = None

    @property
    def file(self) -> Path | None:
        """The network's file; None for a network of the zoo."""
        path = Path(self.network)
        return path if path.suffix.lower() == ".tflite" else None

    @property
    def name(self) -> str:
        """Names the build and its folder."""
        if self.file is not None:
            return self.file.stem
        return f"{self.network}_{self.width:g}_{self.resolution}"

    def content(self) -> str:
        """SHA-256 of the network's file; empty for a network of the zoo."""
        from hwgen.steps import file_digest

        return "" if self.file is None else file_digest(self.file)

    @property
    def options(self) -> dict[str, str | int | float | None]:
        """The network's options as JSON types; of a file, which has none, those that were given all the same."""
        entries = {key: value for key, value in asdict(self).items() if key not in ("network", "board", "clock_mhz")}
        if self.file is not None:
            entries = {key: value for key, value in entries.items() if value != getattr(Request(""), key)}
        return {key: str(value) if isinstance(value, Path) else value for key, value in entries.items()}

    def resolve(self) -> tuple[Board, Pll]:
        """The board, and the setting of its PLL for the clock asked for: the nearest one not above it.

        Raises:
            ToolError: there is no such board, or no such clock on it.
        """
        from boards.pll import plan_pll
        from boards.registry import find_board

        board = find_board(self.board)
        asked = board.default_clock_hz if self.clock_mhz is None else round(self.clock_mhz * 1e6)
        if asked > board.max_clock_hz:
            raise ToolError(
                f"--clock: the memory of {board.name} allows {board.max_clock_hz / 1e6:.1f} MHz at most, not {asked / 1e6:g}"
            )
        try:
            return board, plan_pll(board.oscillator_hz, asked)
        except ValueError as error:
            raise ToolError(f"--clock: {error}") from None
