"""Claims: what a theorem asserts of simulated or computed evidence, and how that is decided.

Every claim examines its own assertion and its near misses on the same evidence. A claim proves
its power before it is believed: each near miss differs from it by at least the detectable effect
at the parameters used, or `TooWeak` is raised.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from modelcollapse import evidence
from modelcollapse.checks import Floats
from modelcollapse.errors import ModelCollapseError
from modelcollapse.evidence import Evidence, Side
from modelcollapse.experiment import Experiment, Trajectories
from modelcollapse.values import Statistic, Value, expectation, quantity, spread

LARGEST_CV = 5.0  # beyond it a sample mean is carried by runs that are not in the sample


class TooWeak(ModelCollapseError):  # noqa: N818 - says what it is
    """The evidence cannot tell a claim from its near misses: a defect of the ledger."""


@dataclass(frozen=True)
class Finding:
    """What a claim found: the evidence, in words and numbers, and the near misses rejected."""

    predicted: str
    observed: str
    method: str
    statistic: float
    threshold: float
    samples: int
    rejected: bool
    near_misses: Mapping[str, bool]


@dataclass(frozen=True)
class Design:
    """The simulation that a claim looks at; claims with equal designs share one run.

    Parameters
    ----------
    experiment
        Builds the experiment, so that listing theorems loads no data.
    replicates
        Independent runs of the loop.
    extra, at, test
        Quantities recorded on request, the generations recorded (all by default), and the
        number of fresh rows to score: see `simulate`.
    """

    experiment: Callable[[], Experiment]
    replicates: int
    extra: tuple[str, ...] = ()
    at: tuple[int, ...] | None = None
    test: int | None = None


class Claim(Protocol):
    """What every kind of claim offers."""

    @property
    def design(self) -> Design | None:
        """The simulation needed, or None."""
        ...

    def examine(self, runs: Trajectories | None, alpha: float, beta: float) -> Finding:
        """Decide the claim and its near misses."""
        ...


@dataclass(frozen=True)
class MeanClaim:
    """The mean of a statistic is a value, or at most ("above") or at least ("below") a value.

    Parameters
    ----------
    design
        The simulation.
    statistic
        From trajectories to one number per replicate, shape (replicates,).
    value, variance
        The claimed mean, and a proved bound on the statistic's variance.
    near
        Near misses: other values, by what is wrong with them.
    signed
        Whether the statistic takes both signs, as logarithms do; a positive one is refused
        where its coefficient of variation is above LARGEST_CV.
    """

    design: Design
    statistic: Statistic
    value: Value
    variance: Value
    near: Mapping[str, Value]
    side: Side = "two"
    signed: bool = False

    def examine(self, runs: Trajectories | None, alpha: float, beta: float) -> Finding:
        """Test the mean by Catoni's estimator."""
        assert runs is not None  # noqa: S101 - a claim with a design is given its runs
        e = runs.experiment
        value, variance = float(self.value(e)), float(self.variance(e))
        if not self.signed and not np.sqrt(variance) <= LARGEST_CV * abs(value):
            ratio = np.sqrt(variance) / abs(value) if value else np.inf
            raise TooWeak(
                f"the coefficient of variation is {ratio:.3g}, above {LARGEST_CV:g}: the mean is "
                "carried by rare runs; test a logarithm or a law"
            )
        samples = self.statistic(runs)
        found = evidence.mean(samples, value, variance, alpha=alpha, beta=beta, side=self.side)
        near = {}
        for name, wrong in self.near.items():
            other = float(wrong(e))
            _require_power(name, abs(other - value), found)
            near[name] = _against(found, other, self.side).rejected
        return _finding(f"{value:.6g}", f"{found.observed:.6g}", found, near)


@dataclass(frozen=True)
class BoundedClaim:
    """The mean of a statistic with proved bounds is a value.

    Parameters
    ----------
    design, statistic, value, near
        As for `MeanClaim`.
    low, high
        Bounds on the statistic of every replicate.
    """

    design: Design
    statistic: Statistic
    value: Value
    low: Value
    high: Value
    near: Mapping[str, Value]

    def examine(self, runs: Trajectories | None, alpha: float, beta: float) -> Finding:
        """Test the mean by Maurer and Pontil's empirical Bernstein bound."""
        assert runs is not None  # noqa: S101 - a claim with a design is given its runs
        e = runs.experiment
        value, samples = float(self.value(e)), self.statistic(runs)
        bounds = float(self.low(e)), float(self.high(e))
        found = evidence.bernstein_mean(samples, value, *bounds, alpha=alpha, beta=beta)
        near = {}
        for name, wrong in self.near.items():
            other = float(wrong(e))
            _require_power(name, abs(other - value), found)
            near[name] = _against(found, other, "two").rejected
        return _finding(f"{value:.6g}", f"{found.observed:.6g}", found, near)


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
            _require_power(name, evidence.law_distance(cdf, other, grid), found)
            near[name] = evidence.law(samples, other, alpha=alpha, beta=beta).rejected
        return _finding(self.label, f"distance {found.observed:.2g}", found, near)


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
            _require_power(name, other.statistic, other)
            near[name] = other.rejected
        return _finding(f"<= {bound:.4g}", f"{found.observed:.4g}", found, near)


@dataclass(frozen=True)
class ExactClaim:
    """A number computed one way agrees with the same number computed another way.

    Parameters
    ----------
    compute
        Returns the predicted value, and the interval that must hold it: from an independent
        route, widened by a proved bound on its truncation and rounding.
    near
        Near misses: other values, by what is wrong with them.
    """

    compute: Callable[[], tuple[float, float, float]]
    near: Mapping[str, Callable[[], float]]
    design: Design | None = None

    def examine(self, runs: Trajectories | None, alpha: float, beta: float) -> Finding:
        """Compare, without chance."""
        del runs, alpha, beta
        value, low, high = (float(x) for x in self.compute())
        middle, radius = (low + high) / 2, (high - low) / 2

        def gap(x: float) -> float:
            return abs(x - middle) if np.isfinite(middle) else 0.0 if low <= x <= high else np.inf

        near = {name: not low <= float(wrong()) <= high for name, wrong in self.near.items()}
        shown = f"{middle:.8g} ± {radius:.1g}" if np.isfinite(middle) else f">= {low:.8g}"
        inside = low <= value <= high
        return Finding(f"{value:.8g}", shown, "enclosure", gap(value), radius, 0, not inside, near)


def _against(found: Evidence, claimed: float, side: Side) -> Evidence:
    """Return the same evidence held against another claimed mean."""
    gap = found.observed - claimed
    distance = abs(gap) if side == "two" else max(0.0, gap if side == "above" else -gap)
    return replace(found, statistic=distance)


def _require_power(name: str, difference: float, found: Evidence) -> None:
    least = found.detectable
    if not difference >= least:
        raise TooWeak(
            f"near miss {name!r} differs by {difference:.3g}, and {found.samples} samples detect "
            f"{least:.3g}: use more replicates or another parameter"
        )


def _tabulated(cdf: evidence.Cdf, grid: Floats) -> evidence.Cdf:
    """Return the cdf interpolated on the grid; monotone, off by (spacing)^2 max|density'|/8.

    With 20,001 points that is 1e-7 for the laws used, and the thresholds are above 1e-3.
    """
    values = np.maximum.accumulate(np.asarray(cdf(grid), dtype=np.float64))
    return lambda x: np.interp(x, grid, values)


def _finding(predicted: str, observed: str, found: Evidence, near: Mapping[str, bool]) -> Finding:
    return Finding(
        predicted,
        observed,
        found.method,
        found.statistic,
        found.threshold,
        found.samples,
        found.rejected,
        near,
    )


def mean_claim(design: Design, name: str, t: int, near: Mapping[str, Value]) -> MeanClaim:
    """Claim that a quantity has its predicted mean at generation t."""
    signed = "log" in name
    value, variance = expectation(name, t), spread(name, t)
    return MeanClaim(design, quantity(name, t), value, variance, near, signed=signed)
