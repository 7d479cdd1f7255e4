"""What can be told to be wrong before any work is done: all of it at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from hwgen.compiler.frontend.options import Source
from hwgen.errors import HwgenError, ModelError
from hwgen.flow.source import NetworkSource
from hwgen.flow.target import BEST_BATCH, MOST_FRAMES, Target

Check = Callable[[], object]


def check_all(checks: Sequence[Check]) -> None:
    """Make all checks.

    Raises:
        HwgenError: of the one that fails; of several a ModelError that lists them.
    """
    failed: list[HwgenError] = []
    for check in checks:
        try:
            check()
        except HwgenError as error:
            failed.append(error)
    if len(failed) == 1:
        raise failed[0]
    if failed:
        lines = list(dict.fromkeys(" ".join(str(error).split()) for error in failed))
        raise ModelError(f"{len(lines)} things are wrong", lines)


def network_checks(source: NetworkSource) -> list[Check]:
    """Of the name, the options and the files that they name; the content of a model's file is not read."""
    options, kind = source.options, "" if source.file is None else source.file.suffix.lower()
    checks: list[Check] = [partial(_named, source)]
    # A file that takes no such option is refused for the option, whatever it names.
    if options.weights is not None and kind in ("", ".graph"):
        checks.append(partial(_weights, Path(options.weights)))
    if options.calibrate is not None and kind != ".tflite":
        checks.append(picture_check(options.calibrate))
    return checks


def picture_check(images: Source) -> Check:
    """Of photographs or arrays: a folder, a file or a list."""
    from hwgen.compiler.frontend.calibration import calibration_files

    return partial(calibration_files, images)


def input_checks(inputs: Sequence[Path], labels: Path | None) -> list[Check]:
    """Of inputs and labels: whether they can be read; whether they suit the network only it can tell."""
    from hwgen.flow.inputs import label_names

    found: list[Check] = [partial(_input, path) for path in inputs]
    return found if labels is None else [*found, partial(label_names, labels)]


def count_check(count: int, target: Target) -> Check:
    """Of the number of inputs, for one frame at a time or for a batch."""
    from hwgen.flow.inputs import check_count

    return partial(check_count, count, MOST_FRAMES if target.throughput == BEST_BATCH else target.throughput or 1)


def _named(source: NetworkSource) -> None:
    if source.file is None:
        _ = source.name
    elif not source.file.exists():
        raise ModelError(f"{source.file}: no such file")


def _weights(path: Path) -> None:
    from hwgen.compiler.frontend.weights import check_file

    check_file(path)


def _input(path: Path) -> None:
    from hwgen.compiler.frontend.images import read_array
    from hwgen.compiler.frontend.photograph import photograph

    if path.suffix.lower() == ".npy":
        read_array(path)
    else:
        photograph(path)
