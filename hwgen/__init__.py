"""hwgen: from a convolutional network to an accelerator made for it on a small FPGA.

    import hwgen

    network = hwgen.load("shufflenet_v2", hwgen.NetworkOptions(width=0.5))
    plan = hwgen.plan(network.quantise(), board="ulx3s", progress=print)
    print(plan.table())
    print(hwgen.predict(plan.network, "cat.jpg").text())
    hwgen.simulate(plan, "cat.jpg")
    hwgen.build(plan, progress=print)

The names in `__all__` are the documented interface; the command line stands on them. Everything that takes time to load is loaded with
the first use of the name that needs it. A plain installation loads, quantises, plans and predicts; `hwgen[sim]` simulates,
`hwgen[build]` builds.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from hwgen.errors import HwgenError, ModelError, ResourceError, ToolError, UnsupportedOpError

if TYPE_CHECKING:
    from hwgen.boards.board import Board
    from hwgen.boards.registry import BOARDS, find_board
    from hwgen.compiler.frontend.options import NetworkOptions
    from hwgen.compiler.quantise.options import QuantiseOptions
    from hwgen.flow.analyse import analyse
    from hwgen.flow.build import BuildResult, build
    from hwgen.flow.models import list_models
    from hwgen.flow.network import Int8Network, Network, load, quantise
    from hwgen.flow.plan import Plan, plan
    from hwgen.flow.predict import predict
    from hwgen.flow.progress import Listener, Progress, State
    from hwgen.flow.quality import quality
    from hwgen.flow.search import search
    from hwgen.flow.simulate import simulate
    from hwgen.flow.target import BEST_BATCH
    from hwgen.flow.verify import verify
    from hwgen.reports.analysis import Analysis
    from hwgen.reports.models import Model
    from hwgen.reports.prediction import Prediction
    from hwgen.reports.quality import QualityReport
    from hwgen.reports.search import SearchResult
    from hwgen.reports.simulation import Simulation
    from hwgen.reports.verification import Verification

__version__ = "0.2.0.dev0"

__all__ = [
    "Analysis",
    "BEST_BATCH",
    "BOARDS",
    "Board",
    "BuildResult",
    "HwgenError",
    "Int8Network",
    "Listener",
    "Model",
    "ModelError",
    "Network",
    "NetworkOptions",
    "Plan",
    "Prediction",
    "Progress",
    "QualityReport",
    "QuantiseOptions",
    "ResourceError",
    "SearchResult",
    "Simulation",
    "State",
    "ToolError",
    "UnsupportedOpError",
    "Verification",
    "__version__",
    "analyse",
    "build",
    "find_board",
    "list_models",
    "load",
    "plan",
    "predict",
    "quality",
    "quantise",
    "search",
    "simulate",
    "verify",
]

_MODULES = {
    "Analysis": "hwgen.reports.analysis",
    "BEST_BATCH": "hwgen.flow.target",
    "BOARDS": "hwgen.boards.registry",
    "Board": "hwgen.boards.board",
    "BuildResult": "hwgen.flow.build",
    "Int8Network": "hwgen.flow.network",
    "Listener": "hwgen.flow.progress",
    "Model": "hwgen.reports.models",
    "Network": "hwgen.flow.network",
    "NetworkOptions": "hwgen.compiler.frontend.options",
    "Plan": "hwgen.flow.plan",
    "Prediction": "hwgen.reports.prediction",
    "Progress": "hwgen.flow.progress",
    "QualityReport": "hwgen.reports.quality",
    "QuantiseOptions": "hwgen.compiler.quantise.options",
    "SearchResult": "hwgen.reports.search",
    "Simulation": "hwgen.reports.simulation",
    "State": "hwgen.flow.progress",
    "Verification": "hwgen.reports.verification",
    "analyse": "hwgen.flow.analyse",
    "build": "hwgen.flow.build",
    "find_board": "hwgen.boards.registry",
    "list_models": "hwgen.flow.models",
    "load": "hwgen.flow.network",
    "plan": "hwgen.flow.plan",
    "predict": "hwgen.flow.predict",
    "quality": "hwgen.flow.quality",
    "quantise": "hwgen.flow.network",
    "search": "hwgen.flow.search",
    "simulate": "hwgen.flow.simulate",
    "verify": "hwgen.flow.verify",
}
"""Where the names are defined that are loaded with their first use."""


if not TYPE_CHECKING:  # a type checker takes the names above, and no others

    def __getattr__(name: str) -> Any:
        """A name of the interface, loaded now and kept."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(_MODULES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
