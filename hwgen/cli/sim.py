"""`hwgen sim`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from hwgen.cli.options import FILE, LABELS, OUT, OUTPUT, machine_options
from hwgen.cli.status import MISMATCH


@click.command()
@machine_options
@click.option(
    "--image",
    "--input",
    "sources",
    required=True,
    multiple=True,
    type=FILE,
    help="Photograph or .npy; of a batch several, the frames behind them are the same with noise.",
)
@OUTPUT
@LABELS
@click.option("--waves", type=FILE, help="Write all signals to this VCD file.")
@OUT
def sim(
    sources: tuple[Path, ...],
    output: Path | None,
    labels: Path | None,
    waves: Path | None,
    out: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Simulate the RTL on a picture or an array and compare every tensor with the golden model."""
    import numpy as np

    from hwgen.cli import asked
    from hwgen.cli.console import Console
    from hwgen.extras import require
    from hwgen.flow.checks import count_check, input_checks
    from hwgen.flow.inputs import read_input, read_labels, write_array
    from hwgen.flow.network import int8
    from hwgen.flow.plan import plan_for
    from hwgen.flow.simulate import simulate
    from hwgen.flow.steps import BuildFolder

    require("sim", "simulating")
    console, target, source = Console(), asked.target(options), asked.network_source(options)
    checks = [target.resolve, *input_checks(sources, labels), count_check(len(sources), target)]
    asked.check(source, *checks, *asked.writing(waves, output))
    with BuildFolder(asked.folder_of(source, target, out)) as folder:
        network = int8(asked.loaded(source, console), console)
        values = [read_input(network.graph, file) for file in sources]
        names = None if labels is None else read_labels(labels, network.graph)
        plan = plan_for(network, target, console)
        result = simulate(plan, values, folder, labels=names, waves=waves, progress=console)
    asked.print_result(result, as_json=as_json)  # first: it is not lost where the file cannot be written
    if output is not None:
        write_array(output, result.outputs[0] if target.throughput is None else np.stack(result.outputs))
    if result.mismatches:
        sys.exit(MISMATCH)
