"""How far a column has moved, in the median run, with an exact interval.

Of n independent runs the k-th smallest and the k-th largest change enclose the median change with
probability 1 - 2 P(Binomial(n, 1/2) < k), whatever the law. The interval is the shortest of these
at 1 - alpha or, where even the smallest and the largest change do not reach that, those two, with
the confidence that they have: 93.75 % of five runs.
"""

from dataclasses import dataclass

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.diagnosis.comparing import at_least, weights
from modelcollapse.diagnosis.record import Series


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
    change = last - first
    died = int(series.died[:, -1].sum())
    spots = series.generations[0], series.generations[-1]
    found = Effect(
        (int(spots[0]), int(spots[1])),
        series.runs,
        int((sign * change > 0).sum()),
        died,
        sign,
        middle(first),
        middle(last),
        middle(change),
    )
    parts = vars(found)
    ratio = None
    if (first > 0).all():
        ratio = np.maximum(last, 0.0) / first
        parts |= {"ratio": middle(ratio)}
    if series.runs > 1:
        k, confidence = rank(series.runs, alpha / 2)
        parts |= {"confidence": confidence, **_ends("change", change, k)}
        parts |= {} if ratio is None else _ends("ratio", ratio, k)
    return Effect(**parts)


def middle(values: Floats) -> float:
    """Return the lower median, which needs no differences of infinities."""
    return float(np.sort(values)[(len(values) - 1) // 2])


def rank(n: int, level: float) -> tuple[int, float]:
    """Return the largest k with P(Binomial(n, 1/2) < k) <= level, at least 1; and the confidence.

    That is 1 - 2 P(Binomial(n, 1/2) < k).
    """
    below = at_least(n - np.arange(n // 2 + 1), n)  # or as few, by symmetry
    k = max(1, int((below <= level).sum()))
    return k, float(1 - 2 * below[k - 1])


def _ends(name: str, values: Floats, k: int) -> dict[str, float]:
    ordered = np.sort(values)
    return {f"{name}_low": float(ordered[k - 1]), f"{name}_high": float(ordered[-k])}


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
