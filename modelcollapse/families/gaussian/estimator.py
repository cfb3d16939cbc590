"""The Gaussian estimator: mean and covariance of its training rows."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from modelcollapse._support.checks import (
    Floats,
    generator,
    model_of,
    number,
    one_of,
    optional,
    positive,
    reals,
    require_fit,
    row_count,
    shares,
    whole,
)
from modelcollapse._support.errors import InvalidInput, NoClosedForm, invalid
from modelcollapse._support.spread import TINY, Spread, spread_of, spread_of_covariance
from modelcollapse.loop.convention import Estimator, renamed
from modelcollapse.loop.schedule import MOST_DENSE
from modelcollapse.loop.selection import Selection
from modelcollapse.loop.truth import Truth, as_truth

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment, Lazy, Prediction, Request

LEAST = 2 * float(np.sqrt(TINY))  # a deviation whose square has all its digits


class Gaussian(Estimator):
    """A multivariate normal fitted by its moments.

    Parameters
    ----------
    dim
        The number of columns d. None is as many as there are: in `fit` those of the rows, in an
        experiment those of the truth, and 1 without a truth.
    ddof
        0 divides the scatter by the number of rows N (maximum likelihood, as in the code of
        arXiv 2410.16713); 1 divides by N - 1 (unbiased). With row weights w that sum to 1 the
        divisor is 1 - ddof * sum w^2, which is the same for equal weights.
    floor
        What is added to every variance of the fitted covariance, so that it is S + floor * I: a
        finite number that is not negative, in the units of the rows squared. scikit-learn's
        GaussianMixture calls it `reg_covar`.

    Attributes
    ----------
    mean_
        Fitted mean, shape (d,).
    covariance_
        Fitted covariance, shape (d, d), with the floor.
    rank_
        Rank of the covariance, whatever the units of the columns are; below d when there are too
        few rows, or columns that are constant or made up of others but for rounding. Then
        samples lie in the fitted subspace.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> print(mc.Gaussian().fit([[1.0], [3.0]]).covariance_)
    [[1.]]
    """

    extra = ("log_pivots", "w2_squared", "test_log_loss", "minors")
    no_test = (
        "a Gaussian's test log-loss is computed exactly, without a test set: leave test out and, "
        'for dim > 1, give extra=["test_log_loss"]'
    )
    family = "gaussian"
    later: ClassVar = {"floor": 0.0}
    selects = True
    mean_: Floats
    covariance_: Floats
    rank_: int
    _spread_: Spread

    def __init__(self, dim: int | None = None, ddof: int = 0, floor: float = 0.0) -> None:
        self.dim: int = dim  # type: ignore[assignment]  # of an experiment's model it is a number
        self.ddof = ddof
        self.floor = floor

    def checked(self) -> dict[str, Any]:
        """Return the parameters, or raise InvalidInput for a wrong one."""
        remedy = "give 0 (maximum likelihood) or 1 (unbiased)"
        return {
            "dim": optional(whole, "dim", self.dim),
            "ddof": one_of("ddof", self.ddof, (0, 1), remedy),
            "floor": number("floor", self.floor, 0.0, remedy="give 0 or a finite number above"),
        }

    def as_truth(self, value: Any) -> Truth:
        """Return the truth: None is the standard normal, rows are drawn with replacement."""
        return as_truth(value, self.dim)

    def check(self, experiment: "Experiment") -> None:
        """Raise InvalidInput if a generation would have fewer than two training rows.

        A selection has to be along a direction in which the truth varies, and with a floor the
        truth has to vary in every direction.
        """
        rank, dim, floor = len(experiment.truth.spectrum), self.dim, self.floor
        if floor and rank < dim:
            raise invalid(
                "floor",
                floor,
                f"it adds variance to all {dim} directions, and the truth varies in {rank}: leave "
                "out columns that are constant or made up of others, or give floor=0",
            )
        if isinstance(experiment.sampling, Selection):
            from modelcollapse.families.gaussian.selected import check

            check(experiment)
        schedule = experiment.schedule
        if schedule.kind == "subset" and schedule.workflow.budget is not None:
            wanted = (schedule.workflow.wanted(n, t) for t, n in enumerate(schedule.listed, 1))
            if (least := min(wanted)) < 2:
                raise invalid("budget", least, "a covariance needs at least 2 rows")
        for generation, count in _small_trainings(experiment):
            if count < 2:
                raise InvalidInput(
                    f"samples = {experiment.samples!r}: generation {generation} would train on "
                    f"{count} row, and a covariance needs at least 2"
                )

    def theory(self, experiment: "Experiment") -> "Prediction":
        """Return what is known of a loop: what `modelcollapse.predict` returns."""
        if self.floor:
            from modelcollapse.families.gaussian import floored

            return floored.predict(experiment)
        if isinstance(experiment.sampling, Selection):
            from modelcollapse.families.gaussian import selected

            return selected.predict(experiment)
        from modelcollapse.families.gaussian.predict import predict

        return predict(experiment)

    def simulation(self, experiment: "Experiment", request: "Request") -> "tuple[Lazy, int]":
        """Simulate a loop: what `modelcollapse.simulate` asks for."""
        from modelcollapse.families.gaussian.simulate import simulate

        return simulate(experiment, request)

    def fit(self, X: Any, y: None = None, sample_weight: Any = None) -> Self:
        """Fit to rows X, shape (N, d), with optional non-negative row weights, shape (N,).

        Raises
        ------
        InvalidInput
            If X is not finite, has another number of columns than `dim`, or too few rows.
        """
        del y
        own = self.settled()
        X, seen = self._training(X, own.dim, minimum=2)
        spread = spread_of("X", X, shares(sample_weight, len(X)), own.ddof)
        for column, deviation in enumerate(spread.deviations.tolist()):
            if deviation and not LEAST < deviation < 1 / LEAST:
                raise InvalidInput(
                    f"X[:, {column}] has the standard deviation {deviation:.3g}, whose square "
                    f"leaves the range of floats: rescale it to between {LEAST:g} and {1 / LEAST:g}"
                )
        if own.floor:
            raised = spread.covariance + own.floor * np.eye(len(spread.mean))
            spread = spread_of_covariance(spread.mean, raised)
        mean, covariance, rank = spread.mean, spread.covariance, spread.rank
        return self._learn(
            seen, own, mean_=mean, covariance_=covariance, rank_=rank, _spread_=spread
        )

    @renamed("n", "n_samples")
    def sample(
        self, n_samples: int = 1, random_state: Any = None, temperature: float = 1.0
    ) -> Floats:
        """Draw rows from the fit, its covariance multiplied by the temperature.

        Parameters
        ----------
        n_samples
            The number of rows.
        random_state
            None, an integer, or a Generator or RandomState of NumPy.
        temperature
            A finite number above 0.

        Returns
        -------
        Floats
            Shape (n_samples, d).
        """
        require_fit(self, "mean_")
        n = row_count("n_samples", n_samples)
        factor = np.sqrt(positive("temperature", temperature)) * self._spread_.factor
        noise = generator(random_state).standard_normal((n, self.rank_))
        return np.asarray(self.mean_ + noise @ factor.T)

    def reward_quantile(self, reward: Any, share: float) -> float:
        """Return the value below which this share of the fit's rewards along a direction are."""
        from scipy.special import ndtri

        along = self._along(reward)
        return float(self.mean_ @ along + ndtri(share) * self.reward_deviation(reward))

    def reward_deviation(self, reward: Any) -> float:
        """Return the standard deviation of the fit's rewards along a direction."""
        require_fit(self, "mean_")
        return float(np.linalg.norm(self._spread_.factor.T @ self._along(reward)))

    def _along(self, reward: Any) -> Floats:
        require_fit(self, "mean_")
        if callable(reward):
            remedy = "the fit knows the law of rewards along a direction: give one, or BestOf(k)"
            raise invalid("reward", reward, remedy)
        along = np.ones(1) if reward is None else reals("reward", reward)
        if along.shape != self.mean_.shape:
            raise invalid("reward", reward, f"give {len(self.mean_)} numbers, one per column")
        return along

    def score_samples(self, X: Any) -> Floats:
        """Return the log-density of each row of X in nats, shape (N,).

        A fit of lower rank has a density only on its own subspace: there the density on that
        subspace is returned, and minus infinity elsewhere.
        """
        X = self._given(X)
        centred, spread = X - self.mean_, self._spread_
        constant = self.rank_ * np.log(2 * np.pi) / 2 + spread.log_volume
        with np.errstate(over="ignore"):  # infinitely far is outside
            scores = ((centred @ spread.whitening) ** 2).sum(axis=1)
        return np.asarray(np.where(spread.within(centred), -constant - scores / 2, -np.inf))


def _small_trainings(e: "Experiment") -> Iterator[tuple[int, int]]:
    """Yield (generation, training rows) where a schedule could leave fewer than two.

    Of built-in workflows only batches of one row can; where the pool, or a budget of it, is
    trained on, only the first.
    """
    own = e.schedule.rule in ("", "weighted") and e.generations <= MOST_DENSE
    small = np.arange(1, e.generations + 1) if own else np.flatnonzero(e.sizes < 2) + 1
    if small.size and (e.schedule.budget is not None or e.schedule.pool):
        small = small[small == 1]
    if small.size and e.schedule.known:
        yield from ((t, e.schedule.trained(t)) for t in small.tolist())


def require_all_rows(e: "Experiment") -> None:
    """Raise unless a loop's Gaussian has no floor and trains on all rows it samples."""
    model_of(e, Gaussian)
    if isinstance(e.sampling, Selection):
        raise NoClosedForm(f"sampling = {e.sampling!r}: known without a selection of rows")
    if e.model.floor:
        raise NoClosedForm(f"floor = {e.model.floor!r}: known without a floor")
