"""The trace file's decoding and replay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.errors import ToolError
from hwgen.sim.frame.trace import Replay, read_trace

FRAME = [
    "W0000009000010100000000000000ff",  # before the frame's start: not part of it
    "F000000000000000000000000000000",
    "S000000500000000000000000000000",
    "W0000006200a1ff8877665544332211",
    "W0000007200a10200000000000099aa",
    "V0000007" + "0000000" + "000000fe0201807f",
    "D000000800000000000000000000000",
    "S000000b00000000000000000000000",
    "W000000c300ff8080000000000000000",
    "D000000d00000000000000000000000",
    "E000000e00000000000000000000000",
]


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line[:31]:0<31}\n" for line in lines))
    return path


def test_read_and_replay(tmp_path: Path) -> None:
    trace = read_trace(write(tmp_path / "trace", FRAME))
    assert trace.starts.tolist() == [5, 11] and trace.dones.tolist() == [8, 13] and trace.frame_done == 14
    assert trace.cycles.tolist() == [6, 7, 12] and trace.bank.tolist() == [2, 2, 3]
    assert trace.tapped("window", 0).tolist() == [[127, -128, 1, 2, -2, 0, 0, 0]] and not len(trace.tapped("window", 1))
    replay = Replay(trace, 512)
    assert replay.apply(0) == 9
    expected = np.array([0x11, 0x99, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88], np.uint8).view(np.int8)
    assert replay.memory[2, 0xA1].tolist() == expected.tolist()
    assert replay.apply(1) == 1
    assert replay.memory[3, 0xFF].tolist() == [0, 0, 0, 0, 0, 0, 0, -128]
    assert (replay.writer >= 0).sum() == 9 and replay.writer[3, 0xFF, 7] == 1


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["W0000009000010100000000000000ff"], "holds no frame start"),
        (["F000000000000000000000000000000", "W0000006200a1ffxx77665544332211"], "not hexadecimal"),
    ],
)
def test_damaged(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(ToolError, match=message):
        read_trace(write(tmp_path / "trace", lines))


def test_cut_off(tmp_path: Path) -> None:
    path = write(tmp_path / "trace", FRAME)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ToolError, match="broke off"):
        read_trace(path)
