"""Build steps that are done once: results are reused while everything that went into them is unchanged.

A step works in a temporary folder inside the build folder; its outputs move into the build folder when it is finished, each in one
rename. So an interrupted or failed step leaves nothing behind, and finished ones stay.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from hwgen.digests import digest, file_digest
from hwgen.errors import ToolError
from hwgen.files import PARTIAL, move_file, naming, remove_file, remove_partial, write_file

RECORDS = ".steps"
LOGS = "logs"


class BuildFolder:
    """A folder that holds the results of steps.

    Use it as a context manager: the folder is made and locked on entry; on exit results whose inputs have changed since are removed,
    and so is the folder itself if it was made and nothing came into it.

    Attributes:
        path: the folder.
        logs: folder of the tools' logs, which also stay after a failure.
        reused: names of the steps that did not have to be done again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = path / LOGS
        self.reused: list[str] = []
        self._made: list[Path] = []
        self._stack = contextlib.ExitStack()

    @classmethod
    @contextlib.contextmanager
    def at(cls, place: Path | BuildFolder) -> Iterator[BuildFolder]:
        """A build folder for a block: opened for it if a path is given, else the one that is open already."""
        if isinstance(place, BuildFolder):
            yield place
            return
        with cls(place) as folder:
            yield folder

    def __enter__(self) -> BuildFolder:
        missing = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._made = missing
            (self.path / RECORDS).mkdir(exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
            self._stack.enter_context(self._lock())
        except OSError as error:
            self._remove_empty()
            raise ToolError(f"cannot write to {self.path}: {error.strerror}; choose another folder") from None
        for folder in (self.path, self.path / RECORDS):  # what a run that was killed has left
            remove_partial(folder)
        return self

    def __exit__(self, *exception: object) -> None:
        self._drop_stale()
        with contextlib.suppress(OSError):  # not empty, or never made
            self.logs.rmdir()
        self._stack.close()
        self._remove_empty()

    def step(
        self,
        name: str,
        *,
        inputs: Sequence[str],
        key: str,
        outputs: Sequence[str],
        work: Callable[[Path], Mapping[str, object] | None],
    ) -> dict[str, object]:
        """Do a step, or find it done.

        Args:
            name: of the step.
            inputs: files of the build folder that it reads.
            key: text of everything else that its result depends on: options, versions.
            outputs: files that it makes.
            work: makes them in the folder it is given, where it also finds the inputs; may return facts (JSON types) to remember.

        Returns:
            The facts, also when the step was found done.
        """
        record_path = self.path / RECORDS / f"{name}.json"
        wanted: dict[str, object] = {"key": digest(key), "inputs": self._digests(inputs)}
        record = self._record(record_path)
        if record is not None and record["wanted"] == wanted and record["outputs"] == self._digests(outputs):
            self.reused.append(name)
            return dict(record["facts"])
        record_path.unlink(missing_ok=True)
        with naming(self.path):
            facts = self._done(name, inputs, outputs, work)
        finished = {"wanted": wanted, "outputs": self._digests(outputs), "facts": facts}
        write_file(record_path, json.dumps(finished))
        return facts

    def _done(
        self,
        name: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        work: Callable[[Path], Mapping[str, object] | None],
    ) -> dict[str, object]:
        """Does a step in a folder of its own and brings its outputs into place; gives its facts."""
        for output in outputs:
            remove_file(self.path / output)
        partial = Path(tempfile.mkdtemp(prefix=f"{PARTIAL}{name}-", dir=self.path))
        try:
            for file in inputs:
                _link(self.path / file, partial / file)
            facts = dict(work(partial) or {})
            for output in outputs:
                move_file(partial / output, self.path / output)
            return facts
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _digests(self, files: Sequence[str]) -> dict[str, str]:
        return {file: file_digest(self.path / file) for file in files}

    @staticmethod
    def _record(path: Path) -> dict[str, dict[str, object]] | None:
        try:
            record = json.loads(path.read_text())
            return record if {"wanted", "outputs", "facts"} <= record.keys() else None
        except (OSError, ValueError, AttributeError):
            return None

    def _drop_stale(self) -> None:
        """Remove results that no longer belong to the files they were made from."""
        changed = True
        while changed:
            changed = False
            for path in (self.path / RECORDS).glob("*.json"):
                record = self._record(path)
                inputs = {} if record is None else record["wanted"]["inputs"]
                assert isinstance(inputs, dict)
                if record is not None and inputs == self._digests(list(inputs)):
                    continue
                for output in {} if record is None else record["outputs"]:
                    remove_file(self.path / output)
                path.unlink()
                changed = True

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        lock = FileLock(self.path / RECORDS / "lock", blocking=False)
        try:
            lock.acquire()
        except Timeout:
            raise ToolError(f"another build is running in {self.path}: wait for it or choose another folder") from None
        try:
            yield
        finally:
            lock.release()

    def _remove_empty(self) -> None:
        if self._made and not any(self.path.glob("[!.]*")):
            shutil.rmtree(self.path / RECORDS, ignore_errors=True)
            for folder in self._made:
                with contextlib.suppress(OSError):
                    folder.rmdir()


def _link(source: Path, target: Path) -> None:
    """Give a file a second name: a hard link where possible, since the tools' sandbox does not follow links out of its folders."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)
