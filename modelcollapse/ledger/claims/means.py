"""Claims about the mean of a statistic."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from modelcollapse import evidence
from modelcollapse._support.errors import invalid
from modelcollapse.evidence import Side
from modelcollapse.ledger.claims.common import (
    Design,
    Finding,
    TooWeak,
    against,
    finding,
    require_power,
    sufficient,
)
from modelcollapse.ledger.values import Statistic, Value, expectation, quantity, spread
from modelcollapse.loop.experiment import Experiment, Trajectories

LARGEST_CV = 5.0  # beyond it a sample mean is carried by runs that are not in the sample


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

    def needed(self, e: Experiment, alpha: float, beta: float) -> int:
        """Return the fewest replicates with which the mean's test detects the nearest near miss."""
        value, variance = float(self.value(e)), float(self.variance(e))
        gap = min(abs(float(wrong(e)) - value) for wrong in self.near.values())
        options = {"variance": variance, "alpha": alpha, "beta": beta, "side": self.side}
        return sufficient(self.design, "mean", gap, **options)

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
            require_power(name, abs(other - value), found)
            near[name] = against(found, other, self.side)
        return finding(f"{value:.6g}", f"{found.observed:.6g}", found, near)


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

    def needed(self, e: Experiment, alpha: float, beta: float) -> int:
        """Return how many replicates surely do: those for the largest variance that there can be.

        A statistic in [low, high] with this mean has at most (high - mean)(mean - low) (Bhatia and
        Davis, American Mathematical Monthly 107, 2000).
        """
        value, low, high = (float(of(e)) for of in (self.value, self.low, self.high))
        gap = float(np.min([abs(float(wrong(e)) - value) for wrong in self.near.values()]))
        options = {"low": low, "high": high, "variance": (high - value) * (value - low)}
        return sufficient(self.design, "bernstein_mean", gap, alpha=alpha, beta=beta, **options)

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
            require_power(name, abs(other - value), found)
            near[name] = against(found, other, "two")
        return finding(f"{value:.6g}", f"{found.observed:.6g}", found, near)


def mean_claim(design: Design, name: str, t: int, near: Mapping[str, Value]) -> MeanClaim:
    """Claim that a quantity has its predicted mean at generation t."""
    if not isinstance(name, str):
        raise invalid("name", name, "give the name of a quantity")
    signed = "log" in name
    value, variance = expectation(name, t), spread(name, t)
    return MeanClaim(design, quantity(name, t), value, variance, near, signed=signed)
