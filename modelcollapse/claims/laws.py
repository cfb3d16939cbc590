"""Claims about laws, and about the probability of an event."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelcollapse import evidence
from modelcollapse.checks import Floats
from modelcollapse.claims.common import Design, Finding, finding, require_power
from modelcollapse.experiment import Experiment, Trajectories
from modelcollapse.values import Statistic, Value


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

    def examine(self, runs: Trajectories | None, alpha: float, beta: float) -> Finding:
        """Test the law by the Dvoretzky-Kiefer-Wolfowitz-Massart inequality."""
        assert runs is not None  # noqa: S101 - a claim with a design is given its runs
        e, samples = runs.experiment, self.statistic(runs)
        grid = np.linspace(samples.min(), samples.max(), 20_001)
        cdf = _tabulated(self.cdf(e), grid)
        found = evidence.law(samples, cdf, alpha=alpha, beta=beta)
        near = {}
        for name, wrong in self.near.items():
            other = _tabulated(wrong(e), grid)
            require_power(name, evidence.law_distance(cdf, other, grid), found)
            near[name] = evidence.law(samples, other, alpha=alpha, beta=beta)
        return finding(self.label, f"distance {found.observed:.2g}", found, near)


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
