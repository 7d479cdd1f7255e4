"""`python -m hwgen`: the command line."""

from hwgen.cli import main

main()
