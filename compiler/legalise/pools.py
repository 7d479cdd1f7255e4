"""Large maximum pools as a chain of pools of at most 3 x 3: a maximum of maxima, exact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hwgen.compiler.graph.window import Window
from hwgen.compiler.int8.arithmetic import INT8_MAX, INT8_MIN
from hwgen.compiler.int8.nodes import QMaxPool, QTensor
from hwgen.compiler.legalise.rewriter import Rewriter

LARGEST = 3
"""Rows and columns, and stride, of the pools that every machine has."""

PRIME_STRIDES = (5, 7)
"""Strides that cannot be split and need a machine with row steps."""


MOST_PARTS = 128
"""Pools of a chain: with stride 1 each takes two off the kernel."""


@dataclass(frozen=True)
class _Axis:
    """A pool along one axis: output o is the maximum of inputs `o * stride - before + i`, 0 <= i < kernel."""

    kernel: int
    stride: int
    before: int
    size: int
    outputs: int

    @property
    def small(self) -> bool:
        return self.kernel <= LARGEST and (self.stride <= LARGEST or self.stride in PRIME_STRIDES)

    @property
    def after(self) -> int:
        """Padding behind the input; negative: what no output needs."""
        return (self.outputs - 1) * self.stride + self.kernel - self.size - self.before

    def split(self) -> tuple[_Axis, _Axis] | None:
        """A small pool, and the pool of its results that makes the same outputs; None if there is none."""
        found = [*self._splits()]
        return min(found, key=lambda pair: (pair[1].kernel, pair[1].stride)) if found else None

    def _splits(self) -> Iterator[tuple[_Axis, _Axis]]:
        for stride in range(1, LARGEST + 1):
            for kernel in range(max(2, stride), LARGEST + 1):
                if self.stride % stride or (self.kernel - kernel) % stride or self.kernel < kernel:
                    continue
                # Results before the first one are maxima of padding alone, so they may be padding too.
                least = max(0, kernel - stride)
                before = self.before if self.before < least else least + (self.before - least) % stride
                rest_kernel, rest_stride = 1 + (self.kernel - kernel) // stride, self.stride // stride
                rest_before = (self.before - before) // stride
                needed = (self.outputs - 1) * rest_stride - rest_before + rest_kernel
                most = (self.size + before - 1) // stride + 1  # the last one that has a valid element
                outputs = min(needed, most)
                yield (
                    _Axis(kernel, stride, before, self.size, outputs),
                    _Axis(rest_kernel, rest_stride, rest_before, outputs, self.outputs),
                )


def max_pool(rewriter: Rewriter, node: QMaxPool, x: QTensor, out: QTensor) -> None:
    """Emit `node`, as several pools if it is larger than the machine's; as it is if its stride cannot be split, or it is too large."""
    window = node.window
    kernel, stride, (top, _, left, _) = window.kernel, window.stride, window.padding
    rows = _Axis(kernel[0], stride[0], top, x.height, out.height)
    columns = _Axis(kernel[1], stride[1], left, x.width, out.width)
    chain: list[tuple[_Axis, _Axis]] = []
    while not (rows.small and columns.small):
        pair_y, pair_x = _split(rows), _split(columns)
        if pair_y is None or pair_x is None or len(chain) == MOST_PARTS:
            rewriter.emit(node)
            return
        chain.append((pair_y[0], pair_x[0]))
        rows, columns = pair_y[1], pair_x[1]
    for number, (y, x_) in enumerate(chain, 1):
        part = rewriter.extra(x, f"pooled{number}", (y.outputs, x_.outputs, x.channels))
        rewriter.emit(
            replace(
                node,
                name=f"{node.name}/part{number}",
                input=x.name,
                output=part.name,
                window=_window(y, x_),
                act_min=INT8_MIN,
                act_max=INT8_MAX,
            )
        )
        x = part
    rewriter.emit(replace(node, input=x.name, window=_window(rows, columns)) if chain else node)


def _split(axis: _Axis) -> tuple[_Axis, _Axis] | None:
    """As `_Axis.split`; of a small one all, and nothing."""
    if not axis.small:
        return axis.split()
    return axis, _Axis(1, 1, 0, axis.outputs, axis.outputs)


def _window(rows: _Axis, columns: _Axis) -> Window:
    return Window(
        (rows.kernel, columns.kernel),
        (rows.stride, columns.stride),
        (rows.before, rows.after, columns.before, columns.after),
    )
