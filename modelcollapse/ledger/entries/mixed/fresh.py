"""Fresh real data each generation."""

from fractions import Fraction

import numpy as np

from modelcollapse.families.exponential import Gamma, NormalMean
from modelcollapse.ledger.claims import Design, ExactClaim, MeanClaim
from modelcollapse.ledger.entries.mixed.routes import (
    coins_with_fresh_data,
    heated_fixed_point,
    spectral_radius,
)
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import EPS, constant, fixed, quantity, same, spread
from modelcollapse.loop.experiment import Experiment
from modelcollapse.mixed.fresh import (
    fresh_critical_temperature,
    fresh_effective_samples,
    fresh_fixed_point,
    fresh_inflation,
    optimal_weight,
    stationary_law,
)
from modelcollapse.workflows import FreshData

DERIVED = "derived here: theory/mixed_data.py"
HE = "He, Xu & Cheng, JRSS B 2026, doi 10.1093/jrsssb/qkag099 (arXiv 2502.18049)"
STEPS = 10_000  # roundings of the routes that iterate
FLOAT = float


def weighted() -> Experiment:
    """Three fresh real rows with a fourth of the weight, and four sampled ones, 30 generations."""
    return Experiment(NormalMean(), FreshData(3, 4, 0.25), samples=3, generations=30)


WEIGHTED = Design(weighted, 100_000, at=(30,))


def _inflation(weight: Fraction) -> Fraction:
    """Return the inflation at n_r = 1, n_s = 3, v2 = 1, in rationals."""
    u = 1 - weight
    return (weight**2 + Fraction(1, 3) * u**2) / (1 - Fraction(4, 3) * u**2)


def _least() -> tuple[float, float, float]:
    """Enclose the least inflation by its least value on a grid of weights from 0.25 to 1.

    Near 1/2 the second derivative is below 8, so that the nearest of the points of step h is
    above the minimum by at most 8 (h/2)^2/2.
    """
    h = Fraction(1, 999)
    least = float(min(_inflation(Fraction(1, 4) + i * h) for i in range(749)))
    return float(optimal_weight(1, 3, 1.0)), least - float(h) ** 2 - EPS, least + EPS


def _best_place() -> tuple[float, float, float]:
    """Enclose the best weight between the neighbours of the best point of a grid."""
    h = Fraction(1, 1000)
    grid = [Fraction(1, 4) + i * h for i in range(750)]
    best = float(min(grid, key=_inflation))
    return 1 / 4, best - float(h), best + float(h)


def _bounded_worth() -> tuple[float, float, float]:
    """Return the largest of n_e - 2 n_r over real and sampled rows, and that 1 is not below."""
    real = np.arange(1, 60)[:, None]
    synthetic = np.geomspace(1, 1e12, 200)
    worth = fresh_effective_samples(real, synthetic, curvature=-1.0)
    return 1.0, float((worth - 2 * real).max()) - 1e-9, np.inf


def _prior_variance(real: float) -> float:
    """Return the variance of the settled law of exponential rows of mean 1, for many sampled."""
    return float(stationary_law(Gamma(), real).var())


def _settled_variance(real: int, synthetic: int) -> tuple[float, float]:
    """Enclose that limit by the loop at n_s, E x^2 = (r + s)/(r^2 + (2r - v2) s), v2 = 1.

    It is above the limit by r (r - v2)/((2r - v2)(r^2 + (2r - v2) s)), all in rationals.
    """
    r, s, v2 = real, synthetic, 1
    below = r * r + (2 * r - v2) * s
    exact = Fraction(r + s, below) - Fraction(r * (r - v2), (2 * r - v2) * below)
    return float(exact) * (1 - 8 * EPS), float(exact) * (1 + 8 * EPS)


THEOREMS = [
    Theorem(
        "mixed/fresh-data/known-variance",
        "Fresh real data of weight w hold the mean of normal rows at a fixed error.",
        r"n_rR_\infty/\sigma^2=\frac{w^2+k(1-w)^2}{w(2-w)},\ k=n_r/n_s",
        HE,
        "known variance, equal batches; at t = 30 the start has a share of 0.75^58",
        "law",
        "n_r=3 n_s=4 w=0.25 t=30",
        MeanClaim(
            WEIGHTED,
            quantity("squared_error", 30),
            lambda _: FLOAT(fresh_inflation(3, 4, 0.25)) / 3,
            spread("squared_error", 30),
            {
                "pooled": constant(FLOAT(fresh_inflation(3, 4)) / 3),
                "the optimal weight": constant(FLOAT(optimal_weight(3, 4)) / 3),
                "real data only": constant(1 / 3),
                "without the sampled rows' noise": constant(0.25 / 1.75 / 3),
            },
        ),
    ),
    Theorem(
        "mixed/fresh-data/inflation",
        "With fresh real data of weight w the error settles; the curvature of the variance "
        "function enters through the sampled rows.",
        r"\frac{n_rR_\infty}{V}=\frac{w^2+k(1-w)^2}{1-(1-w)^2(1+v_2/n_s)},\ k=n_r/n_s",
        f"{HE}, for v2 = 0; {DERIVED}",
        "equal batches; here Bernoulli (v2 = -1)",
        "identity",
        "n_r=3 n_s=4 w=0.37",
        ExactClaim(
            same(
                lambda: FLOAT(fresh_inflation(3, 4, 0.37, -1.0)),
                lambda: 3 * coins_with_fresh_data(3, 4, 0.37),
                STEPS,
            ),
            {
                "a known variance": lambda: FLOAT(fresh_inflation(3, 4, 0.37)),
                "curvature +1": lambda: FLOAT(fresh_inflation(3, 4, 0.37, 1.0)),
                "pooled": lambda: FLOAT(fresh_inflation(3, 4, None, -1.0)),
                "real data only": fixed(1.0),
            },
        ),
    ),
    Theorem(
        "mixed/fresh-data/effective-samples",
        "Pooled with fresh real rows, sampled rows make the real ones worth n_e.",
        r"n_e=\frac{n_r(n_r+2n_s)+n_s}{N},\ N=n_r+n_s",
        DERIVED,
        "equal row weights; v2 = -1: Gaussian by maximum likelihood, or Bernoulli as here",
        "identity",
        "n_r=3 n_s=4",
        ExactClaim(
            same(
                lambda: FLOAT(fresh_effective_samples(3, 4, curvature=-1.0)),
                lambda: 1 / coins_with_fresh_data(3, 4, 3 / 7),
                STEPS,
            ),
            {
                "a known variance's": lambda: FLOAT(fresh_effective_samples(3, 4)),
                "2 n_r + 1": fixed(7.0),
                "the real rows": fixed(3.0),
                "all rows of a generation": fixed(7.0),
            },
        ),
        keywords="how much real data worth",
    ),
    Theorem(
        "mixed/fresh-data/at-most-twice-and-one",
        "However many rows are sampled, pooling makes n_r fresh real rows worth at most 2 n_r + 1.",
        r"n_e=2n_r+1-\frac{n_r(n_r+1)}{N}<2n_r+1",
        DERIVED,
        "equal row weights; v2 = -1",
        "bound",
        "n_r=1..59 n_s=1..10^12",
        ExactClaim(
            _bounded_worth,
            {"2 n_r": fixed(0.0), "2 n_r + 1/2": fixed(0.5), "n_r": fixed(-1.0)},
        ),
    ),
    Theorem(
        "mixed/fresh-data/optimal-weight",
        "The least inflation over all weights is the best weight itself, whatever the curvature.",
        r"gw^2+(1+k-g)w-k=0,\ g=1+v_2/n_s;\quad \min_w n_rR_\infty/V=w^*",
        f"{HE}, for v2 = 0; {DERIVED}",
        "equal batches",
        "identity",
        "n_r=1 n_s=3 v2=1: w*=1/2",
        ExactClaim(
            _least,
            {
                "the known variance's weight": lambda: FLOAT(optimal_weight(1, 3)),
                "pooled": lambda: FLOAT(fresh_inflation(1, 3, None, 1.0)),
                "real data only": fixed(1.0),
                "2 % more": fixed(0.51),
            },
        ),
        keywords="golden ratio how much real data",
    ),
    Theorem(
        "mixed/fresh-data/pooling-is-optimal",
        "Giving every row the same weight is the best way to mix real and sampled rows.",
        r"w^*=n_r/N",
        f"a plausible claim; refuted by {HE}, and here",
        "equal batches",
        "refuted",
        "n_r=1 n_s=3 v2=1: pooled w=1/4, best 1/2",
        ExactClaim(
            _best_place,
            {
                "real data only": fixed(1.0),
                "the known variance's weight": lambda: FLOAT(optimal_weight(1, 3)),
                "the golden ratio": fixed((np.sqrt(5) - 1) / 2),
            },
        ),
    ),
    Theorem(
        "mixed/fresh-data/temperature",
        "Fresh data hold a Gaussian at a finite variance while the sampler's temperature is below "
        "a threshold.",
        r"D=(1+u)(1-u\lambda)+u^2\lambda/n_s,\ V_\infty=\sigma_0^2\,w(1+u-w/n_r)/D",
        DERIVED,
        "ddof 0, equal batches, u = 1 - w",
        "identity",
        "n_r=10 n_s=20 lambda=1.2, pooled",
        ExactClaim(
            same(
                lambda: FLOAT(fresh_fixed_point(10, 20, 1.2).variance),
                lambda: heated_fixed_point(10, 20, 1 / 3, 1.2)[1],
                STEPS,
            ),
            {
                "temperature 1": lambda: FLOAT(fresh_fixed_point(10, 20).variance),
                "without the means' noise": fixed((1 / 3) / (1 - 1.2 * 2 / 3)),
                "the truth's variance": fixed(1.0),
                "half the weight": lambda: FLOAT(fresh_fixed_point(10, 20, 1.2, 0.5).variance),
            },
        ),
    ),
    Theorem(
        "mixed/fresh-data/critical-temperature",
        "At the critical temperature the loop's moments have a unit root; it falls to 1/u as more "
        "rows are sampled.",
        r"\lambda_c=\frac{1+u}{u(1+u-u/n_s)}",
        DERIVED,
        "ddof 0, equal batches, u = 1 - w",
        "identity",
        "n_r=10 n_s=20, pooled: the map's largest eigenvalue",
        ExactClaim(
            same(
                lambda: spectral_radius(10, 20, 1 / 3, FLOAT(fresh_critical_temperature(10, 20))),
                fixed(1.0),
                100,
            ),
            {
                "1/u": lambda: spectral_radius(10, 20, 1 / 3, 1.5),
                "n/(n - 1), as under replace": lambda: spectral_radius(10, 20, 1 / 3, 20 / 19),
                "weight 1/2": lambda: spectral_radius(
                    10, 20, 1 / 3, FLOAT(fresh_critical_temperature(10, 20, 0.5))
                ),
            },
        ),
    ),
    Theorem(
        "mixed/fresh-data/conjugate-prior",
        "With few fresh rows among many sampled ones the fitted mean settles at the conjugate "
        "prior's law, worth twice as many rows as come in: that is why 2 n_r + 1 rows are the most "
        "that a Gaussian is ever worth.",
        r"m_\infty\to\pi(m)\propto\frac1{V(m)}\exp\int\frac{2n_r(m_0-x)}{V(x)}dx,\ "
        r"\mathrm{Var}=\frac{V(m_0)}{2n_r-v_2}",
        "derived here: theory/mixed_prior.py",
        "a natural exponential family with a quadratic variance function, pooled, n_s large",
        "limit",
        "gamma shape=1 n_r=2 n_s=10^6",
        ExactClaim(
            lambda: (_prior_variance(2), *_settled_variance(2, 10**6)),
            {
                "n_r rows": lambda: _prior_variance(1),
                "v2 = 0": fixed(1 / 4),
                "v2 = -1": fixed(1 / 5),
                "as many as all rows": fixed(1e-6),
            },
        ),
        keywords="Bayes posterior mutation drift few real rows",
    ),
]
