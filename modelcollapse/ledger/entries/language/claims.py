"""Claims about transformers that are trained on their own answers.

A model's law after a prompt is only near to the empirical law of its rows: at most NEAR.mean away
in total variation, on average over the prompts of a model. So the chains of one model are not
quite independent, nor quite those of the discrete room. Draw each token as near as can be to a draw
from the empirical law: they differ with the conditional probability of that distance. A chain whose
draws never differ has counts of the ideal loop, and the ideal chains are independent. The number
of first differences is a sum of indicators whose conditional probabilities add up to at most
s = chains * draws * NEAR.mean; so, as E exp(x X - (e^x - 1) p) <= 1 for an indicator X of
conditional probability p, it reaches k > s with a probability of at most
exp(-(k log(k/s) - k + s)). That is what `off` inverts: theory/language.py has the proofs.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse import evidence
from modelcollapse._support.checks import Floats, Integers
from modelcollapse.ledger.claims import Finding, TooWeak
from modelcollapse.ledger.claims.common import against, finding, require_power
from modelcollapse.ledger.entries.language.design import MEAN, MOST, LanguageDesign, Runs
from modelcollapse.ledger.values import Statistic, Value
from modelcollapse.loop.experiment import Trajectories

if TYPE_CHECKING:
    from modelcollapse.language.finite import Chains

Measured = Callable[["Chains"], float]
Laws = Callable[["Chains"], Floats]


def chains_of(runs: Trajectories | None) -> "Chains":
    """Return the trained chains of a design's runs."""
    assert isinstance(runs, Runs)  # noqa: S101 - a claim with a design is given its runs
    return runs.chains


def require_near(chains: "Chains") -> None:
    """Raise TooWeak if a fitted law is not as near to the empirical law as is stated."""
    most, mean = float(chains.distances.max()), float(chains.mean_distances.max())
    if most > MOST or mean > MEAN:
        raise TooWeak(
            f"a fitted law is {most:.3g} from the empirical law, and one model's are {mean:.3g} on "
            f"average: {MOST:g} and {MEAN:g} are allowed"
        )


def off(chains: int, draws: int, probability: float) -> float:
    """Return a number of chains that differ from the ideal ones with at most a probability.

    Parameters
    ----------
    chains, draws
        How many there are, and how often each is drawn from a fitted law.
    probability
        Of as many differing or more.
    """
    s, level = chains * draws * MEAN, -math.log(probability)
    low, high = s, s + 2 * level + 2 * math.sqrt(2 * s * level)
    for _ in range(80):
        middle = (low + high) / 2
        enough = middle * math.log(middle / s) - middle + s >= level
        low, high = (low, middle) if enough else (middle, high)
    return high


@dataclass(frozen=True)
class NearMeanClaim:
    """The mean of a statistic is that of the discrete room, but for a proved slack.

    Parameters
    ----------
    design, statistic, value, variance, near
        As for `MeanClaim`, of the ideal loop.
    width
        The largest less the smallest value of the statistic in the ideal loop.
    steepness
        How much the statistic of a fitted law exceeds that of the empirical law, at most, over
        their distance in total variation; 0 if it is of counts.
    draws
        How often a chain is drawn from a fitted law.
    """

    design: LanguageDesign
    statistic: Statistic
    value: Value
    variance: Value
    near: Mapping[str, Value]
    width: float
    steepness: float
    draws: int

    def slack(self, chains: int, probability: float) -> float:
        """Return how far the chains are from the ideal ones, on average, but for a probability."""
        return self.width * off(chains, self.draws, probability) / chains + self.steepness * MEAN

    def examine(self, runs: Trajectories | None, alpha: float, beta: float) -> Finding:
        """Test the mean by Catoni's estimator with the slack, each but for half of alpha."""
        chains = chains_of(runs)
        assert runs is not None  # noqa: S101 - see `chains_of`
        require_near(chains)
        e, samples = runs.experiment, self.statistic(runs)
        value, variance = float(self.value(e)), float(self.variance(e))
        slack = self.slack(len(samples), min(alpha, beta) / 2)
        found = evidence.mean(samples, value, variance, alpha=alpha / 2, beta=beta / 2, slack=slack)
        found = replace(found, alpha=alpha, beta=beta)
        near = {}
        for name, wrong in self.near.items():
            other = float(wrong(e))
            require_power(name, abs(other - value), found)
            near[name] = against(found, other, "two")
        return finding(f"{value:.6g}", f"{found.observed:.6g}", found, near)


@dataclass(frozen=True)
class AtMostClaim:
    """What is measured of all chains is at most a number, without chance.

    Parameters
    ----------
    design
        The loops.
    measured, bound
        The quantity, and what it is at most.
    near
        Near misses: quantities that are not, by what is wrong with them.
    """

    design: LanguageDesign
    measured: Measured
    bound: float
    near: Mapping[str, Measured]

    def examine(self, runs: Trajectories | None, alpha: float, beta: float) -> Finding:
        """Compare."""
        del alpha, beta
        chains = chains_of(runs)
        found = self.measured(chains)
        others = {name: wrong(chains) for name, wrong in self.near.items()}
        return Finding(
            f"<= {self.bound:g}",
            f"{found:.4g}",
            "comparison",
            found,
            self.bound,
            0,
            not found <= self.bound,
            {name: not other <= self.bound for name, other in others.items()},
            others,
        )


@dataclass(frozen=True)
class DrawsClaim:
    """Every token that was drawn has the law that the model had.

    The answers to a prompt are laid out on [0, 1] in the order of their probabilities, and each
    draw is replaced by a uniform number within its answer's part. Given all that was before, that
    number is uniform if the draw has the law, whatever the law is: so all of them are independent
    and uniform.

    Parameters
    ----------
    design
        The loops.
    law
        The claimed laws, shape (chains, generations - 1, answers).
    near
        Near misses: other laws, by what is wrong with them.
    """

    design: LanguageDesign
    law: Laws
    near: Mapping[str, Laws]

    def examine(self, runs: Trajectories | None, alpha: float, beta: float) -> Finding:
        """Test that the numbers are uniform."""
        chains = chains_of(runs)

        def tested(law: Laws) -> evidence.Evidence:
            numbers = positions(law(chains), chains.draws, chains.within)
            uniform = lambda x: np.clip(x, 0.0, 1.0)  # noqa: E731
            return evidence.law(numbers, uniform, alpha=alpha, beta=beta)

        found = tested(self.law)
        near = {name: tested(wrong) for name, wrong in self.near.items()}
        for name, other in near.items():
            require_power(name, other.statistic, other)
        return finding("uniform numbers", f"distance {found.observed:.2g}", found, near)


def positions(laws: Floats, draws: Integers, within: Floats) -> Floats:
    """Return the place of each draw in [0, 1].

    Parameters
    ----------
    laws
        Shape (..., answers).
    draws
        Numbers of answers, shape (..., draws).
    within
        Places within an answer's part, in [0, 1], of the shape of `draws`.
    """
    order = np.argsort(-laws, axis=-1, kind="stable")
    ordered = np.take_along_axis(laws, order, axis=-1)
    rank = np.argsort(order, axis=-1, kind="stable")
    ends = np.minimum(np.cumsum(ordered, axis=-1), 1.0)
    place = np.take_along_axis(rank, draws, axis=-1)
    part = np.take_along_axis(ordered, place, axis=-1)
    upto = np.take_along_axis(ends, place, axis=-1)
    return np.clip(upto - part * within, 0.0, 1.0).ravel()
