"""The truth of a discrete loop: the probabilities that generation 1 is drawn from."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from modelcollapse._support.checks import Floats, divided, frozen, number, reals, whole
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse._support.memory import require
from modelcollapse.loop.truth import Law

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

TOLERANCE = 1e-9  # of the sum: rounded decimals
LISTED = 20  # probabilities; more are known by their digest


@dataclass(frozen=True, eq=False)
class Categorical(Law):
    """A distribution on the outcomes 0, 1, ..., K - 1.

    Parameters
    ----------
    probabilities
        Shape (K,): not negative, summing to 1 within 1e-9, at least two of them positive.
    name
        What to call it in reports.

    Raises
    ------
    InvalidInput
        If they are no probabilities, or all but one of them are zero.
    """

    probabilities: Any
    name: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "probabilities", frozen(_checked(self.probabilities)))

    @property
    def outcomes(self) -> int:
        """The number of outcomes K."""
        return len(self.probabilities)

    @cached_property
    def possible(self) -> int:
        """The number of outcomes with a positive probability."""
        return int(np.count_nonzero(self.probabilities))

    @cached_property
    def concentration(self) -> float:
        """The probability sum p_i^2 that two draws agree."""
        return float((self.probabilities**2).sum())

    @cached_property
    def others(self) -> Floats:
        """The probability 1 - p_i of all other outcomes, with all its digits where it is small."""
        others: Floats = 1 - self.probabilities
        largest = int(self.probabilities.argmax())
        if self.probabilities[largest] > 0.5:
            others[largest] = np.delete(self.probabilities, largest).sum()
        return others

    @cached_property
    def heterozygosity(self) -> float:
        """The probability that two draws differ, the total variance of one observation."""
        with np.errstate(under="ignore"):
            return float((self.probabilities * self.others).sum())

    @cached_property
    def spread(self) -> float:
        """The variance of p_i over draws i.

        About the largest one: what is subtracted then costs the root of the number of outcomes
        in roundings, at most.
        """
        p = self.probabilities
        below = p.max() - p
        with np.errstate(under="ignore"):
            return float((p * (below - p @ below) ** 2).sum())

    @cached_property
    def squared_covariance(self) -> float:
        """The squared norm of the covariance of one draw's indicators, over heterozygosity^2."""
        p = np.sort(self.probabilities)
        with np.errstate(under="ignore"):
            own = self.probabilities * self.others / self.heterozygosity
            # Of pairs, each with all smaller ones; the root keeps what a square would lose.
            less = np.hypot.accumulate(p)[:-1]
            pairs = p[1:] / self.heterozygosity * less
            return float((own**2).sum() + 2 * (pairs**2).sum())

    @cached_property
    def groups(self) -> tuple[Floats, Floats]:
        """The different positive probabilities, ascending, and how many outcomes have each."""
        values, counts = np.unique(self.probabilities[self.probabilities > 0], return_counts=True)
        return values, counts.astype(np.float64)

    @cached_property
    def group_others(self) -> Floats:
        """The probabilities of all other outcomes, of those in `groups`."""
        places = np.unique(self.probabilities, return_index=True)[1]
        return np.asarray(self.others[places[self.probabilities[places] > 0]])

    @property
    def lumps(self) -> tuple[Floats, Floats, Floats]:
        """All sets of outcomes but the empty one and the whole: alike ones counted together.

        Their probabilities, those of all other outcomes, and how many sets there are, negative
        where they are of an even number of outcomes: for inclusion and exclusion.
        """
        from scipy.special import binom

        (p, counts), sizes = self.groups, self.groups[1].astype(np.int64)
        chosen = np.indices((sizes + 1).tolist()).reshape(len(p), -1).T[1:-1].astype(np.float64)
        signs = 1 - 2 * (chosen.sum(axis=1) % 2 == 0)
        return chosen @ p, (counts - chosen) @ p, signs * binom(counts, chosen).prod(axis=1)

    dim = 1
    is_normal = False

    @cached_property
    def mean(self) -> Floats:
        """The mean of the outcomes as numbers, shape (1,)."""
        return np.array([self.probabilities @ np.arange(self.outcomes)])

    @cached_property
    def covariance(self) -> Floats:
        """The variance of the outcomes as numbers, shape (1, 1)."""
        gaps = np.arange(self.outcomes) - self.mean
        return np.array([[self.probabilities @ gaps**2]])

    def sample(self, n: int, rng: np.random.Generator) -> Floats:
        """Draw n outcomes as numbers, shape (n, 1)."""
        drawn = rng.choice(self.outcomes, size=n, p=self.probabilities)
        return np.asarray(drawn[:, None], dtype=np.float64)

    def described(self) -> Any:
        """Return the probabilities, as a list where they are few; uniform ones by name."""
        if np.array_equal(self.probabilities, uniform(self.outcomes).probabilities):
            return f"uniform on {self.outcomes} outcomes"
        return self.probabilities.tolist() if self.outcomes <= LISTED else self.probabilities


def uniform(outcomes: int) -> Categorical:
    """Return the uniform distribution."""
    return Categorical(np.full(_held(outcomes), 1 / outcomes), "uniform")


def _held(outcomes: int) -> int:
    """Return a number of outcomes whose probabilities, and a few numbers for each, can be held."""
    require(40.0 * min(outcomes, 10**18), f"outcomes = {outcomes}: their probabilities")
    return outcomes


def zipf(outcomes: int, exponent: float = 1.0) -> Floats:
    """Return the probabilities i^-exponent, i = 1..K, normalised: shape (outcomes,).

    Parameters
    ----------
    outcomes
        The number K of outcomes, at least 2.
    exponent
        At least 0, which is uniform; words of a language have about 1.

    Raises
    ------
    InvalidInput
        If an argument is out of its range.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> words = mc.discrete.zipf(1000)
    >>> print(words[:3].round(4))
    [0.1336 0.0668 0.0445]
    >>> loop = mc.Experiment(mc.Discrete(1000), mc.Replace(), 100, 3, truth=words)
    >>> print(mc.predict(loop)["absent"].round(1))
    [937.  956.4 965.9]
    """
    count = _held(whole("outcomes", outcomes, 2))
    power = number("exponent", exponent, 0.0, remedy="give a finite number, at least 0")
    with np.errstate(under="ignore"):
        weights = np.arange(1, count + 1, dtype=np.float64) ** -power
        return np.asarray(weights / weights.sum())


def _checked(value: Any) -> Floats:
    given = list(value) if isinstance(value, Iterator) else value
    values = np.array(reals("truth", given, "give one probability per outcome"))
    if values.ndim != 1 or len(values) < 2:
        shown = f"array of shape {values.shape}"
        raise invalid("truth", shown, "give one probability for each of at least 2 outcomes")
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if bad.size:
        at = int(bad[0])
        remedy = f"probabilities are finite and not negative ({bad.size} are not)"
        raise invalid(f"truth[{at}]", float(values[at]), remedy)
    total = float(values.sum())
    if abs(total - 1) > TOLERANCE:
        raise InvalidInput(
            f"truth: the {len(values)} probabilities sum to {total:.12g}, not to 1: divide them by "
            "their sum"
        )
    if np.count_nonzero(values) < 2:
        at = int(values.argmax())
        raise InvalidInput(
            f"truth: outcome {at} has all the probability, so the total variance is zero; give at "
            "least two outcomes a positive probability"
        )
    return divided(values, value)


def truth_of(e: "Experiment") -> Categorical:
    """Return the truth of a discrete experiment."""
    truth: Categorical = e.truth
    return truth
