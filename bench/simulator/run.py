"""Times `hwgen sim`, the first time and from the second time on: `python -m bench.simulator.run FOLDER [NAMES]...`.

The first time a core's simulator is compiled, into an empty cache; the second time another picture runs on it.
"""

from __future__ import annotations

import datetime
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np

from bench.recorded import markdown, record

NETWORKS = ("ds_cnn", "resnet8", "shufflenet_v2")
"""As the command line names them; those with weights in block RAM first."""


def _timed(command: list[str], environment: Mapping[str, str], folder: Path) -> tuple[float, float]:
    """Wall and processor seconds of a command that must succeed."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise click.ClickException(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(network: str, folder: Path) -> dict[str, object]:
    """Seconds of both runs, in a folder whose cache is emptied first."""
    from hwgen.flow.network import load

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shape = load(network).quantise().input_shape
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
    row: dict[str, object] = {"name": network, "date": datetime.date.today().isoformat()}
    for seed, which in enumerate(("first", "second")):
        image = folder / f"{which}.npy"
        np.save(image, np.random.default_rng(seed).integers(-128, 128, shape).astype(np.int8))
        command = [sys.executable, "-m", "hwgen", "sim", network, "--input", str(image)]
        wall, processor = _timed(command, environment, folder)
        row |= {f"{which}_wall_s": round(wall, 1), f"{which}_cpu_s": round(processor, 1)}
    return row


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1, type=click.Choice(NETWORKS))
def main(folder: Path, names: tuple[str, ...]) -> None:
    """Time the networks (or NAMES), keep results.json in FOLDER and print the table; other rows stay as they were."""
    for network in names or NETWORKS:
        rows = record(folder.resolve() / "results.json", measure(network, folder.resolve() / network), NETWORKS)
    columns = ("first_wall_s", "first_cpu_s", "second_wall_s", "second_cpu_s")
    headings = ("network", "first s", "processor s", "second s", "processor s")
    click.echo(markdown(headings, [[row["name"], *(f"{row[name]:.1f}" for name in columns)] for row in rows]), nl=False)


if __name__ == "__main__":
    main()
