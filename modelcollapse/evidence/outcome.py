"""What a test returns, and the checks of arguments that all tests share."""

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from modelcollapse._support.checks import Floats, fraction, named, rows
from modelcollapse._support.errors import invalid
from modelcollapse._support.words import many

Side = Literal["two", "above", "below"]
MOST_SAMPLES = 2**62


@dataclass(frozen=True)
class Evidence:
    """The outcome of one test.

    Parameters
    ----------
    method
        "DKW-Massart", "two-sample DKW-Massart", "Catoni", "Hoeffding", "empirical Bernstein" or
        "binomial".
    observed
        The estimate: a mean, a frequency, or for laws the Kolmogorov-Smirnov distance.
    statistic
        The distance from the claim, at least 0, in the unit of the samples.
    threshold
        The claim is rejected if the statistic is above it.
    detectable
        A truth at least this far from the claim is rejected with probability at least 1 - beta.
    alpha, beta
        The probabilities of a false alarm and of a miss.
    samples
        The number of samples; of two samples, that of the smaller one.
    least
        The fewest samples of which some would be rejected: inf if no data could ever be. With fewer
        the test cannot fail, whatever is claimed.
    """

    method: str
    observed: float
    statistic: float
    threshold: float
    detectable: float
    alpha: float
    beta: float
    samples: int
    least: float

    @property
    def decidable(self) -> bool:
        """Whether there are samples, as many as these, for which the claim would be rejected."""
        return self.samples >= self.least

    @property
    def rejected(self) -> bool:
        """Whether the claim is rejected."""
        return self.statistic > self.threshold


def idle(found: Evidence) -> str:
    """Return why no data could have been rejected, with the remedy; "" if some could have been."""
    if found.decidable:
        return ""
    if found.least == math.inf:
        return "every value that there can be meets it: claim another value, or the other side"
    return (
        f"{many(found.samples, 'sample')} can reject nothing at alpha = {found.alpha:g}: give at "
        f"least {found.least} samples, or a larger alpha"
    )


def fewest(enough: Callable[[int], bool], first: int = 1) -> float:
    """Return the smallest number of samples that is enough, from `first` on; inf if none is."""
    candidates = range(first, MOST_SAMPLES)
    index = bisect_left(candidates, x=True, key=enough)
    return candidates[index] if index < len(candidates) else math.inf


def sides(side: Side) -> int:
    """Return how many sides alpha is spent on."""
    return 2 if named("side", side, get_args(Side)) == "two" else 1


def logs(alpha: float, beta: float, side: Side) -> tuple[float, float]:
    """Return log(sides/alpha) and log(1/beta)."""
    L = math.log(sides(side)) - math.log(fraction("alpha", alpha))
    return L, -math.log(fraction("beta", beta))


def distance(difference: float, side: Side) -> float:
    """Return how far an estimate is on the wrong side of its claim."""
    if side == "two":
        return abs(difference)
    return max(0.0, difference if side == "above" else -difference)


def column(value: Any, name: str = "samples", minimum: int = 1) -> Floats:
    """Return finite numbers of shape (n,)."""
    array = rows(name, value, minimum)
    if array.shape[1] != 1:
        raise invalid(name, f"array of shape {array.shape}", "give one number per sample: (n,)")
    return array[:, 0]
