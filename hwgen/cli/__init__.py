"""The command line: one file a command, on top of the functions of `hwgen`.

Modules that take time to load are imported by the command that needs them.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

import click

from hwgen import __version__
from hwgen.cli.analyse import analyse
from hwgen.cli.asked import STDOUT
from hwgen.cli.build import build
from hwgen.cli.doctor import doctor
from hwgen.cli.models import models
from hwgen.cli.plan import plan
from hwgen.cli.predict import predict
from hwgen.cli.quantise import quantise
from hwgen.cli.sim import sim
from hwgen.cli.status import FAILURE
from hwgen.cli.verify import verify
from hwgen.errors import INTERRUPTED, HwgenError, printable

LONGEST = 600
"""Characters that an error line may have."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Networks to accelerators for small FPGAs."""


for _command in (build, plan, analyse, sim, predict, quantise, verify, models, doctor):
    cli.add_command(_command)


def main(arguments: list[str] | None = None) -> None:
    """Run a command: every error becomes one line on standard error and exit code 2."""
    # A job that is ended from outside must end its tools too, as on Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = cli.main(arguments, prog_name="hwgen", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(FAILURE)
    except click.ClickException as error:
        _fail(error.format_message())
    except (click.exceptions.Abort, KeyboardInterrupt):
        _fail(INTERRUPTED)
    except HwgenError as error:
        _fail(error.headline, error.details)
    except BrokenPipeError:
        _drop_output()  # the reader has gone: no more is wanted
    except OSError as error:
        if error.filename == str(STDOUT):
            _drop_output()
        _fail(f"{error.filename or 'system'}: {error.strerror or error}")
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _drop_output() -> None:
    """Send what standard output still holds, and could not take, to nowhere: Python would try again at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, details: Sequence[str] = ()) -> None:
    """Print a message as one line; of a long one, such as a tool's last words, its first line, which names the log.

    A single detail stands in that line, several follow it, one a line.
    """
    if len(details) == 1:
        message = f"{message}: {details[0]}"
    message = printable(message)
    line = " ".join(message.split())
    if len(line) > LONGEST:
        line = message.strip().splitlines()[0].rstrip(": ")
    print(f"hwgen: {line}", file=sys.stderr)
    for detail in details if len(details) > 1 else ():
        print(f"  {' '.join(detail.split())[:LONGEST]}", file=sys.stderr)
    sys.exit(FAILURE)
