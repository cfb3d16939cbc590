"""Expected determinants, minors, and bounds on the logarithm."""

from dataclasses import replace

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.gaussian.determinant_bounds import log_variance_bound, square_bound
from modelcollapse.families.gaussian.determinants import (
    accumulate_limit,
    log_minors,
    minors,
    subsample_limit,
)
from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.ledger.claims import Design, ExactClaim, MeanClaim, mean_claim
from modelcollapse.ledger.entries.gaussian.common import ANY
from modelcollapse.ledger.entries.gaussian.enclosures import T_LIMIT
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import (
    EPS,
    Value,
    constant,
    expectation,
    fixed,
    quantity,
)
from modelcollapse.loop.experiment import Experiment, Trajectories, predict
from modelcollapse.loop.truth import Normal
from modelcollapse.workflows import Accumulate, AccumulateSubsample, Replace

DERIVED = "derived here: theory/gaussian_determinant.py"
SPECTRUM = "derived here: theory/gaussian_spectrum.py"
NORMAL = "simulated for a normal truth"
T = 5


def replaced() -> Experiment:
    """Replace, d = 3, n = 15."""
    return Experiment(Gaussian(3), Replace(), samples=15, generations=4)


def replaced_unbiased() -> Experiment:
    """The same with the unbiased covariance."""
    return Experiment(Gaussian(3, ddof=1), Replace(), samples=15, generations=4)


def pooled() -> Experiment:
    """Accumulate, d = 3, n = 20."""
    return Experiment(Gaussian(3), Accumulate(), samples=20, generations=T)


def scheduled() -> Experiment:
    """Accumulate in batches of different sizes, the unbiased covariance, a hot sampler."""
    sizes = [20, 10, 40, 15]
    return Experiment(Gaussian(3, ddof=1), Accumulate(), sizes, 4, temperature=1.2)


def slanted() -> Experiment:
    """Accumulate from a truth whose spectrum is 4, 1, 1/4."""
    truth = Normal(np.zeros(3), np.diag([4.0, 1.0, 0.25]))
    return Experiment(Gaussian(3), Accumulate(), 20, T, truth=truth)


def subsampled() -> Experiment:
    """Accumulate-subsample at the batch size, d = 2."""
    return Experiment(Gaussian(2), AccumulateSubsample(), samples=10, generations=2)


MILLION = 1_000_000
REPLACED, UNBIASED = Design(replaced, MILLION), Design(replaced_unbiased, MILLION)
POOLED, SCHEDULED = Design(pooled, MILLION), Design(scheduled, MILLION)
SLANTED = Design(slanted, 400_000, extra=("minors",))
SUBSAMPLED = Design(subsampled, MILLION)


def _minor(m: int, t: int) -> Value:
    """Return E e_m(S_t) / e_m(S_0), in place of the determinant's."""
    return lambda e: float(np.exp(log_minors(e, m)[t - 1]))


def _power(t: int) -> Value:
    """Return the factor of the variance to the power of the dimension."""
    return lambda e: float(predict(e)["variance"][t - 1] ** e.model.dim)


def _variance(m: int, t: int) -> Value:
    return lambda e: float(square_bound(e, m)[t - 1] - _minor(m, t)(e) ** 2)


def _second_minors(runs: Trajectories) -> Floats:
    found: Floats = runs["minors"][:, -1, 1]
    return found


def _gain(runs: Trajectories) -> Floats:
    logs = runs["log_determinant"]
    return np.asarray(np.exp(logs[:, 1] - logs[:, 0]))


def _gained(**changes: object) -> Value:
    """Return E det S_2 / E det S_1: where all of batch 1 is trained on, that of the ratio."""

    def value(e: Experiment) -> float:
        found = predict(replace(e, **changes) if changes else e)["determinant"]  # type: ignore[arg-type]
        return float(found[1] / found[0])

    return value


def _columns(e: Experiment) -> float:
    """Return the ratio that it would be with a column less."""
    first, second = log_minors(e, e.model.dim - 1)[:2]
    return float(np.exp(second - first))


def _gain_variance(e: Experiment) -> float:
    """Bound the variance of det S_2 / det S_1, k = n of 2n rows, in coordinates where S_1 = 1.

    det S <= (tr S / d)^d, and k tr S_2 is at most A + B, the squared lengths of the rows of batch
    1 that were drawn, and of the k - j others, a chi-square with d (k - j) degrees of freedom. All
    of A's rows together have n d, so E A^p <= (n d)^(p - 1) E A = (n d)^p / 2. The more rows A has
    the fewer has B: by Chebyshev's inequality E A^p B^q <= E A^p E B^q.
    """
    from scipy.stats import hypergeom

    n, d = int(e.sizes[0]), e.model.dim
    order = 2 * d
    others = np.arange(n + 1)
    chances = hypergeom(2 * n, n, n).pmf(others)
    steps = d * others[:, None] + 2 * np.arange(order)
    powers = np.concatenate([np.ones((n + 1, 1)), np.cumprod(steps, axis=1)], axis=1)
    b = chances @ powers
    a = np.array([1.0, *[(n * d) ** p / 2 for p in range(1, order + 1)]])
    ways = np.array([1.0])
    for _ in range(order):
        ways = np.convolve(ways, [1.0, 1.0])
    square = float((ways * a * b[::-1]).sum() / (n * d) ** order)
    return square - _gained()(e) ** 2


def _bound(name: str) -> Value:
    return lambda e: float(predict(e)[name][-1])


def _log_spread(e: Experiment) -> float:
    return float(log_variance_bound(e)[-1])


def limit_enclosure() -> tuple[float, float, float]:
    """A factor lacks x <= C(D, 2)/(n s^2) of 1, D = d + 1, as 1 - (n)_j/n^j <= j (j - 1)/(2n)."""
    n, d = 10, 3
    e = Experiment(Gaussian(d), Accumulate(), n, T_LIMIT)
    reached, slack = float(predict(e)["determinant"][-1]), 8 * (d + 1) * T_LIMIT * EPS
    pairs = d * (d + 1) / (2 * n)
    low = reached * np.exp(-pairs / T_LIMIT / (1 - pairs / T_LIMIT**2)) * (1 - slack)
    return float(predict(e).limits["determinant"]), float(low), reached * (1 + slack)


def subsample_enclosure() -> tuple[float, float, float]:
    """A step of the pool takes at most C(3, 2)/(t + 1)^2: two of three columns' rows are new."""
    n, d, last = 10, 2, 20_000
    e = Experiment(Gaussian(d), AccumulateSubsample(), n, last)
    prediction, rows = predict(e), n * last
    # Of the pool, of which the subset keeps (n)_D/n^D over (N)_D/N^D.
    reached = float(prediction["determinant"][-1]) * (1 - 1 / rows) * (1 - 2 / rows)
    ahead, slack = 3 / last, 16 * last * EPS
    low = reached * np.exp(-ahead / (1 - ahead)) * (1 - slack)
    return float(prediction.limits["determinant"]), low, reached * (1 + slack)


THEOREMS = [
    Theorem(
        "gaussian/replace/determinant",
        "Under replace the expected determinant is multiplied by (1 - 1/n)...(1 - d/n) each "
        "generation.",
        r"E\det S_t=\det S_0\left[\prod_{i\le d}\left(1-\frac in\right)\right]^t",
        DERIVED,
        f"{ANY}; {NORMAL}; ddof 0",
        "law",
        "d=3 n=15 t=3",
        mean_claim(
            REPLACED,
            "determinant",
            3,
            {
                "without the mean's column": _minor(2, 3),
                "the variance's factor to the power d": _power(3),
                "one generation late": expectation("determinant", 4),
                "the unbiased estimator's": expectation("determinant", 3, model=Gaussian(3, 1)),
            },
        ),
    ),
    Theorem(
        "gaussian/replace/determinant-unbiased",
        "The unbiased covariance keeps its expectation under replace, and the expected determinant "
        "falls even so.",
        r"E\det S_t=\det S_0\left[\prod_{i\le d}\frac{n-i}{n-1}\right]^t",
        DERIVED,
        f"{ANY}; {NORMAL}; ddof 1",
        "law",
        "d=3 n=15 t=3",
        mean_claim(
            UNBIASED,
            "determinant",
            3,
            {
                "preserved, as the variance": constant(1.0),
                "maximum likelihood's": expectation("determinant", 3, model=Gaussian(3)),
                "one generation late": expectation("determinant", 4),
                "without the mean's column": _minor(2, 3),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/determinant",
        "Under accumulate the expected determinant has the factor P_D(t)/t^D, D = d + 1, a sum "
        "over permutations of D letters.",
        r"E\det S_t=\det S_0\prod_{s\le t}\frac{P_D(s)}{s^D},\ "
        r"P_D(s)=\sum_j\binom Dj(s-1)^{D-j}\frac{(n)_j}{n^j}",
        DERIVED,
        f"{ANY}, equal batches; {NORMAL}; ddof 0",
        "law",
        f"d=3 n=20 t={T}",
        MeanClaim(
            POOLED,
            quantity("determinant", T),
            expectation("determinant", T),
            _variance(3, T),
            {
                "D = d": _minor(2, T),
                "the variance's factor to the power d": _power(T),
                "replace's": expectation("determinant", T, workflow=Replace()),
                "accumulate-subsample's": expectation(
                    "determinant", T, workflow=AccumulateSubsample()
                ),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/determinant-any-schedule",
        "It is a product for any batch sizes, ddof and temperature: a batch is drawn from a "
        "multiple of the pool's covariance about its mean.",
        r"\frac{E\det S'}{E\det S}=\sum_j\left[\binom djh^j+\binom d{j-1}h^{j-1}\right]"
        r"\left(\frac N{N'}\right)^{D-j}\frac{(n)_j}{N'^j},\ h=\frac{\lambda N}{N-c}",
        DERIVED,
        f"{ANY}; {NORMAL}; S with the divisor N",
        "law",
        "d=3 n=20,10,40,15 ddof=1 lambda=1.2 t=4",
        MeanClaim(
            SCHEDULED,
            quantity("determinant", 4),
            expectation("determinant", 4),
            _variance(3, 4),
            {
                "temperature 1": expectation("determinant", 4, temperature=1.0, sampling=None),
                "maximum likelihood's": expectation("determinant", 4, model=Gaussian(3)),
                "equal batches of the mean size": expectation("determinant", 4, samples=21),
                "the variance's factor to the power d": _power(4),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/minors",
        "The m-th coefficient of the fit's characteristic polynomial follows the determinant's "
        "law in dimension m, whatever the spectrum.",
        r"E e_m(S_t)=e_m(S_0)\prod_{s\le t}\frac{P_{m+1}(s)}{s^{m+1}}",
        DERIVED,
        f"{ANY}, equal batches; {NORMAL}; ddof 0",
        "law",
        f"d=3 n=20 spectrum=4,1,1/4 m=2 t={T}",
        MeanClaim(
            SLANTED,
            _second_minors,
            lambda e: float(minors(e)[-1, 1]),
            _variance(2, T),
            {
                "the determinant's": expectation("determinant", T),
                "the variance's": expectation("variance", T),
                "replace's": lambda e: float(minors(replace(e, workflow=Replace()))[-1, 1]),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/determinant-limit",
        "Under accumulate the expected determinant tends to a product over the zeros of a Laguerre "
        "polynomial, above 0 exactly if n > d.",
        r"\lim E\det S_t=\det S_0\prod_{i\le D}\frac1{\Gamma(x_i/n)},\ L_D^{(n-D)}(x_i)=0",
        DERIVED,
        "equal batches; ddof 0",
        "limit",
        f"d=3 n=10 t={T_LIMIT}",
        ExactClaim(
            limit_enclosure,
            {
                "the variance's to the power d": lambda: accumulate_limit(10, 1) ** 3,
                "D = d": lambda: accumulate_limit(10, 2),
                "to leading order": fixed(1 - 6 * np.pi**2 / 60),
                "2 % more": lambda: 1.02 * accumulate_limit(10, 3),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/log-determinant-upper",
        "The expected log-determinant under accumulate is at most the first fit's and what Gauss' "
        "rule says of each step, or the logarithm of what the expected determinant gains.",
        r"E\log\det S_t\le E\log\det S_1+\min\left(\sum_sd\,G_4[\log],\ "
        r"\log\frac{E\det S_t}{E\det S_1}\right)",
        SPECTRUM,
        "the truth is normal, any batch sizes, ddof and temperature",
        "bound",
        f"d=3 n=20 t={T}",
        MeanClaim(
            POOLED,
            quantity("log_determinant", T),
            _bound("log_determinant_upper"),
            _log_spread,
            {
                "replace's": expectation("log_determinant", T, workflow=Replace()),
                "the first fit's three times": lambda e: (
                    3 * float(predict(e)["log_determinant_upper"][0])
                ),
                "with half the rows": expectation("log_determinant_upper", T, samples=10),
            },
            side="above",
            signed=True,
        ),
    ),
    Theorem(
        "gaussian/accumulate/log-determinant-lower",
        "Under accumulate the expected log-determinant is at least what the rule with a node at "
        "the lower end of each step's spectrum says: the determinant does not vanish.",
        r"E\log\det S_t\ge E\log\det S_1+\sum_sd\,R_5[\log]",
        SPECTRUM,
        "the truth is normal, any batch sizes, ddof and temperature",
        "bound",
        f"d=3 n=20 t={T}",
        MeanClaim(
            POOLED,
            quantity("log_determinant", T),
            _bound("log_determinant_lower"),
            _log_spread,
            {
                "nothing is lost": constant(0.0),
                "the variance's": lambda e: float(np.log(predict(e)["variance"][-1])),
                "with eight times the rows": expectation("log_determinant_lower", T, samples=160),
            },
            side="below",
            signed=True,
        ),
    ),
    Theorem(
        "gaussian/accumulate-subsample/determinant",
        "Under accumulate-subsample it is a product too: j rows of the pool are all among the k "
        "that are trained on with probability (k)_j/(N)_j.",
        r"\frac{G'}G=\sum_j\binom Dj\left(\frac N{N'}\right)^{D-j}\frac{(n)_j}{N'^j}"
        r"\frac{N^j(k)_j}{k^j(N)_j},\ E\det S=G\,\frac{N^D(k)_D}{k^D(N)_D}",
        DERIVED,
        f"{ANY}, any budget; {NORMAL}; ddof 0",
        "law",
        "d=2 n=10 t=2",
        MeanClaim(
            SUBSAMPLED,
            _gain,
            _gained(),
            _gain_variance,
            {
                "accumulate's": _gained(workflow=Accumulate()),
                "replace's": _gained(workflow=Replace()),
                "without the mean's column": _columns,
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate-subsample/determinant-limit",
        "At a fixed budget the expected determinant tends to a ratio of gamma functions of the "
        "zeros of a polynomial: above 0 where a subset has more rows than columns.",
        r"\lim E\det S_t=\det\Sigma_0\left(\frac{(n)_D}{n^D}\right)^2"
        r"\frac{\prod_{0<i<D}\Gamma(1-i/n)}{\prod_{R(r)=0}\Gamma(1-r)}",
        DERIVED,
        f"{ANY}, equal batches, budget n; ddof 0",
        "limit",
        "d=2 n=10 t=20000",
        ExactClaim(
            subsample_enclosure,
            {
                "accumulate's": lambda: accumulate_limit(10, 2),
                "one dimension's, squared": lambda: subsample_limit(10, 1) ** 2,
                "the pool's": lambda: subsample_limit(10, 2) / 0.72,
                "nothing": fixed(0.0),
            },
        ),
    ),
]
