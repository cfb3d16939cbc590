"""Which of the rows that a model samples are kept.

A selection keeps those of a higher reward. Of a normal law, whose rewards along a direction are
m + s U with a standard normal U, what is kept has the rewards m + s Y, and Y has a law of its own,
whatever m and s are: `Selection.noise` draws it and `Selection.cumulants` has its moments. The rest
of a row, given its reward, stays as it is.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats, number, reals, truth_value, whole
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse._support.tables import is_number

MOST_DRAWN = 10**4  # batches of rows for one of which hardly any is kept
FLAT = 1e-12  # how far a preference and its mirror image may be from a sum of one
STEP, FAR = 2.0**-9, 13.0  # of a trapezoid rule, whose error vanishes with e^(-2 pi a/STEP)


class Cumulants(NamedTuple):
    """The first four cumulants of what a selection makes of a standard normal row."""

    mean: float
    variance: float
    third: float
    fourth: float

    @property
    def square(self) -> float:
        """q = E Y^2, which decides what becomes of a loop that accumulates."""
        return self.variance + self.mean**2

    @classmethod
    def of(cls, moments: Any) -> "Cumulants":
        """Return them from E Y, E Y^2, E Y^3 and E Y^4."""
        m1, m2, m3, m4 = map(float, moments)
        second = m2 - m1**2
        third = m3 - 3 * m1 * m2 + 2 * m1**3
        centred = m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4
        return cls(m1, second, third, centred - 3 * second**2)


@dataclass(frozen=True, repr=False)
class Selection:
    """What all selections share.

    Parameters
    ----------
    reward
        What is selected for: in one dimension None is the row itself; a direction, one number per
        column, or for `run` a function from rows to one number per row.
    """

    _: KW_ONLY
    reward: Any = None

    def __post_init__(self) -> None:
        if self.reward is None or callable(self.reward):
            return
        direction = np.atleast_1d(reals("reward", self.reward, "give one number per column"))
        if direction.ndim != 1 or not np.isfinite(direction).all() or not direction.any():
            raise invalid("reward", self.reward, "give finite numbers, not all 0, one per column")
        object.__setattr__(self, "reward", tuple(direction.tolist()))

    name = "selection"

    @property
    def plain(self) -> bool:
        """Whether it changes nothing."""
        return False

    def options(self) -> dict[str, Any]:
        """Return its parameters but the reward."""
        raise NotImplementedError

    def __repr__(self) -> str:
        told = {**self.options(), "reward": self.reward}
        given = {name: v for name, v in told.items() if v is not None and v is not True}
        shown = (f"{name}={value!r}" for name, value in given.items())
        return f"{type(self).__name__}({', '.join(shown)})"

    def noise(self, rng: np.random.Generator, count: int) -> Floats:
        """Draw Y: what is kept of standard normal rewards, shape (count,)."""
        raise NotImplementedError

    def cumulants(self) -> Cumulants:
        """Return the cumulants of Y."""
        raise NotImplementedError

    def kept(
        self,
        draw: Callable[[int], Any],
        scored: Callable[[Any], Floats],
        taken: Callable[[Any, Any], Any],
        count: int,
        rng: np.random.Generator,
        model: Any,
    ) -> Any:
        """Return `count` selected rows of any model.

        Parameters
        ----------
        draw
            From a number to so many rows of the model.
        scored
            From rows to their rewards.
        taken
            From rows and numbers of rows to those.
        count
            How many are kept.
        rng
            Where the selection's own randomness comes from.
        model
            The fitted model, which may know the law of its rewards.
        """
        raise NotImplementedError

    def described(self) -> dict[str, Any]:
        """Return it as plain data, but for a reward that is a function."""
        reward = list(self.reward) if isinstance(self.reward, tuple) else self.reward
        return {"name": self.name, **self.options(), "reward": reward}

    def direction(self, dim: int) -> Floats:
        """Return the direction of the reward, shape (dim,)."""
        if callable(self.reward):
            remedy = "theory knows rewards along a direction: give one number per column, or run()"
            raise invalid("reward", self.reward, remedy)
        if self.reward is None:
            if dim > 1:
                raise invalid("reward", None, f"give a direction, one number for each of {dim}")
            return np.ones(1)
        if len(self.reward) != dim:
            raise invalid("reward", self.reward, f"the rows have dim = {dim}: give as many numbers")
        return np.array(self.reward)


@dataclass(frozen=True, repr=False)
class BestOf(Selection):
    """Keep the best of k rows, for each row that is kept.

    Parameters
    ----------
    k
        How many are sampled for one that is kept; 1 is plain sampling.
    reward
        What is better: None is the row itself, in one dimension; a direction, one number per
        column; or, for `run`, a function from rows to one number per row.

    Raises
    ------
    InvalidInput
        If `k` is no whole number from 1 on, or `reward` is none of these.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> loop = mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 3, sampling=mc.BestOf(2))
    >>> print(mc.predict(loop)["variance"].round(4))
    [0.9    0.5522 0.3388]
    """

    k: int
    name = "best-of"

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", whole("k", self.k))
        super().__post_init__()

    @property
    def plain(self) -> bool:
        """Whether it changes nothing."""
        return self.k == 1

    def options(self) -> dict[str, Any]:
        """Return k."""
        return {"k": self.k}

    def noise(self, rng: np.random.Generator, count: int) -> Floats:
        """Draw the largest of k standard normal numbers."""
        from scipy.special import ndtri

        # The chance to exceed it, 1 - U^(1/k), keeps its digits where it is small.
        return np.asarray(-ndtri(-np.expm1(-rng.standard_exponential(count) / self.k)))

    def cumulants(self) -> Cumulants:
        """Return the cumulants of the largest of k standard normal numbers."""
        from scipy.special import log_ndtr

        y = np.arange(-FAR, FAR + STEP / 2, STEP)
        logs = np.log(self.k) - y**2 / 2 - np.log(2 * np.pi) / 2 + (self.k - 1) * log_ndtr(y)
        with np.errstate(under="ignore"):
            density = np.exp(logs) * STEP
            return Cumulants.of([(density * y**j).sum() for j in (1, 2, 3, 4)])

    def kept(
        self,
        draw: Callable[[int], Any],
        scored: Callable[[Any], Floats],
        taken: Callable[[Any, Any], Any],
        count: int,
        rng: np.random.Generator,
        model: Any,
    ) -> Any:
        """Return the best row of each k."""
        del rng, model
        rows = draw(count * self.k)
        best = scored(rows).reshape(count, self.k).argmax(axis=1)
        return taken(rows, np.arange(count) * self.k + best)


@dataclass(frozen=True, repr=False)
class KeepTop(Selection):
    """Keep the rows whose reward is in the upper share of the model's own law.

    Rows are sampled until as many as are wanted are kept. To keep the top of a finite batch is
    another law, and is not this one.

    Parameters
    ----------
    share
        The share that is kept, above 0 and at most 1, which is plain sampling.
    reward
        What is better: None is the row itself, in one dimension; a direction, one number per
        column; or, for `run`, a function from rows to one number per row.

    Raises
    ------
    InvalidInput
        If `share` is out of its range, or `reward` is none of these.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> loop = mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 3, sampling=mc.KeepTop(0.5))
    >>> print(mc.predict(loop)["variance"].round(4))
    [0.9    0.2943 0.0963]
    """

    share: float
    name = "keep-top"

    def __post_init__(self) -> None:
        remedy = "give a share above 0 and at most 1"
        value = number("share", self.share, 0.0, 1.0, remedy)
        if value == 0:
            raise invalid("share", self.share, remedy)
        object.__setattr__(self, "share", value)
        super().__post_init__()

    @property
    def plain(self) -> bool:
        """Whether it changes nothing."""
        return self.share == 1

    def options(self) -> dict[str, Any]:
        """Return the share."""
        return {"share": self.share}

    def noise(self, rng: np.random.Generator, count: int) -> Floats:
        """Draw standard normal numbers above their upper quantile."""
        from scipy.special import ndtri

        return np.asarray(-ndtri(self.share * (1 - rng.random(count))))

    def cumulants(self) -> Cumulants:
        """Return the cumulants of a truncated normal law: E Y^j = (j-1) E Y^(j-2) + z^(j-1) e."""
        from scipy.special import ndtri

        z = -float(ndtri(self.share))
        e = float(np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)) / self.share
        m2 = 1 + z * e
        m3 = 2 * e + z**2 * e
        return Cumulants.of([e, m2, m3, 3 * m2 + z**3 * e])

    def kept(
        self,
        draw: Callable[[int], Any],
        scored: Callable[[Any], Floats],
        taken: Callable[[Any, Any], Any],
        count: int,
        rng: np.random.Generator,
        model: Any,
    ) -> Any:
        """Return rows above the model's own quantile."""
        del rng
        if not hasattr(model, "reward_quantile"):
            raise InvalidInput(
                f"sampling = {self!r} needs the quantile of the model's own rewards, and "
                f"{type(model).__name__} has no reward_quantile(reward, share): to keep the top of "
                "a finite batch is another law; BestOf(k) takes any model"
            )
        least, kept, parts = model.reward_quantile(self.reward, 1 - self.share), 0, []
        for _ in range(MOST_DRAWN):
            rows = draw(int(np.ceil((count - kept) / self.share)) + 1)
            parts.append(taken(rows, np.flatnonzero(scored(rows) >= least)[: count - kept]))
            kept += len(parts[-1])
            if kept == count:
                return parts
        raise InvalidInput(f"sampling = {self!r}: of {MOST_DRAWN} batches hardly a row was kept")


@dataclass(frozen=True, repr=False)
class Pairwise(Selection):
    r"""Of two rows A and B keep A with the probability F(r(A) - r(B)), as a rater who prefers it.

    Parameters
    ----------
    preference
        A number beta, F(u) = 1/(1 + e^(-beta u)), the model of Bradley and Terry (1952); or the
        function F from an array of differences to probabilities, F(-u) = 1 - F(u).
    reward
        What is better: None is the row itself, in one dimension; a direction, one number per
        column; or, for `run`, a function from rows to one number per row.
    scaled
        Whether differences are divided by the standard deviation of the model's own rewards, as
        theory needs it; else they are in the reward's own unit.

    Raises
    ------
    InvalidInput
        If `preference` is no such function, which is looked at in many points, or `reward` is none
        of these.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> loop = mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 3, sampling=mc.Pairwise(1.0))
    >>> print(mc.predict(loop)["variance"].round(4))
    [0.9    0.7032 0.5494]
    """

    preference: Any = 1.0
    _: KW_ONLY
    scaled: bool = True
    name = "pairwise"

    def __post_init__(self) -> None:
        truth_value("scaled", self.scaled)
        if is_number(self.preference):
            object.__setattr__(self, "preference", number("preference", self.preference))
        elif not callable(self.preference):
            raise invalid("preference", self.preference, "give a number beta, or a function F")
        u = np.concatenate([[0.0], np.geomspace(1e-6, 40, 400)])
        up, down = self.chance(u), self.chance(-u)
        if np.abs(up + down - 1).max() > FLAT:
            at = float(u[np.abs(up + down - 1).argmax()])
            raise invalid(
                "preference",
                self.preference,
                f"F(u) + F(-u) is not 1 at u = {at:.3g}: whether A or B comes first must not count",
            )
        super().__post_init__()

    @property
    def plain(self) -> bool:
        """Whether it changes nothing."""
        return is_number(self.preference) and self.preference == 0

    def chance(self, differences: Floats) -> Floats:
        """Return the probability to keep the first of two, for differences of any shape."""
        if is_number(self.preference):
            from scipy.special import expit

            with np.errstate(under="ignore"):
                return np.asarray(expit(self.preference * differences))
        found = reals("preference(u)", self.preference(differences), "return probabilities")
        if found.shape != differences.shape or not ((found >= 0) & (found <= 1)).all():
            raise invalid("preference", self.preference, "return a probability for each difference")
        return found

    def options(self) -> dict[str, Any]:
        """Return the preference, and whether it is scaled."""
        return {"preference": self.preference, "scaled": self.scaled}

    def noise(self, rng: np.random.Generator, count: int) -> Floats:
        """Draw two standard normal numbers, and keep one."""
        first, second = rng.standard_normal((2, count))
        wins = rng.random(count) < self.chance(first - second)
        return np.asarray(np.where(wins, first, second))

    def cumulants(self) -> Cumulants:
        """Return the cumulants: with D = A - B, those of even order know nothing of F.

        A = D/2 + C with C independent of D ~ N(0, 2), so E Y = E D F(D),
        E Y^3 = E (2F(D) - 1)(D^3/8 + 3D/4), E Y^2 = 1 and E Y^4 = 3.
        """
        from scipy.integrate import quad

        def odd(power: int, u: float) -> float:
            tilt = 2 * float(self.chance(np.array([u]))[0]) - 1
            weight: float = tilt * u**power * np.exp(-(u**2) / 4) / np.sqrt(4 * np.pi)
            return weight

        def integral(power: int) -> float:
            edges = [0.0, 1e-3, 1e-2, 0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 40.0]
            options = {"epsabs": 1e-15, "epsrel": 1e-13, "limit": 200}
            parts = [quad(partial(odd, power), a, b, **options)[0] for a, b in pairwise(edges)]
            return 2 * float(sum(parts))

        first, third = integral(1), integral(3)
        return Cumulants.of([first / 2, 1.0, third / 8 + 3 * first / 4, 3.0])

    def kept(
        self,
        draw: Callable[[int], Any],
        scored: Callable[[Any], Floats],
        taken: Callable[[Any, Any], Any],
        count: int,
        rng: np.random.Generator,
        model: Any,
    ) -> Any:
        """Return the preferred row of each pair."""
        unit = 1.0
        if self.scaled:
            if not hasattr(model, "reward_deviation"):
                raise InvalidInput(
                    f"sampling = {self!r} needs the standard deviation of the model's own rewards, "
                    f"and {type(model).__name__} has no reward_deviation(reward): give "
                    "Pairwise(..., scaled=False), whose differences are in the reward's own unit"
                )
            unit = model.reward_deviation(self.reward)
        rows = draw(2 * count)
        first, second = scored(rows).reshape(count, 2).T
        with np.errstate(invalid="ignore", divide="ignore"):
            differences = np.nan_to_num((first - second) / unit)  # a model without spread has none
        loses = rng.random(count) >= self.chance(differences)
        return taken(rows, 2 * np.arange(count) + loses)
