"""Build steps: reuse, atomic results, failures, interruption."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.errors import ToolError
from hwgen.flow.steps import BuildFolder


class Worker:
    """Counts its runs; writes the key and the content of its input."""

    def __init__(self) -> None:
        self.runs: list[str] = []

    def run(self, folder: BuildFolder, name: str, key: str, inputs: tuple[str, ...] = ()) -> dict[str, object]:
        def work(partial: Path) -> dict[str, object]:
            self.runs.append(name)
            text = key + "".join((partial / file).read_text() for file in inputs)
            (partial / f"{name}.txt").write_text(text)
            return {"length": len(text)}

        return folder.step(name, inputs=inputs, key=key, outputs=[f"{name}.txt"], work=work)


def names(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()}


def test_finished_steps_are_reused(tmp_path: Path) -> None:
    worker = Worker()
    for _ in range(2):
        with BuildFolder(tmp_path / "b") as folder:
            assert worker.run(folder, "one", "x") == {"length": 1}
            assert worker.run(folder, "two", "y", ("one.txt",)) == {"length": 2}
    assert worker.runs == ["one", "two"]
    assert folder.reused == ["one", "two"]
    assert (tmp_path / "b" / "two.txt").read_text() == "yx"


@pytest.mark.parametrize("change", ["key", "output missing", "output edited", "record damaged"])
def test_a_change_makes_a_step_run_again(tmp_path: Path, change: str) -> None:
    worker = Worker()
    with BuildFolder(tmp_path) as folder:
        worker.run(folder, "one", "x")
    if change == "output missing":
        (tmp_path / "one.txt").unlink()
    if change == "output edited":
        (tmp_path / "one.txt").write_text("z")
    if change == "record damaged":
        (tmp_path / ".steps" / "one.json").write_text("[1")
    with BuildFolder(tmp_path) as folder:
        worker.run(folder, "one", "X" if change == "key" else "x")
    assert worker.runs == ["one", "one"]


def test_unchanged_output_spares_the_steps_behind(tmp_path: Path) -> None:
    worker = Worker()
    with BuildFolder(tmp_path) as folder:
        worker.run(folder, "one", "x")
        worker.run(folder, "two", "y", ("one.txt",))
    (tmp_path / ".steps" / "one.json").unlink()
    with BuildFolder(tmp_path) as folder:
        worker.run(folder, "one", "x")
        worker.run(folder, "two", "y", ("one.txt",))
    assert worker.runs == ["one", "two", "one"]


@pytest.mark.parametrize("error", [ToolError("no"), KeyboardInterrupt()])
def test_a_failed_step_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    worker = Worker()
    with BuildFolder(tmp_path / "b") as folder:
        worker.run(folder, "one", "x")
        worker.run(folder, "two", "y", ("one.txt",))

    def work(partial: Path) -> None:
        (partial / "one.txt").write_text("half")
        raise error

    def fail() -> None:
        with BuildFolder(tmp_path / "b") as folder:
            folder.step("one", inputs=[], key="new", outputs=["one.txt"], work=work)

    with pytest.raises(type(error)):
        fail()
    assert names(tmp_path / "b") == {".steps"}, "what was made from the old result is gone with it"


def test_an_empty_new_folder_goes_away(tmp_path: Path) -> None:
    with BuildFolder(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()
    assert names(tmp_path) == set()


def test_a_killed_run_is_swept_up(tmp_path: Path) -> None:
    (tmp_path / ".partial-one-abc").mkdir()
    (tmp_path / ".steps").mkdir()
    left = [tmp_path / ".partial-file", tmp_path / ".steps" / ".partial-record"]
    for file in left:
        file.write_text("half")
    with BuildFolder(tmp_path):
        assert not any(path.exists() for path in (tmp_path / ".partial-one-abc", *left))


def test_a_result_that_is_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "one.txt").symlink_to(tmp_path / "elsewhere")
    worker = Worker()
    for key in ("x", "y"):
        with BuildFolder(tmp_path / "b") as folder:
            worker.run(folder, "one", key)
        assert (tmp_path / "b" / "one.txt").is_symlink() and (tmp_path / "elsewhere").read_text() == key


def test_a_full_disk_names_the_folder(tmp_path: Path) -> None:
    def from_write(partial: Path) -> None:
        raise OSError(28, "No space left on device")

    def from_open(partial: Path) -> None:
        raise OSError(28, "No space left on device", str(partial / "top.v"))

    for work in (from_write, from_open):
        with BuildFolder(tmp_path) as folder, pytest.raises(OSError, match=f"No space left on device: '{tmp_path}'"):
            folder.step("one", inputs=[], key="x", outputs=[], work=work)


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolError, match=r"cannot write to .*file/b: Not a directory; choose another folder"):
        BuildFolder(tmp_path / "file" / "b").__enter__()
    with pytest.raises(ToolError, match=r"cannot write to .*file: File exists"):
        BuildFolder(tmp_path / "file").__enter__()


def test_two_builds_in_one_folder(tmp_path: Path) -> None:
    with BuildFolder(tmp_path), pytest.raises(ToolError, match="another build is running in"):
        BuildFolder(tmp_path).__enter__()
