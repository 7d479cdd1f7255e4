"""Generates, simulates and synthesises the block with NNgen and with hwgen: `python -m bench.peers.run [OPTIONS] FOLDER`."""

from __future__ import annotations

import datetime
import json
import re
import signal
import subprocess
import venv
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from bench.peers import hwgen_half
from bench.peers.block import Block, nngen_result
from bench.peers.rows import Row, count_cells, table
from hwgen.boards.ecp5.toolchain import LARGE_DIE, synthesise
from hwgen.boards.family import Recipe
from hwgen.errors import HwgenError, ToolError
from hwgen.flow.doctor import examine
from hwgen.sim.harness.verilate import verilate

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
HEIGHT = WIDTH = 28
CHANNELS = (32, 32, 64)
SEED = 1
LIMIT_CYCLES = 5_000_000


@dataclass(frozen=True)
class Arrangement:
    """How NNgen is told to work in parallel: (input channels, output channels) at a time, of 3x3 and of 1x1."""

    spatial: tuple[int, int]
    point: tuple[int, int]
    axi_bits: int = 128

    @property
    def multipliers(self) -> int:
        """Those of the larger layer; the other one borrows them. A 3x3 window is multiplied at once."""
        return max(9 * self.spatial[0] * self.spatial[1], self.point[0] * self.point[1])

    @property
    def name(self) -> str:
        return f"{self.spatial[0]}x{self.spatial[1]}, {self.point[0]}x{self.point[1]}"


ARRANGEMENTS = {
    36: Arrangement(spatial=(4, 1), point=(16, 2)),
    144: Arrangement(spatial=(8, 2), point=(32, 4)),
}
"""By number of multipliers."""


@dataclass(frozen=True)
class Memory:
    """NNgen's memory: cycles before a burst's first beat, and from beat to beat."""

    latency: int
    interval: int

    def text(self, axi_bits: int) -> str:
        return f"AXI, {axi_bits // 8 / self.interval:g} B/cycle, latency {self.latency}"


MEMORIES = (Memory(1, 1), Memory(8, 1), Memory(8, 8))
"""As good as a memory can be; with the latency of an SDRAM; with the latency and the peak rate of the SDRAM that hwgen streams from."""


def environment(folder: Path) -> Path:
    """The Python of an environment with NNgen, made if it is not there yet."""
    python = folder / "bin" / "python"
    wanted = HERE / "requirements.txt"
    done = folder / wanted.name
    if not (done.exists() and done.read_text() == wanted.read_text()):
        venv.create(folder, with_pip=True, clear=True)
        command([str(python), "-m", "pip", "install", "--quiet", "-r", str(wanted)])
        done.write_text(wanted.read_text())
    return python


def command(words: list[str]) -> str:
    """Run a command in the root of the checkout; returns what it printed.

    Raises:
        ToolError: it failed.
    """
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolError(f"{Path(words[0]).name} failed with status {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def netlist_cells(folder: Path, verilog: str, recipe: Recipe) -> dict[str, int]:
    """Synthesise for ECP5 in `folder`, unless that was done with the same Verilog, and count the cells."""
    source, netlist = folder / "synthesis.v", folder / "netlist.json"
    if not (netlist.exists() and source.exists() and source.read_text() == verilog):
        netlist.unlink(missing_ok=True)
        source.write_text(verilog)
        synthesise(folder, source.name, netlist.name, recipe=recipe, progress=lambda text: None)
    return count_cells(json.loads(netlist.read_text()))


def without_state_machines(verilog: str) -> str:
    """The same Verilog, but yosys looks for no state machines in it.

    In NNgen's controllers its search (FSM_DETECT) had not ended when it was given up; all the rest takes minutes.
    """
    return re.sub(r"^( *)(output )?reg\b", r'\1(* fsm_encoding = "none" *) \2reg', verilog, flags=re.MULTILINE)


def nngen_rows(folder: Path, block: Block, multipliers: int, python: Path, synthesised: bool) -> list[Row]:
    """NNgen's accelerator with each of the memories."""
    arrangement = ARRANGEMENTS[multipliers]
    assert arrangement.multipliers == multipliers
    folder.mkdir(parents=True, exist_ok=True)
    block.save(folder / "block.npz")
    command([str(python), "-m", "bench.peers.nngen_half", str(folder), json.dumps(asdict(arrangement))])
    facts = json.loads((folder / "nngen.json").read_text())
    expected = np.load(folder / "expected.npy")
    differing = int((expected != nngen_result(block)).sum())
    if differing:
        raise ToolError(
            f"NNgen's software model and the NumPy reference differ in {differing} bytes of {expected.size}"
        )
    verilog = (folder / "top.v").read_text()
    simulator = verilate(verilog, [HERE / "axi_memory.cpp"], build_dir=folder / "simulator", name="nngen")
    # No element of hwgen's is there to be kept apart, and its multipliers are products that synthesis has to map.
    recipe = replace(LARGE_DIE, keep_modules=(), synth_options=())
    cells = netlist_cells(folder, without_state_machines(verilog), recipe) if synthesised else {}
    rows = []
    for memory in MEMORIES:
        after = folder / "after.bin"
        printed = command(
            [
                str(simulator),
                f"+image={folder / 'memory.bin'}",
                f"+result={after}",
                f"+latency={memory.latency}",
                f"+interval={memory.interval}",
                f"+limit={LIMIT_CYCLES}",
            ]
        ).split()
        start, size = facts["result_address"], int(np.prod(facts["result_shape"]))
        found = np.fromfile(after, np.int8)[start : start + size].reshape(facts["result_shape"])
        rows.append(
            Row(
                system=f"NNgen {facts['versions']['nngen']} ({arrangement.name})",
                memory=memory.text(arrangement.axi_bits),
                multipliers=multipliers,
                macs=block.macs,
                cycles=int(printed[1]),
                mismatches=int((found[..., : expected.shape[2]] != expected).sum()),
                moved_bytes=int(printed[3]) + int(printed[5]),
                cells=cells,
            )
        )
    return rows


def hwgen_rows(folder: Path, block: Block, multipliers: int, synthesised: bool) -> list[Row]:
    """hwgen's accelerator with its weights in block RAM, and with image and weights streamed from the SDRAM."""
    graph = hwgen_half.graph_of(block)
    rows = []
    for external in (False, True):
        found = hwgen_half.plan_of(graph, multipliers, external=external)
        frame = hwgen_half.run_frame(found, block.image, folder.parent / "simulator")
        if frame.cycles != frame.predicted:
            click.echo(f"note: {frame.cycles:,} cycles simulated, {frame.predicted:,} predicted")
        place = folder / ("sdram" if external else "on_chip")
        place.mkdir(parents=True, exist_ok=True)
        config = found.config
        rows.append(
            Row(
                system=f"hwgen ({config.rows} x {config.cols}, {config.window_lanes} window lanes)",
                memory="SDRAM, 2 B/cycle" if external else "on chip",
                multipliers=config.rows * config.cols,
                macs=block.macs,
                cycles=frame.cycles,
                mismatches=frame.mismatches,
                moved_bytes=found.program.stream_bytes if external else 0,
                cells=netlist_cells(place, hwgen_half.verilog_of(found), LARGE_DIE) if synthesised else {},
            )
        )
    return rows


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--multipliers",
    type=click.Choice([str(count) for count in ARRANGEMENTS]),
    multiple=True,
    help="Only with so many; default: all.",
)
@click.option("--synthesise/--no-synthesise", "synthesised", default=True, show_default=True)
def main(folder: Path, multipliers: tuple[str, ...], synthesised: bool) -> None:
    """Measure, keep results.json in FOLDER and print the table."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a job that is ended must end its tools too
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "results.json"
    block = Block.random(HEIGHT, WIDTH, CHANNELS, SEED)
    try:
        python = environment(folder / "venv")
        for count in [int(text) for text in multipliers] or list(ARRANGEMENTS):
            steps: dict[str, Callable[[], list[Row]]] = {
                "NNgen": partial(nngen_rows, folder / f"nngen_{count}", block, count, python, synthesised),
                "hwgen": partial(hwgen_rows, folder / f"hwgen_{count}", block, count, synthesised),
            }
            for name, step in steps.items():
                record(file, f"{name} {count}", step(), python)
    except HwgenError as error:
        raise click.ClickException(str(error)) from error
    click.echo(table([row for rows in json.loads(file.read_text())["rows"].values() for row in rows]), nl=False)


def record(file: Path, key: str, rows: list[Row], python: Path) -> None:
    """Put rows in the place of those of the same key in the file of results."""
    recorded: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"rows": {}}
    recorded["rows"] = dict(sorted((recorded["rows"] | {key: [asdict(row) for row in rows]}).items()))
    recorded |= {
        "date": datetime.date.today().isoformat(),
        "block": f"{HEIGHT} x {WIDTH}, channels {CHANNELS}, 3x3 then 1x1, int8",
        "tools": {finding.name: finding.version for finding in examine()} | packages(python),
    }
    file.write_text(json.dumps(recorded, indent=2) + "\n")


def packages(python: Path) -> dict[str, str]:
    """Versions of what is installed beside NNgen."""
    found = command([str(python), "-m", "pip", "list", "--format=json", "--disable-pip-version-check"])
    names = {line.split("==")[0] for line in (HERE / "requirements.txt").read_text().splitlines() if "==" in line}
    return {f"{entry['name']} (NNgen's)": entry["version"] for entry in json.loads(found) if entry["name"] in names}


if __name__ == "__main__":
    main()
