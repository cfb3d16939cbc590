"""Deterministic workflows in general: one triangular solve, fixed points, thresholds.

The rooms of exponential families and of discrete distributions have V(m) = v0 + v1 m + v2 m^2,
and this page treats all their deterministic workflows at once: `solve` is row E3 of the map of
statements, held against the engine with single rows in `tests/theory/test_weights.py`.
`DERIVATIONS` has the long-run limits of workflows that keep or bring real rows; `PROOFS` has the
algebra behind them, the best weights, and the threshold of a web that fills with sampled rows.

weights_loop   which rows a fit uses, all workflows
"""

from typing import Any

from sympy import (
    Expr,
    Integer,
    Matrix,
    Rational,
    Symbol,
    binomial,
    diff,
    expand,
    eye,
    log,
    simplify,
    sqrt,
    symbols,
    zeros,
)

from theory import exponential_limits, regular
from theory.derivation import HE, Derivation, Proof
from theory.exponential_limits import stationary
from theory.exponential_loop import ExponentialDomain, Loop
from theory.weights_loop import TRUTH

HERE = "derived here"
x, w, c, v2, D = symbols("x w c v2 D", positive=True)
real, synthetic, kept, rows = symbols("n_r n_s kept rows", positive=True)
k = real / synthetic
t = Symbol("t", positive=True)


def matrices(weights: Matrix, sources: list[int]) -> Matrix:
    """Return A with m - m_0 = A e: the error of each fit in the noises of the parts.

    The parts have the means y = S d + e, S the matrix that picks the source's error, and the
    fits have d = W y, so that d = W S d + W e.
    """
    shift = zeros(len(sources), weights.rows)
    for part, source in enumerate(sources):
        if source != TRUTH:
            shift[part, source - 1] = 1
    return (eye(weights.rows) - weights * shift).inv() * weights


def solve(loop: Loop) -> list[Rational]:
    """Return E(m_t - m_0)^2 / V(m_0): sum over parts p of A[t,p]^2 E V(source of p) / n_p.

    The noises of different parts are uncorrelated, because each has the mean 0 given the past.
    """
    generations = loop.plan.generations
    parts = loop.plan.parts(generations)
    weights = zeros(generations, len(parts))
    for s in range(1, generations + 1):
        for part, weight in enumerate(loop.plan.part_weights(s)):
            weights[s - 1, part] = Rational(int(weight.numerator), int(weight.denominator))
    noise = matrices(weights, [part.source for part in parts])
    errors: list[Any] = []
    for s in range(generations):
        variances = [
            1 + loop.curvature * (errors[part.source - 1] if part.source else 0)
            for part in parts
            if part.source <= s
        ]
        terms = zip(noise[s, :], variances, parts, strict=False)
        errors.append(sum((a**2 * v / part.rows for a, v, part in terms), Integer(0)))
    return errors


def triangular() -> list[Expr]:
    """A = (I - W S)^{-1} W solves d_t = sum_p W[t,p] (d_source + e_p), three fits, any weights.

    First with one batch each, then with a fresh and a sampled part in each batch after the first.
    """
    residuals = []
    for sources in ([0, 1, 2], [0, 0, 1, 0, 2]):
        counts = [1, 2, 3] if len(sources) == 3 else [1, 3, 5]
        noises = symbols(f"e1:{len(sources) + 1}")
        weights = zeros(3, len(sources))
        for row, count in enumerate(counts):
            for part in range(count):
                weights[row, part] = Symbol(f"W{row}{part}")
        direct: list[Expr] = []
        for row, count in enumerate(counts):
            of_parts = [
                (direct[s - 1] if s else 0) + e
                for s, e in zip(sources[:count], noises, strict=False)
            ]
            direct.append(sum(weights[row, part] * y for part, y in enumerate(of_parts)))
        solved = matrices(weights, sources) * Matrix(noises)
        residuals += [expand(solved[row] - direct[row]) for row in range(3)]
    return residuals


def fixed_points() -> list[Expr]:
    """Keep-real and fresh-data: D = noise + kept^2 (D + (1 + v2 D)/rows), any v2.

    Keep-real with the share a: E y_1 d_t = C_t obeys C = a/n_1 + (1-a) C, so C = 1/n_1 at all t,
    and d_t = a y_1 + (1-a)(d_{t-1} + e). Both contract by r = kept^2 (1 + v2/rows) in each
    generation: they converge iff r < 1, and D_t - D_oo = r^{t-1} (D_1 - D_oo).
    At v2 = -1 and pooled rows the fresh loop has (n_r+n_s)/((n_r+n_s)^2 - n_s^2 + n_s), D28.
    """
    a, first, noise, before = symbols("a n_1 noise before", positive=True)

    def once(value: Expr) -> Expr:
        return noise + kept**2 * (value + (1 + v2 * value) / rows)

    shrink = kept**2 * (1 + v2 / rows)
    point = (noise + kept**2 / rows) / (1 - shrink)
    cross = 1 / first
    keep = a**2 / first + 2 * a * (1 - a) * cross + (1 - a) ** 2 * (D + (1 + v2 * D) / rows)
    claimed = once(D).subs({kept: 1 - a, noise: (a**2 + 2 * a * (1 - a)) / first})
    total = real + synthetic
    pooled = point.subs({noise: (real / total) ** 2 / real, kept: synthetic / total})
    return [
        once(point) - point,
        once(before) - point - shrink * (before - point),
        a / first + (1 - a) * cross - cross,
        keep - claimed,
        pooled.subs({rows: synthetic, v2: -1}) - total / (total**2 - synthetic**2 + synthetic),
        stationary(Integer(-1), Rational(1, 2), Rational(1, 2), 3)
        - point.subs({noise: Rational(1, 2), kept: Rational(1, 2), rows: 3, v2: -1}),
    ]


def heated() -> list[Expr]:
    """D29: sampled rows of a normal model with their variance times L, rows pooled, MLE.

    d' = share_s (d + e) + share_r e_r and E V' = 1 - ... from second moments about the truth:
    a sampled row has E x^2 = D + L v, a real one 1, so V' = (n_r + n_s (D + L v))/N - D'.
    """
    heat, v = symbols("L v", positive=True)
    N = real + synthetic
    below = real**2 + 3 * real * synthetic + 2 * synthetic**2
    below -= heat * (real * synthetic + 2 * synthetic**2 - synthetic)
    error, variance = N / below, real * (real + 2 * synthetic - 1) / below
    after = (real + synthetic**2 * (D + heat * v / synthetic)) / N**2
    spread = (real + synthetic * (D + heat * v)) / N - after
    at = {D: error, v: variance}
    cold = error.subs(heat, 1) - N / (N**2 - synthetic**2 + synthetic)
    return [(after - D).subs(at), (spread - v).subs(at), cold]


def effective() -> list[Expr]:
    """D28: the pooled fresh loop is worth (n_r(n_r+2n_s)+n_s)/N real rows at v2 = -1, <= 2n_r+1."""
    N = real + synthetic
    worth = (N**2 - synthetic**2 + synthetic) / N
    return [
        worth - (real * (real + 2 * synthetic) + synthetic) / N,
        (2 * real + 1) - worth - (real**2 + real) / N,
    ]


def best_weight() -> list[Expr]:
    """D30 for every v2: with q = 1 + v2/n_s and k = n_r/n_s the best weight solves
    q w^2 + (1+k-q) w - k = 0, and n_r times the smallest error equals that weight.

    At v2 = 0 it is (sqrt(k^2+4k) - k)/2, and 1/phi = 0.618... at k = 1. The derivative has one
    sign change, from - to +: the quadratic is -k at 0 and 1 at 1, with a positive q.
    """
    q, ratio = symbols("q k", positive=True)
    value = (w**2 + ratio * (1 - w) ** 2) / (1 - q * (1 - w) ** 2)
    quadratic = q * w**2 + (1 + ratio - q) * w - ratio
    best = (q - 1 - ratio + sqrt((1 + ratio - q) ** 2 + 4 * q * ratio)) / (2 * q)
    slope = 2 * quadratic / (1 - q * (1 - w) ** 2) ** 2
    model = (w**2 / real + (1 - w) ** 2 / synthetic) / (1 - (1 - w) ** 2 * (1 + v2 / synthetic))
    plain = (sqrt(ratio**2 + 4 * ratio) - ratio) / 2
    return [
        real * model - value.subs({ratio: k, q: 1 + v2 / synthetic}),
        diff(value, w) - slope,
        quadratic.subs(w, best),
        # value - w is a multiple of the quadratic, so it vanishes with it.
        value - w + quadratic * (1 - w) / (1 - q * (1 - w) ** 2),
        quadratic.subs(w, 0) + ratio,
        quadratic.subs(w, 1) - 1,
        best.subs(q, 1) - plain,
        plain.subs(ratio, 1) - 2 / (1 + sqrt(5)),
    ]


def web_threshold() -> list[Expr]:
    """A web whose new rows are a fraction nu of all, a share rho of them real: N_t R_t.

    d_t = (1 - nu) d_{t-1} + nu (rho e_r + (1-rho)(d_{t-1} + e_s)) and N_t = N_{t-1}/(1 - nu), so
    X_t = N_t R_t obeys X_t = g X_{t-1} + nu + (v2 term of order X/N), g = (1-nu rho)^2/(1-nu).
    Bounded iff g < 1, that is rho > (1 - sqrt(1-nu))/nu, and then X -> nu/(1-g).
    """
    nu, rho, X, N = symbols("nu rho X N", positive=True)
    g = (1 - nu * rho) ** 2 / (1 - nu)
    root = sqrt(1 - nu)
    critical = (1 - root) / nu
    other = (1 + root) / nu  # beyond 1 for 0 < nu < 1
    R = X / ((1 - nu) * N)  # N_{t-1} R_{t-1} = X, with N = N_t and n_t = nu N
    new, sampled = nu * N, (1 - rho) * nu * N
    noise = nu**2 * (rho**2 / (rho * new) + (1 - rho) ** 2 * (1 + v2 * R) / sampled)
    after = N * ((1 - nu * rho) ** 2 * R + noise)
    point = nu / (1 - g)
    return [
        after - (g * X + nu + v2 * nu * (1 - rho) * R),
        (1 - g) - nu**2 / (1 - nu) * (rho - critical) * (other - rho),
        other - 1 - (root + (1 - nu)) / nu,
        g * point + nu - point,
        critical.series(nu, 0, 2).removeO() - Rational(1, 2) - nu / 8,
    ]


def web_linear() -> list[Expr]:
    """The same with n rows each time, nu = 1/t: bounded iff rho > 1/2, with X -> 1/(2 rho - 1).

    X_t = g_t X_{t-1} + 1/t, g_t = (t/(t-1)) (1-rho/t)^2 = 1 + (1-2rho)/t + O(1/t^2): products of
    g_t grow like t^{1-2rho}. At rho = 1/2 X grows like log t, below it like t^{1-2rho}, as the
    solution of the differential equation X' = (1-2rho) X/t + 1/t.
    """
    rho = Symbol("rho", positive=True)
    g = t / (t - 1) * (1 - rho / t) ** 2
    y = Symbol("y", positive=True)
    point = 1 / (2 * rho - 1)
    order = g.subs(t, 1 / y).series(y, 0, 2).removeO()
    grown = t ** (1 - 2 * rho) / (1 - 2 * rho) + point
    return [
        order - (1 + (1 - 2 * rho) * y),
        (1 - 2 * rho) * point + 1,
        diff(grown, t) - ((1 - 2 * rho) * grown + 1) / t,
        diff(log(t), t) - 1 / t,
    ]


def window() -> list[Expr]:
    """Sliding window k at v2 = 0: E(m_t - m_0)^2 grows by 4 V/((k+1)^2 n) in each generation.

    m_t = (1/k) sum over the last k batches of m_{s-1} + e_s. The sum I_t of (k-j) m_{t-j} over
    j < k gains k m_t - (m_{t-1} + ... + m_{t-k}), the last k noises: each e_s enters k times. With
    no more noise all fits would tend to I / (k(k+1)/2), so e_s stays with the weight 2/(k+1).
    """
    residuals: list[Expr] = []
    for width in range(1, 6):
        m = symbols(f"m0:{width + 1}")  # m_t, m_{t-1}, ..., m_{t-k}
        e = symbols(f"e0:{width}")
        after = sum((width - j) * m[j] for j in range(width))
        before = sum((width - j) * m[j + 1] for j in range(width))
        fitted = sum(m[j + 1] + e[j] for j in range(width)) / width
        total = sum(width - j for j in range(width))
        residuals += [
            expand((after - before).subs(m[0], fitted) - sum(e)),
            Rational(width, total) - Rational(2, width + 1),
        ]
    return residuals


def exchange_step() -> list[Expr]:
    """Coins that train on each other's rows: one generation's second moments, from all outcomes.

    Given the last means a model's count is a sum of binomials; d = m - p has the mean 0, so that
    E m (1 - m) = p (1 - p) (1 - E d^2 / (p (1 - p))): the curvature is -1.
    """
    a, b, p, d = symbols("a b p d")
    rows = [[2, 1], [1, 2]]
    variance = (p + d) * (1 - p - d)
    residuals: list[Expr] = [expand(variance - p * (1 - p) - (1 - 2 * p) * d + d**2)]

    def chances(own: int, other: int, mean: Expr, second: Expr) -> dict[int, Expr]:
        found: dict[int, Expr] = {}
        for i in range(own + 1):
            for j in range(other + 1):
                chance = binomial(own, i) * mean**i * (1 - mean) ** (own - i)
                chance *= binomial(other, j) * second**j * (1 - second) ** (other - j)
                found[i + j] = found.get(i + j, Integer(0)) + chance
        return found

    laws = [chances(*rows[0], a, b), chances(rows[1][1], rows[1][0], b, a)]
    fitted = [sum(Rational(count, 3) * chance for count, chance in law.items()) for law in laws]
    shares = [(2 * a + b) / 3, (a + 2 * b) / 3]
    noise = (2 * a * (1 - a) + b * (1 - b)) / 9
    square = sum(Rational(count, 3) ** 2 * chance for count, chance in laws[0].items())
    residuals += [expand(x - y) for x, y in zip(fitted, shares, strict=True)]
    residuals.append(expand(square - shares[0] ** 2 - noise))
    # Given the last means the two are independent, and what they have in common is the shares'.
    residuals.append(expand(fitted[0] * fitted[1] - shares[0] * shares[1]))
    return residuals


def exchange_alike() -> list[Expr]:
    """K models alike, v2 = 0: W + (K - 1) B gains 1/n, and W - B tends to (1/n)/(1 - (a - b)^2)."""
    K, n, mu, W, B = symbols("K n mu W B", positive=True)
    a, b = 1 - mu, mu / (K - 1)
    own, across = a**2 + (K - 1) * b**2, 2 * a * b + (K - 2) * b**2
    after = own * W + (1 - own) * B + 1 / n
    common = across * W + (1 - across) * B
    gap = 1 / n / (1 - (a - b) ** 2)
    return [
        simplify(after + (K - 1) * common - W - (K - 1) * B - 1 / n),
        simplify((after - common).subs(W, B + gap) - gap),
        simplify(after - common - 1 / n - (a - b) ** 2 * (W - B)),
    ]


KEPT = ExponentialDomain(
    ("keep-real", "fresh-data"), constant=True, sizes=(1, 60), generations=1, rows=120
)
DERIVATIONS: tuple[Derivation, ...] = (
    Derivation(
        "weights-limit", HE, "keep-real and fresh-data: the fixed point, or infinity",
        "limits.squared_error", exponential_limits.squared_error, KEPT,
    ),
)  # fmt: skip
PROOFS: tuple[Proof, ...] = (
    *regular.PROOFS,
    Proof("weights-triangular", HERE, "A = (I - W S)^{-1} W", triangular),
    Proof("weights-fixed-points", HERE, "keep-real and fresh-data in the long run", fixed_points),
    Proof("weights-heated", HERE, "the fresh loop with a variance multiplier", heated),
    Proof("weights-effective", HERE, "worth of the pooled fresh loop", effective),
    Proof("weights-best", HE, "the best weight is n_r times the smallest error", best_weight),
    Proof("weights-window", HERE, "how a sliding window wanders", window),
    Proof("weights-web", HERE, "the real share that a growing web needs", web_threshold),
    Proof("weights-exchange", HERE, "models on each other's rows: one step", exchange_step),
    Proof(
        "weights-exchange-alike", HERE, "they forget K times more slowly, as one", exchange_alike
    ),
    Proof("weights-web-linear", HERE, "one half, for linear growth", web_linear),
)
