"""The six natural exponential families with a quadratic variance function (Morris, 1982).

The sum of n rows is in the same family again, so a batch's mean is one draw.
"""

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from modelcollapse._support.checks import Floats, positive, whole
from modelcollapse._support.errors import invalid
from modelcollapse.families.exponential import secant
from modelcollapse.families.exponential.estimator import LARGEST_COUNT, Family

if TYPE_CHECKING:
    from collections.abc import Callable

LAWS = NORMAL, POISSON, BINOMIAL, GAMMA, NEGATIVE_BINOMIAL = range(5)  # of compiled batches
LARGEST_RATE = 1e18  # NumPy's Poisson sampler ends at 9.2e18


class NormalMean(Family):
    """A normal law with a known variance: V(m) = variance, curvature 0.

    A row is one number, and the fit is the rows' mean: `mean_`, shape (1,). The truth of an
    experiment is its mean, any number; None is 0.

    Parameters
    ----------
    variance
        The known variance, above 0, in the units of the rows squared.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> loop = mc.Experiment(mc.NormalMean(variance=4.0), mc.Replace(), 10, 3, truth=1.5)
    >>> print(mc.predict(loop)["squared_error"].round(4))
    [0.1 0.2 0.3]
    """

    family: ClassVar[str] = "normal-mean"

    def __init__(self, variance: float = 1.0) -> None:
        self.variance = variance

    def checked(self) -> dict[str, Any]:
        """Return the parameter, or raise InvalidInput."""
        return {"variance": positive("variance", self.variance)}

    @property
    def coefficients(self) -> tuple[float, float, float]:
        """Return (variance, 0, 0)."""
        return self.variance, 0.0, 0.0

    @property
    def kernel(self) -> tuple[int, float]:
        """Return the compiled law and its parameter."""
        return NORMAL, float(self.variance)

    def batch_means(self, rng: np.random.Generator, mean: Floats, n: int) -> Floats:
        """Draw N(mean, variance / n)."""
        noise = rng.standard_normal(np.shape(mean))
        return np.asarray(mean + np.sqrt(self.variance / n) * noise)

    def conjugate(self, mean: float, rows: float) -> Any:
        """Return a normal law."""
        from scipy.stats import norm

        return norm(mean, np.sqrt(self.variance / rows))

    def log_density(self, x: Floats, mean: float) -> Floats:
        """Return the normal log-density."""
        scale = np.log(2 * np.pi * self.variance)
        return np.asarray(-0.5 * ((x - mean) ** 2 / self.variance + scale))


class PositiveFamily(Family):
    """What families on the positive half-line share."""

    @property
    def range(self) -> tuple[float, float]:
        """Return (0, inf)."""
        return 0.0, np.inf

    @property
    def standard(self) -> float:
        """Return 1."""
        return 1.0


class Poisson(PositiveFamily):
    """Poisson counts: V(m) = m, curvature 0.

    A row is one count, and the fit is the rows' mean: `mean_`, shape (1,). The truth of an
    experiment is its mean, strictly between 0 and infinity; None is 1.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> loop = mc.Experiment(mc.Poisson(), mc.Replace(), 10, 4, truth=0.5)
    >>> prediction = mc.predict(loop)
    >>> print(prediction["squared_error"].round(4), prediction["absorbed"].round(4))
    [0.1 0.2 0.3 0.4] [0.0067 0.0424 0.0961 0.1541]
    """

    family: ClassVar[str] = "poisson"
    counts: ClassVar[bool] = True

    @property
    def coefficients(self) -> tuple[float, float, float]:
        """Return (0, 1, 0)."""
        return 0.0, 1.0, 0.0

    @property
    def kernel(self) -> tuple[int, float]:
        """Return the compiled law and its parameter."""
        return POISSON, 1.0

    def batch_means(self, rng: np.random.Generator, mean: Floats, n: int) -> Floats:
        """Draw Poisson(n mean) / n."""
        return poisson(rng, n * np.asarray(mean)) / n

    def conjugate(self, mean: float, rows: float) -> Any:
        """Return a gamma law."""
        from scipy.stats import gamma

        return gamma(rows * mean, scale=1 / rows)

    def log_density(self, x: Floats, mean: float) -> Floats:
        """Return the log-probability; minus infinity off the whole numbers."""
        from scipy.special import gammaln, xlogy

        return on_counts(x, lambda k: xlogy(k, mean) - mean - gammaln(k + 1))


class Binomial(Family):
    """Successes of N = `trials` trials: V(m) = m (1 - m/N), curvature -1/N.

    A row is one count, and the fit is the rows' mean: `mean_`, shape (1,). The truth of an
    experiment is its mean, strictly between 0 and N; None is N/2.

    Parameters
    ----------
    trials
        The number N of trials in a row, at least 1.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> loop = mc.Experiment(mc.Binomial(trials=1), mc.Replace(), 10, 3, truth=0.25)
    >>> print(mc.predict(loop)["variance"].round(4))
    [0.9   0.81  0.729]
    """

    family: ClassVar[str] = "binomial"
    counts: ClassVar[bool] = True

    def __init__(self, trials: int = 1) -> None:
        self.trials = trials

    def checked(self) -> dict[str, Any]:
        """Return the parameter, or raise InvalidInput."""
        trials = whole("trials", self.trials)
        if trials > LARGEST_COUNT:
            raise invalid("trials", trials, f"give at most {LARGEST_COUNT:g}")
        return {"trials": trials}

    @property
    def coefficients(self) -> tuple[float, float, float]:
        """Return (0, 1, -1/N)."""
        return 0.0, 1.0, -1 / self.trials

    @property
    def range(self) -> tuple[float, float]:
        """Return (0, N)."""
        return 0.0, float(self.trials)

    @property
    def standard(self) -> float:
        """Return N/2."""
        return self.trials / 2

    def variance_function(self, mean: Floats | float) -> Floats | float:
        """Return m (N - m)/N, which is exactly 0 at both ends."""
        return mean * (self.trials - mean) / self.trials

    @property
    def kernel(self) -> tuple[int, float]:
        """Return the compiled law and its parameter."""
        return BINOMIAL, float(self.trials)

    def batch_means(self, rng: np.random.Generator, mean: Floats, n: int) -> Floats:
        """Draw Binomial(n N, mean / N) / n."""
        share = np.clip(np.asarray(mean) / self.trials, 0.0, 1.0)
        return np.asarray(rng.binomial(n * self.trials, share) / n)

    def conjugate(self, mean: float, rows: float) -> Any:
        """Return a beta law, of N times a probability."""
        from scipy.stats import beta

        return beta(rows * mean, rows * (self.trials - mean), scale=self.trials)

    def log_density(self, x: Floats, mean: float) -> Floats:
        """Return the log-probability; minus infinity off 0, ..., N."""
        from scipy.special import gammaln, xlog1py, xlogy

        N = self.trials
        p, q = mean / N, (N - mean) / N  # each with its digits where it is small

        def logs(k: Floats) -> Floats:
            choices = gammaln(N + 1) - gammaln(k + 1) - gammaln(N - k + 1)
            if p <= q:
                return np.asarray(choices + xlogy(k, p) + xlog1py(N - k, -p))
            return np.asarray(choices + xlog1py(k, -q) + xlogy(N - k, q))

        return np.where(x <= N, on_counts(np.minimum(x, N), logs), -np.inf)


class Gamma(PositiveFamily):
    """Gamma variables of a known shape: V(m) = m^2 / shape, curvature 1/shape.

    A row is one number, and the fit is the rows' mean: `mean_`, shape (1,). The truth of an
    experiment is its mean, strictly between 0 and infinity; None is 1.

    Parameters
    ----------
    shape
        The known shape, above 0; 1 is the exponential law.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> loop = mc.Experiment(mc.Gamma(shape=2.0), mc.Replace(), samples=10, generations=3)
    >>> print(mc.predict(loop)["variance"].round(4))
    [1.05   1.1025 1.1576]
    """

    family: ClassVar[str] = "gamma"

    def __init__(self, shape: float = 1.0) -> None:
        self.shape = shape

    def checked(self) -> dict[str, Any]:
        """Return the parameter, or raise InvalidInput."""
        return {"shape": positive("shape", self.shape)}

    @property
    def coefficients(self) -> tuple[float, float, float]:
        """Return (0, 0, 1/shape)."""
        return 0.0, 0.0, 1 / self.shape

    @property
    def kernel(self) -> tuple[int, float]:
        """Return the compiled law and its parameter."""
        return GAMMA, float(self.shape)

    def batch_means(self, rng: np.random.Generator, mean: Floats, n: int) -> Floats:
        """Draw mean * Gamma(n shape) / (n shape); what underflows to 0 stays there."""
        total = n * self.shape
        with np.errstate(under="ignore"):
            return np.asarray(mean * (rng.standard_gamma(total, np.shape(mean)) / total))

    def conjugate(self, mean: float, rows: float) -> Any:
        """Return an inverse gamma law."""
        from scipy.stats import invgamma

        total = rows * self.shape
        return invgamma(total + 1, scale=total * mean)

    def log_density(self, x: Floats, mean: float) -> Floats:
        """Return the gamma log-density; minus infinity at and below 0."""
        from scipy.special import gammaln

        a, rate = self.shape, self.shape / mean
        inside = np.where(x > 0, x, 1.0)
        logs = (a - 1) * np.log(inside) - rate * inside + a * np.log(rate) - gammaln(a)
        return np.where(x > 0, logs, -np.inf)


class NegativeBinomial(PositiveFamily):
    """Negative binomial counts of a known size r: V(m) = m + m^2/r, curvature 1/r.

    A row is one count, and the fit is the rows' mean: `mean_`, shape (1,). The truth of an
    experiment is its mean, strictly between 0 and infinity; None is 1.

    Parameters
    ----------
    size
        The known size r, above 0; 1 is the geometric law.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> loop = mc.Experiment(mc.NegativeBinomial(size=2.0), mc.Accumulate(), 10, 3)
    >>> print(mc.predict(loop)["inflation"].round(4))
    [1.     1.2625 1.3806]
    """

    family: ClassVar[str] = "negative-binomial"
    counts: ClassVar[bool] = True

    def __init__(self, size: float = 1.0) -> None:
        self.size = size

    def checked(self) -> dict[str, Any]:
        """Return the parameter, or raise InvalidInput."""
        return {"size": positive("size", self.size)}

    @property
    def coefficients(self) -> tuple[float, float, float]:
        """Return (0, 1, 1/r)."""
        return 0.0, 1.0, 1 / self.size

    @property
    def kernel(self) -> tuple[int, float]:
        """Return the compiled law and its parameter."""
        return NEGATIVE_BINOMIAL, float(self.size)

    def batch_means(self, rng: np.random.Generator, mean: Floats, n: int) -> Floats:
        """Draw a Poisson count of rate mean / r * Gamma(n r), over n."""
        rate = rng.standard_gamma(n * self.size, np.shape(mean)) * np.asarray(mean) / self.size
        return poisson(rng, rate) / n

    def conjugate(self, mean: float, rows: float) -> Any:
        """Return a beta prime law."""
        from scipy.stats import betaprime

        return betaprime(rows * mean, rows * self.size + 1, scale=self.size)

    def log_density(self, x: Floats, mean: float) -> Floats:
        """Return the log-probability; minus infinity off the whole numbers."""
        from scipy.special import gammaln, xlogy

        r, share = self.size, mean / (self.size + mean)

        def logs(k: Floats) -> Floats:
            choices = gammaln(k + r) - gammaln(r) - gammaln(k + 1)
            return np.asarray(choices + xlogy(k, share) - r * np.log1p(mean / r))

        return on_counts(x, logs)


class HyperbolicSecant(Family):
    """Generalised hyperbolic secant variables of a known size r: V(m) = r + m^2/r.

    The natural exponential family of the law with density |Gamma((r + ix)/2)|^2 up to a
    constant, curvature 1/r; r = 1 and m = 0 is the hyperbolic secant law sech(pi x/2)/2.

    A row is one number, and the fit is the rows' mean: `mean_`, shape (1,). The truth of an
    experiment is its mean, any number; None is 0.

    Parameters
    ----------
    size
        The known size r, above 0.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> loop = mc.Experiment(mc.HyperbolicSecant(size=2.0), mc.Replace(), 10, 3)
    >>> prediction = mc.predict(loop)
    >>> print(prediction["variance"].round(4), prediction.fates["variance"].verdict)
    [1.05   1.1025 1.1576] diverges
    """

    family: ClassVar[str] = "hyperbolic-secant"

    def __init__(self, size: float = 1.0) -> None:
        self.size = size

    def checked(self) -> dict[str, Any]:
        """Return the parameter, or raise InvalidInput."""
        return {"size": positive("size", self.size)}

    @property
    def coefficients(self) -> tuple[float, float, float]:
        """Return (r, 0, 1/r)."""
        return self.size, 0.0, 1 / self.size

    def batch_means(self, rng: np.random.Generator, mean: Floats, n: int) -> Floats:
        """Draw the law of size n r with the same tilt, over n."""
        return secant.draw(rng, n * self.size, np.asarray(mean) / self.size) / n

    def conjugate(self, mean: float, rows: float) -> Any:
        """Return a law of Pearson's type IV."""
        from modelcollapse.families.exponential.pearson import PearsonIV

        law = PearsonIV(name="pearson4")
        return law(m=rows * self.size / 2 + 1, nu=-rows * mean, scale=self.size)

    def log_density(self, x: Floats, mean: float) -> Floats:
        """Return the log-density."""
        return secant.log_density(x, self.size, mean / self.size)


def poisson(rng: np.random.Generator, rate: Floats) -> Floats:
    """Draw Poisson counts as floats; beyond 1e18 the normal law, whose distance is below 1e-9."""
    if np.max(rate, initial=0.0) < LARGEST_RATE:
        return rng.poisson(rate).astype(np.float64)
    beyond = rate > LARGEST_RATE
    usual = rng.poisson(np.where(beyond, 0.0, rate)).astype(np.float64)
    noise = rng.standard_normal(rate.shape)
    return np.where(beyond, rate + np.sqrt(rate) * noise, usual)


def on_counts(x: Floats, logs: "Callable[[Floats], Floats]") -> Floats:
    """Return logs(x) at whole numbers >= 0, minus infinity elsewhere."""
    whole_number = (x >= 0) & (x == np.floor(x))
    return np.where(whole_number, logs(np.where(whole_number, x, 0.0)), -np.inf)


FAMILIES: dict[str, type[Family]] = {
    f.family: f for f in (NormalMean, Poisson, Binomial, Gamma, NegativeBinomial, HyperbolicSecant)
}
