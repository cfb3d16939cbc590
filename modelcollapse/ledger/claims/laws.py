"""Claims about laws, and about the probability of an event."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelcollapse import evidence
from modelcollapse._support.checks import Floats
from modelcollapse.ledger.claims.common import Design, Finding, finding, require_power, sufficient
from modelcollapse.ledger.values import Statistic, Value
from modelcollapse.loop.experiment import Experiment, Trajectories

TAIL, POINTS, ROUNDS = 1e-6, 1001, 4  # of the range on which laws are compared beforehand


@dataclass(frozen=True)
class LawClaim:
    """A statistic has a cumulative distribution function.

    Parameters
    ----------
    design, statistic
        As for `MeanClaim`.
    cdf
        From the experiment to the claimed cdf.
    near
        Near misses: other cdfs, by what is wrong with them.
    """

    design: Design
    statistic: Statistic
    cdf: Callable[[Experiment], evidence.Cdf]
    near: Mapping[str, Callable[[Experiment], evidence.Cdf]]
    label: str = "exact law"

    def needed(self, e: Experiment, alpha: float, beta: float) -> int:
        """Return the fewest replicates with which the law's test detects the nearest near miss."""
        cdf = self.cdf(e)
        grid = _covering(cdf)
        others = [wrong(e) for wrong in self.near.values()]
        gap = min(evidence.law_distance(cdf, other, grid) for other in others)
        return sufficient(self.design, "law", gap, alpha=alpha, beta=beta)

    def examine(self, runs: Trajectories | None, alpha: float, beta: float) -> Finding:
        """Test the law by the Dvoretzky-Kiefer-Wolfowitz-Massart inequality."""
        assert runs is not None  # noqa: S101 - a claim with a design is given its runs
        e, samples = runs.experiment, self.statistic(runs)
        grid = np.linspace(samples.min(), samples.max(), 20_001)
        if few := len(np.unique(samples)) < len(grid):  # whole numbers, at which it jumps
            grid = np.unique([samples, np.nextafter(samples, -np.inf)])
        cdf = self.cdf(e) if few else _tabulated(self.cdf(e), grid)
        found = evidence.law(samples, cdf, alpha=alpha, beta=beta)
        near = {}
        for name, wrong in self.near.items():
            other = wrong(e) if few else _tabulated(wrong(e), grid)
            require_power(name, evidence.law_distance(cdf, other, grid), found)
            near[name] = evidence.law(samples, other, alpha=alpha, beta=beta)
        return finding(self.label, f"distance {found.observed:.2g}", found, near)


@dataclass(frozen=True)
class SameLawClaim:
    """Two samples, taken beforehand and independently, have one law.

    Parameters
    ----------
    samples, others
        The samples, each of shape (count,).
    near
        Near misses: samples of other laws, in place of `others`, by what is wrong with them. One
        that is too near to be told is not rejected; the verdict is then "weak".
    """

    samples: Floats
    others: Floats
    near: Mapping[str, Floats]
    design: Design | None = None

    def examine(self, runs: Trajectories | None, alpha: float, beta: float) -> Finding:
        """Test the two samples by the Dvoretzky-Kiefer-Wolfowitz-Massart inequality."""
        del runs
        found = evidence.same_law(self.samples, self.others, alpha=alpha, beta=beta)
        near = {
            name: evidence.same_law(self.samples, wrong, alpha=alpha, beta=beta)
            for name, wrong in self.near.items()
        }
        return finding("one law", f"distance {found.observed:.2g}", found, near)


@dataclass(frozen=True)
class FrequencyClaim:
    """An event has at most a probability.

    Parameters
    ----------
    design
        The simulation.
    event
        From trajectories to one truth value per replicate.
    bound
        The claimed upper bound of its probability.
    near
        Near misses: bounds that are too small, by what is wrong with them.
    """

    design: Design
    event: Callable[[Trajectories], Any]
    bound: Value
    near: Mapping[str, Value]

    def examine(self, runs: Trajectories | None, alpha: float, beta: float) -> Finding:
        """Test the probability by the exact binomial law."""
        assert runs is not None  # noqa: S101 - a claim with a design is given its runs
        e, hits = runs.experiment, np.asarray(self.event(runs))
        count, n, bound = int(hits.sum()), int(hits.size), float(self.bound(e))
        found = evidence.frequency(count, n, bound, alpha=alpha, beta=beta, side="above")
        near = {}
        for name, wrong in self.near.items():
            other = evidence.frequency(
                count, n, float(wrong(e)), alpha=alpha, beta=beta, side="above"
            )
            # A bound is not the probability itself: the observed excess must show the power.
            require_power(name, other.statistic, other)
            near[name] = other
        return finding(f"<= {bound:.4g}", f"{found.observed:.4g}", found, near)


def _tabulated(cdf: evidence.Cdf, grid: Floats) -> evidence.Cdf:
    """Return the cdf interpolated on the grid; monotone, off by (spacing)^2 max|density'|/8.

    With 20,001 points that is 1e-7 for the laws used, and the thresholds are above 1e-3.
    """
    values = np.maximum.accumulate(np.asarray(cdf(grid), dtype=np.float64))
    return lambda x: np.interp(x, grid, values)


def _covering(cdf: evidence.Cdf) -> Floats:
    """Return points between a law's quantiles at TAIL and 1 - TAIL, found by closing in on them.

    Fewer points than `grid` has can only make a largest distance smaller, and the number of
    replicates that it takes larger.
    """
    sizes = np.geomspace(1e-60, 1e60, POINTS // 2)
    points = np.concatenate([-sizes[::-1], [0.0], sizes])
    for _ in range(ROUNDS):
        with np.errstate(over="ignore"):  # of what the cdf makes of the first points
            values = np.maximum.accumulate(np.asarray(cdf(points), dtype=np.float64))
        first, last = np.searchsorted(values, [TAIL, 1 - TAIL])
        ends = points[max(first - 1, 0)], points[min(last, points.size - 1)]
        points = np.linspace(*ends, POINTS)
    return points
