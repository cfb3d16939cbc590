"""The kernel density estimator: a kernel on every training row."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from modelcollapse._support.checks import (
    Floats,
    columns,
    generator,
    require_fit,
    row_count,
    rows,
    shares,
    whole,
)
from modelcollapse._support.errors import InvalidInput
from modelcollapse.families.kde import bandwidth as bandwidths
from modelcollapse.families.kde.kernel import GAUSSIAN, Kernel, as_kernel
from modelcollapse.families.kde.spread import inverse, require_covariances, spread_for
from modelcollapse.loop.truth import Truth, as_truth

if TYPE_CHECKING:
    from modelcollapse.families.kde.bandwidth import Bandwidth
    from modelcollapse.loop.experiment import Experiment, Lazy, Prediction, Request

CHUNK = 2**20  # numbers held at once by kernels that are scored without compiled code


class KDE:
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
        The number of columns d.
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
    """

    extra = ("mise", "draw")
    no_temperature = (
        "a kernel density has no tempered sampler in closed form; change the bandwidth instead "
        "and leave the temperature at 1.0"
    )
    rows_: Floats
    weights_: Floats
    bandwidth_: float
    scoring_bandwidth_: float

    def __init__(
        self,
        bandwidth: Any = None,
        kernel: str | Kernel = "gaussian",
        dim: int = 1,
        scoring_bandwidth: Any = None,
    ) -> None:
        self.bandwidth: Bandwidth = bandwidths.checked("bandwidth", bandwidth)
        self.kernel = as_kernel(kernel)
        self.dim = whole("dim", dim)
        self.scoring_bandwidth: Bandwidth | None = None
        if scoring_bandwidth is not None:
            self.scoring_bandwidth = bandwidths.checked("scoring_bandwidth", scoring_bandwidth)

    def __repr__(self) -> str:
        parts = [f"bandwidth={self.bandwidth!r}"]
        if self.kernel is not GAUSSIAN:
            parts.append(f"kernel={self.kernel.name!r}")
        parts.append(f"dim={self.dim}")
        if self.scoring_bandwidth is not None:
            parts.append(f"scoring_bandwidth={self.scoring_bandwidth!r}")
        return f"KDE({', '.join(parts)})"

    def _key(self) -> tuple[Any, ...]:
        return self.bandwidth, self.kernel, self.dim, self.scoring_bandwidth

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KDE) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def described(self, generations: int | None = None) -> dict[str, Any]:
        """Return the model as plain data, but for a kernel of one's own; schedules up to T."""
        parts = {
            "model": "kde",
            "dim": self.dim,
            "bandwidth": bandwidths.plain(self.bandwidth, generations),
            "kernel": self.kernel.name if self.kernel.built_in else self.kernel,
        }
        if self.scoring_bandwidth is not None:
            parts["scoring_bandwidth"] = bandwidths.plain(self.scoring_bandwidth, generations)
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
        for name in ("bandwidth", "scoring_bandwidth"):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) < generations:
                raise bandwidths.too_short(name, value, generations)
            if callable(value):
                for t in range(1, generations + 1):
                    bandwidths.at(value, t, 1.0, self.dim, name)

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
        self.rows_ = columns(rows("X", X), self.dim)
        self.weights_ = shares(sample_weight, len(self.rows_))
        t, effective = whole("generation", generation), 1 / float(self.weights_ @ self.weights_)
        self.bandwidth_ = bandwidths.at(self.bandwidth, t, effective, self.dim, "bandwidth")
        self.scoring_bandwidth_ = self.bandwidth_
        own = self.scoring_bandwidth
        if own is not None:
            self.scoring_bandwidth_ = bandwidths.at(
                own, t, effective, self.dim, "scoring_bandwidth"
            )
        self._factor = spread_for(self.bandwidth, self.rows_, self.weights_)
        self._scoring_factor = self._factor
        if own is not None:
            self._scoring_factor = spread_for(own, self.rows_, self.weights_)
        return self

    def sample(self, n: int, random_state: Any = None) -> Floats:
        """Draw rows, shape (n, d): a training row, plus the bandwidth times a kernel's draw.

        `random_state` is None, an integer or a numpy Generator.
        """
        require_fit(self, "rows_")
        n, rng = row_count("n", n), generator(random_state)
        parents = rng.choice(len(self.rows_), size=n, p=self.weights_)
        noise = self.kernel.noise(n, self.dim, rng)
        if self._factor is not None:
            noise = noise @ self._factor.matrix.T
        return np.asarray(self.rows_[parents] + self.bandwidth_ * noise)

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
        require_fit(self, "rows_")
        points, train = columns(rows("X", X), self.dim), self.rows_
        h, shift = self.scoring_bandwidth_, 0.0
        if h == 0:
            raise InvalidInput(
                "bandwidth = 0: the fit is the rows themselves and has no density; give "
                "scoring_bandwidth a number above 0, or do not score"
            )
        if self._scoring_factor is not None:
            back, shift = inverse(self._scoring_factor)
            points, train = (points - train[0]) @ back, (train - train[0]) @ back
        if self.kernel is GAUSSIAN:
            from modelcollapse.families.kde import scoring  # compiled code, which is slow to import

            return scoring.log_densities(points, train, h, weights=self.weights_) - shift
        return self._chunked(points, train, h) - shift

    def _chunked(self, points: Floats, train: Floats, h: float) -> Floats:
        """Score any kernel, with a bounded number of pairs at a time."""
        from scipy.special import logsumexp

        result = np.empty(len(points))
        step = max(1, CHUNK // (len(train) * self.dim))
        for start in range(0, len(points), step):
            cut = slice(start, start + step)
            with np.errstate(over="ignore"):  # infinitely far is outside
                gaps = (points[cut, None, :] - train) / h
                squares = (gaps**2).sum(axis=2)
            logs = np.asarray(self.kernel.log_density(squares, self.dim))
            with np.errstate(divide="ignore"):
                result[cut] = logsumexp(logs, axis=1, b=self.weights_)
        return np.asarray(result - self.dim * np.log(h))
