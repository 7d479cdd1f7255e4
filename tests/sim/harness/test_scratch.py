"""Folders of runs: removed behind them, kept where a failure is to be looked at, swept up where a run was killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hwgen.sim.harness.scratch import scratch_folder
from tests.support.paths import ROOT

KILLED = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from hwgen.sim.harness.scratch import scratch_folder

with scratch_folder(Path("."), "frame-") as folder:
    (folder / "sdram.hex").write_text("0")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def folders(path: Path) -> list[Path]:
    return [entry for entry in path.iterdir() if entry.is_dir()]


def test_a_killed_run_is_swept_up_by_the_next(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED], check=False, cwd=tmp_path)
    assert len(folders(tmp_path)) == 1 and (folders(tmp_path)[0] / "sdram.hex").exists()
    with scratch_folder(tmp_path, "frame-") as folder:
        assert folders(tmp_path) == [folder]
        with scratch_folder(tmp_path, "frame-") as other:
            assert set(folders(tmp_path)) == {folder, other}, "that of a run under way stays"
    assert folders(tmp_path) == []


@pytest.mark.parametrize("error", [ValueError(), KeyboardInterrupt()])
@pytest.mark.parametrize("keep", [False, True])
def test_what_stays_of_a_failure(tmp_path: Path, error: BaseException, keep: bool) -> None:
    def fail() -> None:
        with scratch_folder(tmp_path, "run-", keep_failed=keep) as folder:
            (folder / "run.log").write_text("why")
            raise error

    with pytest.raises(type(error)):
        fail()
    stays = keep and isinstance(error, ValueError)
    assert [file.name for folder in folders(tmp_path) for file in folder.iterdir()] == ["run.log"] * stays
    with scratch_folder(tmp_path, "run-"):
        pass
    assert len(folders(tmp_path)) == stays, "what was kept is not taken for a killed run's"
