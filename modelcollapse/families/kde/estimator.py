"""The kernel density estimator: a kernel on every training row."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from modelcollapse._support.checks import (
    Floats,
    generator,
    optional,
    require_fit,
    row_count,
    shares,
    whole,
)
from modelcollapse._support.errors import InvalidInput, shown
from modelcollapse._support.spread import Spread
from modelcollapse.families.kde import bandwidth as bandwidths
from modelcollapse.families.kde.kernel import GAUSSIAN, Kernel, as_kernel
from modelcollapse.families.kde.spread import inverse, require_covariances, spread_for
from modelcollapse.loop.convention import Estimator, renamed
from modelcollapse.loop.truth import Truth, as_truth

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment, Lazy, Prediction, Request

CHUNK = 2**20  # numbers held at once by kernels that are scored without compiled code


class KDE(Estimator):
    r"""A kernel density estimate: a mixture of kernels, one on every training row.

    Parameters
    ----------
    bandwidth
        Required. A number h >= 0, in the data's unit; 0 resamples the rows (the bootstrap) and
        has no density. Or a rule: "scott" and "silverman" as in scikit-learn (from the number of
        rows alone; of weighted rows, the effective number 1 / sum w^2), "scipy-scott" and
        "scipy-silverman" as in SciPy (a factor of the rows' covariance). Or a schedule: a
        `PowerBandwidth`, a sequence with one number per generation, or a function of the
        generation t = 1, 2, ...
    kernel
        "gaussian", "tophat" or "epanechnikov" (radial, as in scikit-learn), or a
        `modelcollapse.kde.Kernel`.
    dim
        The number of columns d. None is as many as there are: in `fit` those of the rows, in an
        experiment those of the truth, and 1 without a truth.
    scoring_bandwidth
        The bandwidth of the density that is scored, of any of these kinds; None is the
        generator's own.

    Attributes
    ----------
    rows_
        Training rows, shape (N, d).
    weights_
        Their weights, which sum to 1, shape (N,).
    bandwidth_, scoring_bandwidth_
        What is used by `sample` and by `score_samples`: h, or SciPy's factor.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> print(mc.KDE(0.5).fit([[0.0], [2.0]]).score_samples([[1.0]]).round(4))
    [-2.2258]
    """

    extra = ("mise", "draw")
    no_temperature = (
        "a kernel density has no tempered sampler in closed form; change the bandwidth instead "
        "and leave the temperature at 1.0"
    )
    family = "kde"
    rows_: Floats
    weights_: Floats
    bandwidth_: float
    scoring_bandwidth_: float
    _factor_: Spread | None
    _scoring_factor_: Spread | None

    def __init__(
        self,
        bandwidth: Any = None,
        kernel: str | Kernel = "gaussian",
        dim: int | None = None,
        scoring_bandwidth: Any = None,
    ) -> None:
        self.bandwidth = bandwidth
        self.kernel: Kernel = kernel  # type: ignore[assignment]  # of an experiment's model it is
        self.dim: int = dim  # type: ignore[assignment]  # one, and this is a number
        self.scoring_bandwidth = scoring_bandwidth

    def checked(self) -> dict[str, Any]:
        """Return the parameters in their normal form, or raise InvalidInput for a wrong one."""
        return {
            "bandwidth": bandwidths.checked("bandwidth", self.bandwidth),
            "kernel": as_kernel(self.kernel),
            "dim": optional(whole, "dim", self.dim),
            "scoring_bandwidth": optional(
                bandwidths.checked, "scoring_bandwidth", self.scoring_bandwidth
            ),
        }

    def __repr__(self) -> str:
        kernel = getattr(self.kernel, "name", self.kernel)
        usual = isinstance(kernel, str) and kernel == GAUSSIAN.name
        told = {**self.get_params(), "kernel": None if usual else kernel}
        options = (f"{name}={shown(value)}" for name, value in told.items() if value is not None)
        return f"{type(self).__name__}({', '.join(options)})"

    def described(self, generations: int | None = None) -> dict[str, Any]:
        """Return the model as plain data, but for a kernel of one's own; schedules up to T."""
        own = self.checked()
        parts = {
            "model": self.family,
            "dim": own["dim"],
            "bandwidth": bandwidths.plain(own["bandwidth"], generations),
            "kernel": own["kernel"].name if own["kernel"].built_in else own["kernel"],
        }
        if own["scoring_bandwidth"] is not None:
            parts["scoring_bandwidth"] = bandwidths.plain(own["scoring_bandwidth"], generations)
        return parts

    def as_truth(self, value: Any) -> Truth:
        """Return the truth: None is the standard normal, rows are drawn with replacement."""
        return as_truth(value, self.dim)

    def check(self, experiment: "Experiment") -> None:
        """Raise InvalidInput if the loop and the estimator do not fit together."""
        self.check_schedule(experiment.generations)
        for name in ("bandwidth", "scoring_bandwidth"):
            value = getattr(self, name)
            if value is not None and bandwidths.is_scaled(value):
                require_covariances(name, value, experiment)

    def check_schedule(self, generations: int) -> None:
        """Raise InvalidInput if a schedule ends too early or holds an unusable bandwidth."""
        own = self.checked()
        for name in ("bandwidth", "scoring_bandwidth"):
            value = own[name]
            if isinstance(value, tuple) and len(value) < generations:
                raise bandwidths.too_short(name, value, generations)
            if callable(value):
                for t in range(1, generations + 1):
                    bandwidths.at(value, t, 1.0, 1, name)

    def theory(self, experiment: "Experiment") -> "Prediction":
        """Return what is known of a loop: what `modelcollapse.predict` returns."""
        from modelcollapse.families.kde.predict import predict

        return predict(experiment)

    def simulation(self, experiment: "Experiment", request: "Request") -> "tuple[Lazy, int]":
        """Simulate a loop: what `modelcollapse.simulate` asks for."""
        from modelcollapse.families.kde.simulate import simulate

        return simulate(experiment, request)

    def fit(self, X: Any, y: None = None, sample_weight: Any = None, generation: int = 1) -> Self:
        """Keep rows X, shape (N, d), and optional non-negative row weights, shape (N,).

        Parameters
        ----------
        X
            The training rows.
        y
            Ignored, as in scikit-learn.
        sample_weight
            One weight per row, not all zero.
        generation
            Where a schedule is looked up, counted from 1; `run` passes it on.

        Raises
        ------
        InvalidInput
            If X is not finite or has another number of columns than `dim`, if the weights are
            unusable, or if a schedule ends before the generation.
        """
        del y
        own = self.settled()
        rows, seen = self._training(X, own.dim)
        weights = shares(sample_weight, len(rows))
        t, effective = whole("generation", generation), 1 / float(weights @ weights)
        h = scored = bandwidths.at(own.bandwidth, t, effective, seen.features, "bandwidth")
        factor = scoring_factor = spread_for(own.bandwidth, rows, weights)
        if (rule := own.scoring_bandwidth) is not None:
            scored = bandwidths.at(rule, t, effective, seen.features, "scoring_bandwidth")
            scoring_factor = spread_for(rule, rows, weights)
        return self._learn(
            seen,
            own,
            rows_=rows,
            weights_=weights,
            bandwidth_=h,
            scoring_bandwidth_=scored,
            _factor_=factor,
            _scoring_factor_=scoring_factor,
        )

    @renamed("n", "n_samples")
    def sample(self, n_samples: int = 1, random_state: Any = None) -> Floats:
        """Draw rows: a training row, plus the bandwidth times a kernel's draw.

        Parameters
        ----------
        n_samples
            The number of rows.
        random_state
            None, an integer, or a Generator or RandomState of NumPy.

        Returns
        -------
        Floats
            Shape (n_samples, d).
        """
        require_fit(self, "rows_")
        n, rng = row_count("n_samples", n_samples), generator(random_state)
        parents = rng.choice(len(self.rows_), size=n, p=self.weights_)
        noise = self._own_.kernel.noise(n, self.n_features_in_, rng)
        if self._factor_ is not None:
            noise = noise @ self._factor_.matrix.T
        return np.asarray(self.rows_[parents] + self.bandwidth_ * noise)

    def score(self, X: Any, y: Any = None) -> float:
        """Return the sum of the rows' log-densities in nats, as KernelDensity does."""
        del y
        return float(self.score_samples(X).sum())

    def score_samples(self, X: Any) -> Floats:
        """Return the log-density of each row of X in nats, shape (M,).

        An exact log-sum-exp over all training rows, at any distance from them; its memory does
        not grow with the number of pairs. Outside the support of a compact kernel it is minus
        infinity.

        Raises
        ------
        InvalidInput
            If the bandwidth is 0 or the rows' covariance is singular, as there is no density.
        """
        points = self._given(X)
        train, kernel = self.rows_, self._own_.kernel
        h, shift = self.scoring_bandwidth_, 0.0
        if h == 0:
            raise InvalidInput(
                "bandwidth = 0: the fit is the rows themselves and has no density; give "
                "scoring_bandwidth a number above 0, or do not score"
            )
        if self._scoring_factor_ is not None:
            back, shift = inverse(self._scoring_factor_)
            points, train = (points - train[0]) @ back, (train - train[0]) @ back
        if kernel is GAUSSIAN:
            from modelcollapse.families.kde import scoring  # compiled code, which is slow to import

            return scoring.log_densities(points, train, h, weights=self.weights_) - shift
        return self._chunked(points, train, h) - shift

    def _chunked(self, points: Floats, train: Floats, h: float) -> Floats:
        """Score any kernel, with a bounded number of pairs at a time."""
        from scipy.special import logsumexp

        result = np.empty(len(points))
        kernel, dim = self._own_.kernel, self.n_features_in_
        step = max(1, CHUNK // (len(train) * dim))
        for start in range(0, len(points), step):
            cut = slice(start, start + step)
            with np.errstate(over="ignore"):  # infinitely far is outside
                gaps = (points[cut, None, :] - train) / h
                squares = (gaps**2).sum(axis=2)
            logs = np.asarray(kernel.log_density(squares, dim))
            with np.errstate(divide="ignore"):
                result[cut] = logsumexp(logs, axis=1, b=self.weights_)
        return np.asarray(result - dim * np.log(h))
