"""Runs the command line inside the test's own process."""

from __future__ import annotations

import pytest

from hwgen import cli


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    try:
        cli.main(list(arguments))
    except SystemExit as ended:
        code = ended.code
    except Exception as error:
        pytest.fail(f"a traceback: {error!r}")
    else:
        pytest.fail("the command did not exit")
    out, err = capsys.readouterr()
    assert isinstance(code, int)
    return code, out, err


def mistake(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line about a mistake."""
    code, out, err = run(capsys, *arguments)
    lines = [line for line in err.splitlines() if line and not line.endswith(" ...") and ": done in" not in line]
    assert code == 2
    assert out == ""
    assert len(lines) == 1, err
    assert lines[0].startswith("hwgen: ")
    return lines[0]
