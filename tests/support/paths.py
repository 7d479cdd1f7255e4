"""Folders that tests look into."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

MODELS = Path(os.environ.get("HWGEN_MODELS", ROOT.parent / "shared" / "models"))
"""Real models with recorded outputs; tests that need them skip where the folder is not there."""

CASES = MODELS.parent / "cases"
"""Small models that users of other tools reported, with right values and a table, README.md; likewise."""
