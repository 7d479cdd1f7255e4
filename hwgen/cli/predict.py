"""`hwgen predict`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from hwgen.cli.options import FILE, LABELS, OUTPUT, network_options


@click.command()
@network_options
@click.option("--input", "source", required=True, type=FILE, help="Array (.npy) or photograph.")
@OUTPUT
@LABELS
def predict(source: Path, output: Path | None, labels: Path | None, as_json: bool, **options: Any) -> None:
    """Run the golden model alone: numbers and the top 5."""
    from hwgen.cli import asked
    from hwgen.cli.console import Console
    from hwgen.flow.agreement import suited_snr_db
    from hwgen.flow.checks import input_checks
    from hwgen.flow.inputs import read_input, read_labels, write_array
    from hwgen.flow.network import int8
    from hwgen.flow.predict import predict as run
    from hwgen.flow.progress import step

    console, origin = Console(lasting=False), asked.network_source(options)
    asked.check(origin, *input_checks([source], labels), *asked.writing(output))
    loaded = asked.loaded(origin, console)
    network = int8(loaded, console)
    value = read_input(network.graph, source)
    names = None if labels is None else read_labels(labels, network.graph)
    with step(console, "golden model"):
        result = replace(run(network, value, labels=names), suited_snr_db=suited_snr_db(loaded, value))
    asked.print_result(result, as_json=as_json)  # first: it is not lost where the file cannot be written
    if output is not None:
        write_array(output, result.output)
