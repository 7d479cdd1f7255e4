"""`hwgen doctor`."""

from __future__ import annotations

import sys

import click

from hwgen.cli.options import JSON
from hwgen.cli.status import FAILURE


@click.command()
@JSON
def doctor(as_json: bool) -> None:
    """List the tools, their versions, and what to do about missing ones."""
    from hwgen.cli import asked
    from hwgen.flow.doctor import examine

    findings = examine()
    if as_json:
        asked.print_json([finding.to_json() for finding in findings])
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            state = finding.version if finding.found else f"MISSING: {finding.remedy}"
            asked.say(f"{finding.name:{width}}  {state}  ({finding.purpose})")
    if not all(finding.found for finding in findings):
        sys.exit(FAILURE)
