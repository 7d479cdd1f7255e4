"""Names of submodules whose hierarchy synthesis has to keep while it merges equal registers."""

from __future__ import annotations

ELEMENT_PREFIX = "pe_"
"""Elements of the array are submodules `pe_<row>_<column>`: all elements of an anti-diagonal carry the same control bit in the same
cycle, and merged they would become one net across the whole die."""

COPY_PREFIX = "copy_"
"""Copies of registers are submodules `copy_<name or number>`, each near what it steers; merged they would be one register again."""
