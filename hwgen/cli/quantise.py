"""`hwgen quantise`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hwgen.cli.options import FILE, network_options


@click.command()
@network_options
@click.option("--images", type=FILE, help="Photographs to compare on; default: those of the calibration.")
@click.option("--report", is_flag=True, help="Show every tensor.")
def quantise(images: Path | None, report: bool, as_json: bool, **options: Any) -> None:
    """Compare the int8 network with the float one: signal-to-noise ratio of every layer, agreement of classes."""
    from hwgen.cli import asked
    from hwgen.cli.console import Console
    from hwgen.compiler.frontend.load import load_float
    from hwgen.flow.checks import picture_check
    from hwgen.flow.network import Network
    from hwgen.flow.onnx_check import checked
    from hwgen.flow.progress import step
    from hwgen.flow.quality import quality

    console, source = Console(), asked.network_source(options)
    asked.check(source, *([] if images is None else [picture_check(images)]))
    with step(console, "network"):
        network = Network(source, checked(load_float(source.text, source.options), source))
    result = quality(network, images, progress=console)
    if as_json:
        asked.print_json(result.to_json())
    else:
        asked.say(result.text(layers=report, width=asked.width()))
