"""The reset goes by a global net where nextpnr can bring it there."""

import pytest

from hwgen.boards.bitstream import board_verilog
from hwgen.boards.board import Board
from hwgen.boards.ecp5.pll import plan_pll
from hwgen.boards.ulx3s import ULX3S, ULX3S_12F, ULX3S_25F
from tests.support.echo import Echo


@pytest.mark.parametrize(("board", "buffers"), [(ULX3S, 1), (ULX3S_25F, 0), (ULX3S_12F, 0)])
def test_reset_buffer(board: Board, buffers: int) -> None:
    pll = plan_pll(board.oscillator_hz, 50_000_000)
    assert board_verilog(board, Echo(), pll).text.count("DCCA reset_buffer") == buffers
