"""Files that users name: whole or as they were, through links, into devices, with the umask's mode, named in errors as given."""

from __future__ import annotations

import os
import resource
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hwgen.compiler.frontend.calibration import calibration_inputs
from hwgen.compiler.frontend.load import load
from hwgen.compiler.frontend.options import NetworkOptions
from hwgen.errors import ModelError
from hwgen.files import is_writable, move_file, refuse_special, remove_file, remove_partial, write_file


@pytest.fixture(params=["write", "move"])
def put(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Puts a text in place in either way."""

    def write(path: Path, text: str) -> None:
        write_file(path, text)

    def move(path: Path, text: str) -> None:
        source = tmp_path / "source"
        source.write_text(text)
        move_file(source, path)
        assert not source.exists()

    return {"write": write, "move": move}[request.param]


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir() if entry.name != "source"}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask() -> Iterator[None]:
    """One that is neither usual nor strict."""
    before = os.umask(0o027)
    yield
    os.umask(before)


def test_modes(tmp_path: Path, put: Any, umask: None) -> None:
    put(tmp_path / "new", "text")
    assert mode(tmp_path / "new") == 0o640
    (tmp_path / "old").write_text("before")
    (tmp_path / "old").chmod(0o604)
    put(tmp_path / "old", "after")
    assert mode(tmp_path / "old") == 0o604 and (tmp_path / "old").read_text() == "after"


def test_links_stay(tmp_path: Path, put: Any) -> None:
    (tmp_path / "far").mkdir()
    target = tmp_path / "far" / "file"
    (tmp_path / "link").symlink_to(target)
    for text in ("made", "changed"):
        put(tmp_path / "link", text)
        assert (tmp_path / "link").is_symlink() and target.read_text() == text
    assert names(tmp_path) == {"far", "link"} and names(tmp_path / "far") == {"file"}
    remove_file(tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and not target.exists()
    remove_file(tmp_path / "link")


def test_what_is_no_regular_file_stays(tmp_path: Path, put: Any) -> None:
    """A pipe for all of them: a fault here, run by root, must not replace the system's own /dev/null."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    put(pipe, "through")
    reader.join(10)
    assert pipe.is_fifo() and read == ["through"]
    remove_file(pipe)
    assert pipe.is_fifo()


def test_a_full_disk_is_named_as_given(tmp_path: Path) -> None:
    """A limit of the size of files stands for it: both fail in the middle of writing, without a name."""
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "target")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match=r"File too large: '.*/link'"):
            write_file(link, "x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(tmp_path) == {"link"}


def test_failure_leaves_what_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("before")

    def fails(*arguments: object) -> None:
        raise OSError(28, "No space left on device", arguments[0])

    for name in ("replace", "chmod"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, fails)
            with pytest.raises(OSError, match=r"No space left on device: '.*/file'"):
                write_file(path, "after")
        assert path.read_text() == "before" and names(tmp_path) == {"file"}


def test_interruption_leaves_what_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "file", "after")
    assert names(tmp_path) == set()


def test_what_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("before")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in (".", "absent/file", "file/below", "loop"):
        assert not is_writable(tmp_path / name)
        with pytest.raises(OSError, match=str(tmp_path)):
            write_file(tmp_path / name, "after")
    assert is_writable(tmp_path / "file") and is_writable(tmp_path / "new") and is_writable(Path("/dev/null"))
    monkeypatch.setattr(os, "access", lambda path, way: Path(path).name != "file")  # as for one without rights
    assert not is_writable(tmp_path / "file")
    with pytest.raises(PermissionError, match="file"):
        write_file(tmp_path / "file", "after")
    assert (tmp_path / "file").read_text() == "before" and names(tmp_path) == {"file", "loop"}


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".partial-a").write_text("half")
    (tmp_path / ".partial-b").mkdir()
    (tmp_path / ".partial-b" / "file").write_text("half")
    (tmp_path / "file").write_text("whole")
    remove_partial(tmp_path)
    assert names(tmp_path) == {"file"}


@pytest.mark.parametrize("name", ["m.tflite", "m.onnx", "m.graph", "w.npz", "w.safetensors", "x.npy", "x.png"])
def test_nothing_is_read_from_a_pipe(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be waited for, for ever."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo(name)
    with pytest.raises(
        ModelError, match=f"{name}: a named pipe, from which nothing is read; write its content to a file"
    ):
        if name.startswith("m"):
            load(name)
        elif name.startswith("w"):
            load("ds_cnn", NetworkOptions(weights=name))
        else:
            calibration_inputs(name, (8, 8, 3), [])


def test_nothing_is_read_from_devices_and_sockets(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "s"))
        for path, kind in (("/dev/zero", "a device"), (str(tmp_path / "s"), "a socket")):
            with pytest.raises(ModelError, match=f"{path}: {kind}, from which nothing is read"):
                refuse_special(Path(path))
    refuse_special(tmp_path / "absent")
    refuse_special(tmp_path)
