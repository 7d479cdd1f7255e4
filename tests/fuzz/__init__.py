"""Damaged files, each read in a process of its own within bounds: `python -m tests.fuzz --help`."""

import os

# Here, before any module loads NumPy: a process with threads does not fork well.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
