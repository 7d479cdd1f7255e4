"""The command line. Modules that take time to load are imported by the command that needs them."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hwgen import __version__
from hwgen.errors import HwgenError

if TYPE_CHECKING:
    from hwgen.flow.request import Request

FAILURE = 2
"""Exit code of everything that went wrong."""

LONGEST = 600
"""Characters that an error line may have."""

F = TypeVar("F", bound=Callable[..., Any])


_FILE = click.Path(path_type=Path)
_SWITCH = click.Choice(["auto", "on", "off"])

MODEL = [
    click.argument("network"),
    click.option("--width", type=float, help="Width multiplier; default: 1."),
    click.option("--resolution", type=int, help="Input height and width, pixels; default: the network's."),
    click.option("--classes", type=int, help="Outputs of the classifier; default: the network's."),
    click.option("--groups", type=int, help="Groups of the 1x1 convolutions (shufflenet_v1); default: 3."),
    click.option("--variant", help="Published variant (squeezenet: 1.0 or 1.1); default: 1.1."),
    click.option("--weights", type=_FILE, help=".npz or .safetensors with torchvision's names; else random."),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of random weights."),
    click.option("--calibrate", type=_FILE, help="Folder of photographs for the quantiser; else synthetic ones."),
    click.option(
        "--calibration",
        type=click.Choice(["minmax", "percentile", "mse"]),
        help="How the quantiser chooses ranges of activations; default: minmax.",
    ),
    click.option("--equalise", type=_SWITCH, help="Cross-layer equalisation; auto: with depthwise convolutions."),
    click.option("--correct-bias", type=_SWITCH, help="Bias correction; auto: with depthwise convolutions."),
]
"""The argument NETWORK and the options that say which network is meant."""

MACHINE = [
    click.option("--board", default="ulx3s", show_default=True, help="Board."),
    click.option("--clock", "clock_mhz", type=float, help="Clock, MHz; default: the board's."),
]
THROUGHPUT = [
    click.option(
        "--throughput",
        is_flag=False,
        flag_value="-1",
        type=int,
        metavar="[FRAMES]",
        help="Batches of frames that share the late passes' weights, of 2 to 32; without a number: as many as are worth it.",
    )
]
FASTEST = [
    click.option("--fastest", is_flag=True, help="Take the core of the fewest cycles that `plan --search` shows.")
]
JSON = [click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")]


def network_options(command: F) -> F:
    """The options of commands that know a network and a board."""
    return _with(command, [*MODEL, *MACHINE, *JSON])


def machine_options(command: F) -> F:
    """The options of commands that know what the machine runs too."""
    return _with(command, [*MODEL, *MACHINE, *THROUGHPUT, *FASTEST, *JSON])


def model_options(command: F) -> F:
    """The options of commands that know a network only."""
    return _with(command, [*MODEL, *JSON])


def _with(command: F, options: list[Callable[[F], F]]) -> F:
    for option in reversed(options):
        command = option(command)
    return command


def _request(options: dict[str, Any]) -> Request:
    from hwgen.flow.request import Request

    return Request(**options)


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Networks to accelerators for small FPGAs."""


@cli.command()
@machine_options
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the results; default: build/<name>.")
def build(out: Path | None, as_json: bool, **options: Any) -> None:
    """Build a bitstream, a weight image and a report."""
    from hwgen.cli.console import Console
    from hwgen.flow.build import build as run
    from hwgen.reports.build import summary

    request = _request(options)
    folder = out or Path("build") / request.name
    report = run(request, folder, Console())
    if as_json:
        _print_json(report)
    else:
        click.echo(summary(report), nl=False)
        click.echo(f"Results are in {folder}.")


@cli.command()
@machine_options
@click.option("--search", is_flag=True, help="Show what other cores and clocks would cost and bring instead.")
def plan(search: bool, as_json: bool, **options: Any) -> None:
    """Show passes, cycles, memory and what bounds each pass."""
    from hwgen.cli.console import Console
    from hwgen.flow.build import make_plan

    if search:
        if options["throughput"] is not None:
            raise click.UsageError("--search shows cores for one frame at a time: leave out --throughput")
        if options["fastest"]:
            raise click.UsageError("--search shows all cores, --fastest takes one: leave out one of them")
        from hwgen.flow.search import search as explore
        from hwgen.flow.search import table

        found = explore(_request(options), Console())
        if as_json:
            _print_json(found.to_json())
        else:
            click.echo(table(found), nl=False)
        return
    from hwgen.reports.plan import plan_json, plan_text

    result = make_plan(_request(options), Console(quiet=True))[1]
    if as_json:
        _print_json(plan_json(result))
    else:
        click.echo(plan_text(result))


@cli.command()
@machine_options
@click.option(
    "--image",
    "--input",
    "sources",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path),
    help="Photograph or .npy; of a batch several, the frames behind them are the same with noise.",
)
@click.option("--output", type=click.Path(path_type=Path), help="Write the model's output to this .npy file.")
@click.option("--labels", type=click.Path(path_type=Path), help="Names of the classes, one a line: print the top 5.")
@click.option("--waves", type=click.Path(path_type=Path), help="Write all signals to this VCD file.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the results; default: build/<name>.")
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
    from hwgen.cli.console import Console
    from hwgen.flow.simulate import simulate

    request = _request(options)
    folder = out or Path("build") / request.name
    result = simulate(request, sources, folder, Console(), output=output, labels=labels, waves=waves)
    if as_json:
        _print_json(result.to_json())
    else:
        click.echo(result.text())
    if result.mismatches:
        sys.exit(1)


@cli.command()
@network_options
@click.option("--input", "source", required=True, type=click.Path(path_type=Path), help="Array (.npy) or photograph.")
@click.option("--output", type=click.Path(path_type=Path), help="Write the model's output to this .npy file.")
@click.option("--labels", type=click.Path(path_type=Path), help="Names of the classes, one a line.")
def predict(source: Path, output: Path | None, labels: Path | None, as_json: bool, **options: Any) -> None:
    """Run the golden model alone: numbers and the top 5."""
    from hwgen.flow.predict import predict as run

    result = run(_request(options), source, output, labels)
    if as_json:
        _print_json(result.to_json())
    else:
        click.echo(result.text())


@cli.command()
@model_options
@click.option("--images", type=_FILE, help="Photographs to compare on; default: those of the calibration.")
@click.option("--report", is_flag=True, help="Show every tensor.")
def quantise(images: Path | None, report: bool, as_json: bool, **options: Any) -> None:
    """Compare the int8 network with the float one: signal-to-noise ratio of every layer, agreement of classes."""
    from hwgen.cli.console import Console
    from hwgen.flow.quantise import quantise as run

    result = run(_request(options), Console(), images)
    if as_json:
        _print_json(result.to_json())
    else:
        click.echo(result.text(layers=report))


@cli.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--input", "source", type=click.Path(path_type=Path), help="Array (.npy) or photograph; default: random.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def verify(model: Path, source: Path | None, as_json: bool) -> None:
    """Compare the golden model of a .tflite file with an installed interpreter's reference kernels."""
    from hwgen.flow.verify import verify as run

    result = run(model, source)
    if as_json:
        _print_json(result.to_json())
    else:
        click.echo(result.text())
    if result.mismatches:
        sys.exit(1)


@cli.command()
@click.argument("networks", nargs=-1)
@click.option("--board", default="ulx3s", show_default=True, help="Board.")
@click.option("--clock", "clock_mhz", type=float, help="Clock, MHz; default: the board's.")
@click.option("--plan", is_flag=True, help="Plan what is not yet planned, instead of an estimate: minutes.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the table in Markdown.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def models(
    networks: tuple[str, ...], board: str, clock_mhz: float | None, plan: bool, as_markdown: bool, as_json: bool
) -> None:
    """List the networks of the zoo (or some of them): size, and frames per second on a board."""
    from hwgen.cli.console import Console
    from hwgen.flow.models import list_models, markdown, table

    found = list_models(networks, board, clock_mhz, plan=plan, console=Console(quiet=not plan))
    if as_json:
        _print_json([model.to_json() for model in found])
    else:
        click.echo(markdown(found) if as_markdown else table(found))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def doctor(as_json: bool) -> None:
    """List the tools, their versions, and what to do about missing ones."""
    from hwgen.flow.doctor import examine

    findings = examine()
    if as_json:
        _print_json([finding.to_json() for finding in findings])
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            state = finding.version if finding.found else f"MISSING: {finding.remedy}"
            click.echo(f"{finding.name:{width}}  {state}  ({finding.purpose})")
    if not all(finding.found for finding in findings):
        sys.exit(FAILURE)


def main(arguments: list[str] | None = None) -> None:
    """Entry point: every error becomes one line on standard error and exit code 2."""
    # A job that is ended from outside must end its tools too, as on Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = cli.main(arguments, prog_name="hwgen", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(FAILURE)
    except click.ClickException as error:
        _fail(error.format_message())
    except (click.exceptions.Abort, KeyboardInterrupt):
        _fail("interrupted; finished steps are kept, nothing half-written is left")
    except HwgenError as error:
        _fail(error.headline, error.details)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone: no more is wanted
    except OSError as error:
        _fail(f"{error.filename or 'system'}: {error.strerror or error}")
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, details: Sequence[str] = ()) -> None:
    """Print a message as one line; of a long one, such as a tool's last words, its first line, which names the log.

    A single detail stands in that line, several follow it, one a line.
    """
    if len(details) == 1:
        message = f"{message}: {details[0]}"
    line = " ".join(message.split())
    if len(line) > LONGEST:
        line = message.strip().splitlines()[0].rstrip(": ")
    print(f"hwgen: {line}", file=sys.stderr)
    for detail in details if len(details) > 1 else ():
        print(f"  {' '.join(detail.split())[:LONGEST]}", file=sys.stderr)
    sys.exit(FAILURE)
