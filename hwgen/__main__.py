"""The command `hwgen`, `python -m hwgen` too: the command line, and Ctrl-C at any moment of it."""

from __future__ import annotations

import signal
import sys
import warnings

from hwgen.errors import INTERRUPTED


def main() -> None:
    """Run the command line; exits with its status."""
    # Amaranth's, of a design whose making an error or Ctrl-C has ended: one for each of its parts.
    warnings.filterwarnings("ignore", message=".* created but never used")
    try:
        try:
            from hwgen.cli import main as run  # takes a while, in which Ctrl-C may come

            run()
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):  # what is left takes no time, and would end in a traceback
                signal.signal(number, signal.SIG_IGN)
    except KeyboardInterrupt:
        print(f"hwgen: {INTERRUPTED}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
