"""How far a column has moved, in the median run, with an exact interval."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.diagnosis.comparing import weights
from modelcollapse.diagnosis.record import Series
from modelcollapse.evidence.signs import at_least, median


@dataclass(frozen=True)
class Effect:
    """The move of a column from the first to the last generation that every run has.

    Attributes
    ----------
    generations
        The two generations.
    runs, worse, died
        How many runs there are, how many are worse at the last generation, and how many of these
        died before it.
    sign
        1 where the column gets worse as it rises, -1 where as it falls.
    first, last
        The values of the median run.
    change, change_low, change_high
        The median of the runs' differences, and its interval; None of one run.
    ratio, ratio_low, ratio_high
        The median of last over first, and its interval; None where a first value is not above 0.
    confidence
        The exact confidence of the intervals; None of one run.
    """

    generations: tuple[int, int]
    runs: int
    worse: int
    died: int
    sign: int
    first: float
    last: float
    change: float
    change_low: float | None = None
    change_high: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    confidence: float | None = None

    @property
    def text(self) -> str:
        """The move in a few signs: "x1.85 [1.8, 1.9]", or "+1.7 [1.6, 1.8]"."""
        if self.ratio is None:
            ends = self.change_low, self.change_high
            told = f"{self.change:+.3g}"
        else:
            ends = self.ratio_low, self.ratio_high
            told = f"x{self.ratio:.3g}"
        low, high = ends
        return told if low is None or high is None else f"{told} [{low:.3g}, {high:.3g}]"


def effect(series: Series, sign: int, alpha: float) -> Effect | None:
    """Return the move of a column that gets worse by `sign`; None where it has no meaning."""
    if len(series.generations) < 2 or not np.isfinite(series.values[:, 0]).all():
        return None
    first, last = series.values[:, 0], series.worse(sign)[:, -1] * sign
    change, runs = last - first, series.runs
    a, b = series.generations[[0, -1]].tolist()
    parts = _of("change", change, alpha)
    if (first > 0).all():
        parts |= _of("ratio", np.maximum(last, 0.0) / first, alpha)
    return Effect(
        generations=(a, b),
        runs=runs,
        worse=int((sign * change > 0).sum()),
        died=int(series.died[:, -1].sum()),
        sign=sign,
        first=median(first, alpha).middle,
        last=median(last, alpha).middle,
        **parts,
    )


def _of(name: str, values: Floats, alpha: float) -> dict[str, Any]:
    found = median(values, alpha)
    if len(values) == 1:
        return {name: found.middle}
    ends = {f"{name}_low": found.low, f"{name}_high": found.high}
    return {name: found.middle, "confidence": found.confidence, **ends}


def beyond(series: Series, sign: int, alpha: float) -> float | None:
    """Return the ratio to the first value that a sign test shows to be passed at the last one.

    It is passed, in more than half of all runs, by the definition's own test at `alpha`; None if
    no ratio is.
    """
    first, last = series.values[:, 0], series.worse(sign)[:, -1]
    if not (np.isfinite(first) & (first > 0)).all():
        return None
    level = alpha * float(weights(len(series.generations) - 1)[-1])
    n = series.runs
    k = int((at_least(n - np.arange(n), n) <= level).sum())
    return None if k == 0 else float(np.sort(last / first)[k - 1])
