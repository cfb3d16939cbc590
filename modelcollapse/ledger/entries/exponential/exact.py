"""Limits and identities, decided without chance by a second route."""

from collections.abc import Callable

import numpy as np

from modelcollapse.families.exponential.estimator import Family
from modelcollapse.families.exponential.families import (
    Binomial,
    Gamma,
    NegativeBinomial,
    NormalMean,
    Poisson,
)
from modelcollapse.ledger.claims import ExactClaim
from modelcollapse.ledger.entries.exponential.common import (
    AUGMENT,
    DERIVED,
    FLAT,
    LARGE,
    QUADRATIC,
    last,
    loop,
)
from modelcollapse.ledger.entries.sharpened import rows_within
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import EPS, Computed, Number, fixed, same
from modelcollapse.loop.experiment import predict
from modelcollapse.solver.budgets import best_budgets
from modelcollapse.workflows import Accumulate, AccumulateSubsample, Replace

T_LIMIT = 100_000
T_SLOW = 20_000


def limiting_inflation(model: Family, n: int) -> float:
    """Return the predicted limit of the inflation under accumulate."""
    return float(predict(loop(model, Accumulate(), n, 2)).limits["inflation"])


FLAT_FROM = rows_within(lambda n: limiting_inflation(Gamma(), n), lambda _: FLAT)


def enclosed(model: Family, n: int) -> tuple[float, float]:
    """Enclose n/v2 [prod_k (1 + v2/(n k^2)) - 1], by the product up to T and bounds beyond.

    c/(T + 1) - c^2/(6 (T - 1)^3) <= sum_{k > T} log(1 + c/k^2) <= c/T for c > 0, c = v2/n; for
    c < 0 the bounds are c/T + c/T^2 and c/(T + 1). A product of T factors rounds by 8 T eps.
    """
    T, c = T_LIMIT, model.curvature / n
    reached = float(np.prod(1 + c / np.arange(1, T + 1, dtype=float) ** 2))
    if c > 0:
        tails = c / (T + 1) - c**2 / (6 * (T - 1) ** 3), c / T
    else:
        tails = c / T + c / T**2, c / (T + 1)
    slack = 8 * T * EPS
    ends = reached * np.exp(tails[0]) * (1 - slack), reached * np.exp(tails[1]) * (1 + slack)
    low, high = sorted((end - 1) / c for end in ends)
    return float(low), float(high)


def limit_claim(model: Family, n: int) -> Computed:
    """Claim the limit of the inflation."""
    return lambda: (limiting_inflation(model, n), *enclosed(model, n))


def bounded_by_flat() -> tuple[float, float, float]:
    """Return -1 if over many n and families R_n < pi^2/6 iff v2 < 0; R_n by `enclosed`."""
    return _worst(lambda v2: -1 if v2 < 0 else 1), -1.0, -1.0


def _worst(sign: Callable[[float], int]) -> float:
    """Return the largest of sign(R_n - pi^2/6) sign(v2), as -1 where it agrees with `sign`."""
    models = (Binomial(), Binomial(3), Binomial(50), Gamma(), Gamma(7.0), NegativeBinomial(0.5))
    worst = -1.0
    for model in models:
        for n in (2, 5, 40, 300):
            (low, high), limit = enclosed(model, n), limiting_inflation(model, n)
            found = -1 if max(high, limit) < FLAT else 1 if min(low, limit) > FLAT else 0
            worst = max(worst, -1.0 if found == sign(model.curvature) else 1.0)
    return worst


def _product(v2: float, sizes: list[int]) -> float:
    n = np.array(sizes, dtype=float)
    return float(np.prod(1 + v2 * n / np.cumsum(n) ** 2))


def _scheduled(workflow: Accumulate | Replace, sizes: list[int]) -> float:
    return last(loop(NegativeBinomial(0.5), workflow, sizes, len(sizes)), "variance")


def _equivalent(power: Callable[[int], int]) -> Number:
    sizes = [7 * power(t) for t in range(1, 41)]
    return lambda: last(loop(Gamma(0.5), Replace(), sizes, 40))


def pairs(n: int, budget: int, v2: float, T: int) -> tuple[list[float], list[float]]:
    """Return R_t and M_t of accumulate-subsample by another route: squares and pairs of rows.

    D is the mean of E x_i^2 over the pool, C that of E x_i x_j over pairs i != j; the mean of k
    rows has the squared error (D + (k - 1) C)/k. A pool row and a new one, and two new ones,
    have the products M and R.
    """
    N, D, C = n, 1.0, 0.0
    risks, pools = [], []
    for _ in range(T):
        k = min(budget, N)
        M, R = (D + (N - 1) * C) / N, (D + (k - 1) * C) / k
        risks.append(R)
        pools.append(M)
        after = N + n
        C = (N * (N - 1) * C + 2 * N * n * M + n * (n - 1) * R) / (after * (after - 1))
        D = (N * D + n * (R + 1 + v2 * R)) / after
        N = after
    return risks, pools


def _subsampled(budget: int | None, model: Family) -> Number:
    return lambda: last(loop(model, AccumulateSubsample(budget), 6, 40))


def logarithmic() -> tuple[float, float, float]:
    """Enclose R_2T - R_T at n = k = 1 + v2 = 2 by (1 + M) log 2 / 2, M the pool's risk.

    With g = Q (t-1)/(2t-1), R = M + g and d = g + (1 + R)/2 the recursion reads
    Q_{t+1} - Q_t = [1 + M - Q/(2t - 1) - d/(t + 1)]/(t + 1) and M_{t+1} - M_t = d/(t + 1)^2.
    For T <= t < 2T both increase, so that with the last Q and M, d <= (3Q + 2M + 2)/4. The sum of
    1/(t + 1) lies within 1/(4T) of log 2, M gains at most d/T, R differs from M + Q/2 by less
    than Q/(2T), and the two terms left out of Q are at most (Q + 2d)/(2T) log 2 together. All of
    it is below 4 (Q + M + 2)/T.
    """
    T = T_SLOW
    risks, pools = pairs(2, 2, 1.0, 2 * T)
    spread = 2 * (risks[-1] + pools[-1] + 2)  # at least Q + M + 2, as R >= M + Q/2 - Q/(2T)
    radius = 4 * spread / T + 16 * T * EPS * spread
    middle = (1 + pools[T - 1]) * np.log(2) / 2
    predicted = predict(loop(Gamma(), AccumulateSubsample(), 2, 2 * T))["squared_error"]
    return float(predicted[2 * T - 1] - predicted[T - 1]), middle - radius, middle + radius


def _growth(model: Family, n: int, budget: int | None = None) -> Number:
    def value() -> float:
        e = loop(model, AccumulateSubsample(budget), n, 2 * T_SLOW)
        errors = predict(e)["squared_error"]
        return float(errors[2 * T_SLOW - 1] - errors[T_SLOW - 1])

    return value


def third(T: int) -> tuple[float, float, float]:
    """Enclose n^2 E x_T^3/s of a Poisson loop by zeta(3) + pi^4/40 and what is missing of it.

    It is sum_{s <= T} [3 H_{s-1}/s^2 + 1/s^3], H the sum of 1/k^2 below pi^2/6, so that less than
    5/T is missing: 3 H sum_{s > T} 1/s^2 < pi^2/(2 T), and sum_{s > T} 1/s^3 < 1/(2 T^2).
    """
    from scipy.special import zeta

    n, top = 4, float(zeta(3)) + np.pi**4 / 40
    e = loop(Poisson(), Accumulate(), n, T, truth=2.0)
    found = n**2 * last(e, "cubed_error") / Poisson().skewness(2.0)
    return found, top - 5 / T, top


SPLIT = 10**9, 10, 10**8  # rows of a batch, generations, training rows in all


def _excess(k: list[int]) -> float:
    """Return what a split costs beyond accumulate, times all training rows, but for sum a/N."""
    n, T, total = SPLIT
    error = last(loop(NormalMean(), AccumulateSubsample(k), n, T))
    error -= last(loop(NormalMean(), Accumulate(), n, T))
    t = np.arange(1, T + 1)
    a = np.where(t < T, 1 / (t + 1.0) ** 2, 1.0)
    return total * (error + float(np.sum(a / (n * t))))


def best_split() -> tuple[float, float, float]:
    """Enclose the best split's excess by H_T^2 (1 +- 2 T/k), k the smallest budget.

    The pool's rows have the variance Q, of which a generation changes at most 2/n + 1/(2 k), Q
    below 2; with the rounding to whole rows that is less than 2 T/k of each term.
    """
    n, T, total = SPLIT
    k = best_budgets(total, [n] * T)
    best, slack = float(np.sum(1 / np.arange(1, T + 1))) ** 2, 2 * T / float(k.min())
    return _excess(k.tolist()), best * (1 - slack), best * (1 + slack)


def _split_like(weight: Callable[[int], float]) -> Number:
    """Return the excess of another split."""
    _, T, total = SPLIT
    weights = np.array([weight(t) for t in range(1, T + 1)])
    return lambda: _excess(np.floor(total * weights / weights.sum()).astype(int).tolist())


def sandwich(low: Callable[[int], float], high: Callable[[int], float]) -> Number:
    """Return the least distance of u_t from its bounds over t = 2, ..., 1000; negative outside."""

    def value() -> float:
        e = loop(Poisson(), Replace(), 1, 1000, truth=1.0)
        u = -np.log(predict(e)["absorbed"])
        gaps = [min(u[t - 1] - low(t), high(t) - u[t - 1]) for t in range(2, 1001)]
        return float(min(gaps))

    return value


THEOREMS = [
    Theorem(
        "exponential/accumulate/limit-sinh",
        "For v2 > 0 accumulate's inflation tends to (n/v2)(sinh(x)/x - 1): 2.10 for two "
        "exponential rows.",
        r"R_n=\frac n{v_2}\left[\frac{\sinh x}{x}-1\right],\ x=\pi\sqrt{v_2/n}",
        DERIVED,
        QUADRATIC,
        "limit",
        f"gamma shape=1 n=2 t={T_LIMIT}",
        ExactClaim(
            limit_claim(Gamma(), 2),
            {
                "pi^2/6": fixed(FLAT),
                "the sine": lambda: limiting_inflation(Binomial(), 2),
                "three rows": lambda: limiting_inflation(Gamma(), 3),
            },
        ),
    ),
    Theorem(
        "exponential/accumulate/limit-sine",
        "For v2 < 0 the hyperbolic sine becomes a sine.",
        r"R_n=\frac n{|v_2|}\left[1-\frac{\sin x}{x}\right],\ x=\pi\sqrt{|v_2|/n}",
        "a public note for coin flips; every N here",
        QUADRATIC,
        "limit",
        f"binomial trials=1 n=5 t={T_LIMIT}",
        ExactClaim(
            limit_claim(Binomial(), 5),
            {
                "pi^2/6": fixed(FLAT),
                "the hyperbolic sine": lambda: limiting_inflation(Gamma(), 5),
                "two trials": lambda: limiting_inflation(Binomial(2), 5),
            },
        ),
    ),
    Theorem(
        "exponential/accumulate/inflation-limit",
        "The pi^2/6 that accumulate's inflation tends to is for large n; for 20 exponential rows a "
        "batch the limit is 1.69.",
        r"\lim_t\frac{n\,E(m_t-m_0)^2}V=\frac n{v_2}\left[\frac{\sinh x}{x}-1\right]"
        r"=\frac{\pi^2}6+\frac{\pi^4v_2}{120n}+\dots,\ x=\pi\sqrt{v_2/n}",
        LARGE,
        QUADRATIC,
        "sharpened",
        f"gamma shape=1 n=20 t={T_LIMIT}; pi^2/6 is at most 1 % off from n={FLAT_FROM} on",
        ExactClaim(
            limit_claim(Gamma(), 20),
            {
                "large n: pi^2/6": fixed(FLAT),
                "the other sign of v2": lambda: limiting_inflation(Binomial(), 20),
                "with the first correction": fixed(FLAT + np.pi**4 / 2400),
            },
        ),
    ),
    Theorem(
        "exponential/accumulate/pi-squared-over-6-iff-negative",
        "pi^2/6 is a strict upper bound of the inflation exactly for v2 < 0.",
        r"R_n<\pi^2/6\iff v_2<0",
        AUGMENT,
        QUADRATIC,
        "identity",
        "six families, n = 2, 5, 40, 300",
        ExactClaim(
            bounded_by_flat,
            {
                "for every v2": lambda: _worst(lambda _: -1),
                "for no v2": lambda: _worst(lambda _: 1),
                "for v2 > 0": lambda: _worst(lambda v2: 1 if v2 < 0 else -1),
            },
        ),
    ),
    Theorem(
        "exponential/accumulate/skewness-limit",
        "Accumulate's error stays skew: where V is linear its third moment tends to 3.64 times "
        "that of the first fit, and the skewness to 1.724 times; for large n this is so in all "
        "families.",
        r"\frac{E(m_t-m_0)^3}{E(m_1-m_0)^3}\to\zeta(3)+\frac{\pi^4}{40}",
        DERIVED,
        QUADRATIC,
        "limit",
        f"poisson n=4 t={T_LIMIT}",
        ExactClaim(
            lambda: third(T_LIMIT),
            {
                "(pi^2/6)^(3/2)": fixed(FLAT**1.5),
                "pi^4/40": fixed(np.pi**4 / 40),
                "pi^2/6": fixed(FLAT),
                "the first fit's": fixed(1.0),
            },
        ),
        keywords="third moment skew one run",
    ),
    Theorem(
        "exponential/accumulate/equals-replace-n-t-squared",
        "Accumulate with n rows a generation has the squared error of replace with n t^2.",
        r"E(m_t-m_0)^2_{A}(n)=E(m_t-m_0)^2_{R}(n_t=nt^2)",
        DERIVED,
        QUADRATIC,
        "identity",
        "gamma shape=0.5 n=7 t=40",
        ExactClaim(
            same(
                lambda: last(loop(Gamma(0.5), Accumulate(), 7, 40)),
                _equivalent(lambda t: t * t),
                400,
            ),
            {
                "n t": _equivalent(lambda t: t),
                "n t^3": _equivalent(lambda t: t**3),
                "n t(t+1)": _equivalent(lambda t: t * (t + 1)),
            },
        ),
    ),
    Theorem(
        "exponential/accumulate-subsample/two-routes",
        "Pool mean and pool variance, or squares and pairs of rows: the same squared error.",
        r"R=\frac{D+(k-1)C}{k},\ D=\overline{E x_i^2},\ C=\overline{E x_ix_j}",
        DERIVED,
        QUADRATIC,
        "identity",
        "gamma shape=2 n=6 k=9 t=40",
        ExactClaim(
            same(_subsampled(9, Gamma(2.0)), lambda: pairs(6, 9, 0.5, 40)[0][-1], 4000),
            {
                "the batch size as budget": _subsampled(None, Gamma(2.0)),
                "v2 = 0": _subsampled(9, Poisson()),
                "no subsampling": _subsampled(1000, Gamma(2.0)),
            },
        ),
    ),
    Theorem(
        "exponential/accumulate-subsample/bounded-iff",
        "Accumulate-subsample's error is bounded only if it trains on more than 1 + v2 rows; at "
        "exactly 1 + v2 it grows like log t, with slope (1 + v2 M)/k, M the pool's risk.",
        r"R_{2t}-R_t\to\frac{1+v_2M_\infty}{k}\log2\quad(k=1+v_2)",
        DERIVED,
        QUADRATIC,
        "limit",
        f"gamma shape=1 n=2 t={2 * T_SLOW}",
        ExactClaim(
            logarithmic,
            {
                "bounded": fixed(0.0),
                "three rows": _growth(Gamma(), 3),
                "v2 = 0": _growth(Poisson(), 2),
                "without the pool's risk": fixed(np.log(2) / 2),
            },
        ),
    ),
    Theorem(
        "exponential/replace/extinction-sandwich",
        "The exponent u_t of the Poisson loop's extinction lies between 1/t and 2/(t + 1).",
        r"1/t<u_t<2/(t+1)\quad(t\ge2)",
        DERIVED,
        "Poisson, equal batches",
        "identity",
        "t = 2 to 1000",
        ExactClaim(
            lambda: (
                sandwich(lambda t: 1 / t, lambda t: 2 / (t + 1))(),
                np.nextafter(0, 1),
                np.inf,
            ),
            {
                "at most 1/t": sandwich(lambda _: 0.0, lambda t: 1 / t),
                "at least 2/(t + 1)": sandwich(lambda t: 2 / (t + 1), lambda _: 1.0),
                "at most 1.9/(t + 1)": sandwich(lambda t: 1 / t, lambda t: 1.9 / (t + 1)),
            },
        ),
    ),
    Theorem(
        "exponential/accumulate-subsample/best-split",
        "The best split of B training rows over generations gives the last one a full share and "
        "generation t before it 1/(t + 1) of that: it costs H_T^2/B where an even split costs "
        "T (1 + 1/4 + ... + 1/T^2)/B, for ten generations .55 of it.",
        r"k_T\propto1,\ k_t\propto\frac1{t+1}:\ "
        r"E(m_T-m_0)^2-E(m_T-m_0)^2_A=V\left[\frac{H_T^2}B-\sum_t\frac{a_t}{N_t}\right]",
        "derived here: modelcollapse/solver/budgets.py",
        "equal batches, many training rows in each generation",
        "limit",
        f"normal-mean n={SPLIT[0]} t={SPLIT[1]} B={SPLIT[2]}",
        ExactClaim(
            best_split,
            {
                "an even split": _split_like(lambda _: 1.0),
                "1/(t + 1)^2": _split_like(lambda t: (t + 1.0) ** -2 if t < SPLIT[1] else 1.0),
                "growing budgets": _split_like(float),
                "1/(t + 1) for the last one too": _split_like(lambda t: 1 / (t + 1.0)),
            },
        ),
        keywords="compute budget allocation schedule",
    ),
]
