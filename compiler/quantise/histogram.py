"""How the values of a tensor are spread, gathered batch by batch, and the ranges that follow from it."""

import numpy as np

Range = tuple[float, float]

BINS = 4096
OUTSIDE = 1e-4  # share of the values left out on each side by "percentile"
SHRINK = np.linspace(1.0, 0.3, 71)  # of either end, tried by "mse"
TURNS = 2
STEPS = 255


class Histogram:
    """Counts of equal bins between -limit and limit; the limit, a power of two, grows with the values.

    Zeros are counted apart: every range holds them exactly.

    Attributes:
        low, high: least and greatest value, at most and at least 0.
    """

    def __init__(self) -> None:
        self.low = self.high = 0.0
        self._limit = 0.0
        self._counts = np.zeros(BINS, np.int64)
        self._zeros = 0

    def add(self, values: np.ndarray) -> None:
        """Count some finite values."""
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        largest = max(-self.low, self.high)
        there = values[values != 0]
        self._zeros += values.size - there.size
        if largest == 0:
            return
        if self._limit == 0:
            self._limit = 2.0 ** np.ceil(np.log2(largest))
        while self._limit < largest:
            inner = self._counts.reshape(-1, 2).sum(axis=1)
            self._counts = np.pad(inner, BINS // 4)
            self._limit *= 2
        self._counts += np.histogram(there, BINS, (-self._limit, self._limit))[0]

    def percentile(self) -> Range:
        """The range without the outermost values."""
        edges = np.linspace(-self._limit, self._limit, BINS + 1)
        most = OUTSIDE * (self._counts.sum() + self._zeros)
        if self._limit == 0:
            return 0.0, 0.0
        first = int(np.searchsorted(np.cumsum(self._counts), most, side="right"))
        last = BINS - int(np.searchsorted(np.cumsum(self._counts[::-1]), most, side="right"))
        return min(0.0, max(self.low, float(edges[first]))), max(0.0, min(self.high, float(edges[last])))

    def least_squares(self) -> Range:
        """The range whose 255 steps give the least mean squared error of rounding and saturation: either end is drawn in while the
        other one stays, in turns.
        """
        if self._limit == 0:
            return 0.0, 0.0
        low, high = self.low, self.high
        for _ in range(TURNS):
            high = min(self.high * SHRINK, key=lambda end: self._error(low, end)) if self.high > 0 else 0.0
            low = min(self.low * SHRINK, key=lambda end: self._error(end, high)) if self.low < 0 else 0.0
        return float(low), float(high)

    def _error(self, low: float, high: float) -> float:
        """Summed squared error of values that become multiples of a step within the range."""
        centres = (np.arange(BINS) + 0.5) * (2 * self._limit / BINS) - self._limit
        step = (high - low) / STEPS
        rounded = np.rint(np.clip(centres, low, high) / step) * step
        return float(self._counts @ (rounded - centres) ** 2)
