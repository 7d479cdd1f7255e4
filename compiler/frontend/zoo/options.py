"""What can be chosen of a network of the zoo, and what each network allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from hwgen.compiler.graph.graph import Graph
from hwgen.errors import ModelError
from hwgen.hw.isa.ceil_div import ceil_div

SMALLEST_WIDTH, LARGEST_WIDTH = 0.05, 4.0
LARGEST_RESOLUTION = 1024
LARGEST_CLASSES = 1 << 16


@dataclass(frozen=True)
class Options:
    """The size of a network.

    Attributes:
        width: multiplier of the channels.
        resolution: height and width of the input image, pixels; of a network for sound, the frames of its input.
        classes: outputs of the classifier.
        groups: of the 1x1 convolutions; 0: the network has no such choice.
        variant: of the published ones; empty: there is only one.
    """

    width: float = 1.0
    resolution: int = 224
    classes: int = 1000
    groups: int = 0
    variant: str = ""


OPTIONS = tuple(entry.name for entry in fields(Options))
"""Their names, which are those of the command line's options too."""


@dataclass(frozen=True)
class Network:
    """A family of networks.

    Attributes:
        name: in the zoo.
        define: the float graph for options that have been checked.
        paper: where it is from.
        standard: the options that hold where none are given.
        stride: of which the resolution must be a multiple.
        least: resolution.
        widths, groups, variants: all there are; no widths: any.
        published: the sizes with published figures, as changes of `standard`.
        unit: what the resolution counts.
    """

    name: str
    define: Callable[[Options], Graph]
    paper: str
    standard: Options = Options()
    stride: int = 32
    least: int = 32
    widths: tuple[float, ...] = ()
    groups: tuple[int, ...] = ()
    variants: tuple[str, ...] = ()
    published: tuple[Mapping[str, float | int | str], ...] = ({},)
    unit: str = "product of its strides"

    def options(self, **given: float | int | str | None) -> Options:
        """The standard options with those that are given; ModelError in one line lists all that are not allowed."""
        chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        problems = [*self._unknown(chosen)]
        options = replace(self.standard, **{name: chosen[name] for name in chosen if name not in problems})
        lines = [f"it has no option {name}" for name in problems]
        lines += self._problems(options)
        if lines:
            raise ModelError(f"{self.name}: {'; '.join(lines)}")
        return options

    def sizes(self) -> list[Options]:
        """The options of all sizes with published figures."""
        return [self.options(**size) for size in self.published]

    def label(self, options: Options) -> str:
        """Network and options as the name of a build: what differs from the standard, width and resolution always."""
        parts = [self.name, f"{options.width:g}", str(options.resolution)]
        parts += [f"g{options.groups}"] if options.groups else []
        parts += [f"v{options.variant}"] if options.variant else []
        parts += [f"c{options.classes}"] if options.classes != self.standard.classes else []
        return "_".join(parts)

    def _unknown(self, chosen: Mapping[str, object]) -> list[str]:
        without = {"groups": self.groups, "variant": self.variants}
        return [name for name, allowed in without.items() if name in chosen and not allowed]

    def _problems(self, options: Options) -> list[str]:
        problems = []
        if self.widths and options.width not in self.widths:
            problems.append(f"width must be one of {_listed(self.widths)}, not {options.width:g}")
        elif not SMALLEST_WIDTH <= options.width <= LARGEST_WIDTH:
            problems.append(f"width must be from {SMALLEST_WIDTH:g} to {LARGEST_WIDTH:g}, not {options.width:g}")
        if self.groups and options.groups not in self.groups:
            problems.append(f"groups must be one of {_listed(self.groups)}, not {options.groups}")
        if self.variants and options.variant not in self.variants:
            problems.append(f"variant must be one of {_listed(self.variants)}, not {options.variant}")
        if not 1 <= options.classes <= LARGEST_CLASSES:
            problems.append(f"classes must be from 1 to {LARGEST_CLASSES}, not {options.classes}")
        size, step = options.resolution, self.stride
        if size % step or not self.least <= size <= LARGEST_RESOLUTION:
            below = min(max(size // step * step, ceil_div(self.least, step) * step), LARGEST_RESOLUTION - step)
            what = f"a multiple of {step} (the {self.unit}), " if step > 1 else ""
            problems.append(
                f"resolution must be {what}from {self.least} to {LARGEST_RESOLUTION}, not {size}; "
                f"nearest: {below}, {below + step}"
            )
        return problems


def _listed(values: tuple[float, ...] | tuple[str, ...]) -> str:
    return ", ".join(map(str, values))
