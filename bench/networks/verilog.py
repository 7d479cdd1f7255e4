"""Digests of what is generated for the networks of the table: `python -m bench.networks.verilog FILE [NAMES]...`.

Writes a line for each network: cycles as predicted, SHA-256 of the command stream, of every pass's cycles and of the Verilog. Two
commits that print the same lines generate the same machines and programs, to the byte.
"""

from __future__ import annotations

from pathlib import Path

import click

from bench.networks.cases import CASES
from bench.networks.digests import Digests, short_digest
from hwgen.flow.network import load
from hwgen.flow.plan import plan_for


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1)
@click.option("--models", type=click.Path(path_type=Path, exists=True), help="Folder of trained .tflite models.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder to keep the Verilog in.")
def main(file: Path, names: tuple[str, ...], models: Path | None, keep: Path | None) -> None:
    """Plan the networks (or those with NAMES in their name), generate their Verilog and write the digests to FILE."""
    lines = []
    for case in CASES:
        if names and not any(name.lower() in case.name.lower() for name in names):
            continue
        source, target = case.on("ulx3s", None, models)
        found = plan_for(load(source.text, source.options), target)
        plan = found.machine
        made = Digests.of(found)
        passes = " ".join(f"{entry.name}:{entry.cycles}" for entry in plan.passes)
        lines.append(
            f"{case.name}: {plan.cycles} cycles, stream {short_digest(plan.image())}, passes {short_digest(passes.encode())}, "
            f"verilog {made.verilog}"
        )
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{case.name.replace(' ', '_')}.v").write_text(made.text)
        click.echo(lines[-1])
    file.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
