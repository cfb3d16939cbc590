"""Symbolic proofs of one step of each loop, taken from the definition.

A pool of P rows with mean 0 and variance Q (ddof 0) meets n new rows of N(m, heat v). Symbols
throughout, so that a proof holds for every n, P, t and temperature.
"""

from functools import cache
from typing import Any

from sympy import Expr, Poly, Symbol, exp, factor, symbols

from theory.derivation import Proof
from theory.gaussian_batches import average_moment, normal_moment

n, k, t, P = symbols("n k t P", positive=True)  # new rows, training rows, generation, pool
m, v, Q, heat = symbols("m v Q heat", positive=True)
y, raw = symbols("y raw")  # averages of x and of x^2 over the new rows


def expect(polynomial: Expr) -> Expr:
    """Return E of a polynomial in the averages of the new rows, given the model (m, v)."""

    def moment(indices: tuple[int, ...]) -> Any:
        return normal_moment(indices, {0: m}, {(0, 0): heat * v})

    total = 0
    for (a, b), coefficient in Poly(polynomial, y, raw).terms():
        total += coefficient * average_moment([(0,)] * a + [(0, 0)] * b, n, moment)
    return factor(total)


def pooled(before: Expr) -> tuple[Expr, Expr]:
    """Return the mean and the variance (ddof 0) of `before` old rows and the new ones."""
    mean = n * y / (before + n)
    return mean, (before * Q + n * raw) / (before + n) - mean**2


def replace() -> list[Expr]:
    """S_t = scatter / c: E is heat v (n-1)/c, E of the square adds 2/(n-1) of it."""
    _, fitted = pooled(0)
    mean = heat * v * (n - 1) / n
    return [expect(fitted) - mean, expect(fitted**2) - mean**2 * (1 + 2 / (n - 1))]


def wishart() -> list[Expr]:
    """The scatter has covariance (n-1)(S_ac S_bd + S_ad S_bc), and E det is (n-1)(n-2) det S."""
    cov = {(i, j): Symbol(f"s{min(i, j)}{max(i, j)}") for i in (0, 1) for j in (0, 1)}

    def average(*factors: tuple[int, ...]) -> Expr:
        zero = {0: 0, 1: 0}
        return average_moment(list(factors), n, lambda i: normal_moment(i, zero, cov))

    def scatter(a: int, b: int, c: int, d: int) -> Expr:
        """E C_ab C_cd with C_ab = n (mean x_a x_b - mean x_a mean x_b)."""
        two = average((a, b), (c, d))
        three = average((a, b), (c,), (d,)) + average((c, d), (a,), (b,))
        return n**2 * (two - three + average((a,), (b,), (c,), (d,)))

    def claimed(a: int, b: int, c: int, d: int) -> Expr:
        pairs = cov[a, c] * cov[b, d] + cov[a, d] * cov[b, c]
        return (n - 1) ** 2 * cov[a, b] * cov[c, d] + (n - 1) * pairs

    checks = [(0, 0, 0, 0), (0, 0, 1, 1), (0, 1, 0, 1), (0, 0, 0, 1)]
    det = cov[0, 0] * cov[1, 1] - cov[0, 1] ** 2
    determinant = scatter(0, 0, 1, 1) - scatter(0, 1, 0, 1) - (n - 1) * (n - 2) * det
    return [*[scatter(*c) - claimed(*c) for c in checks], determinant]


def gram_schmidt() -> list[Expr]:
    """With k rows, W_11 and det W / W_11 are independent chi-squares with k and k-1 degrees."""
    unit = {(i, j): int(i == j) for i in (0, 1) for j in (0, 1)}

    def product(*factors: tuple[int, ...]) -> Expr:
        zero = {0: 0, 1: 0}
        average = average_moment(list(factors), k, lambda i: normal_moment(i, zero, unit))
        return k ** len(factors) * average

    a, b, c = (0, 0), (1, 1), (0, 1)
    det = product(a, b) - product(c, c)
    tilted = product(a, a, b) - product(a, c, c)
    square = product(a, a, b, b) - 2 * product(a, b, c, c) + product(c, c, c, c)
    return [
        det - k * (k - 1),
        tilted - k * (k + 2) * (k - 1),
        square - k * (k + 2) * (k - 1) * (k + 1),
    ]


def stein() -> list[Expr]:
    """Stein's recursion agrees with the moment generating function of two coordinates."""
    u, w, a, b = symbols("u w a b")
    cov = {(0, 0): Q, (0, 1): P, (1, 0): P, (1, 1): v}
    generator = exp(a * u + b * w + (Q * u**2 + 2 * P * u * w + v * w**2) / 2)
    return [
        generator.diff(u, i, w, j).subs({u: 0, w: 0})
        - normal_moment((0,) * i + (1,) * j, {0: a, 1: b}, cov)
        for i, j in ((1, 1), (2, 1), (2, 2), (3, 1), (4, 0))
    ]


def conservation() -> list[Expr]:
    """A new row has the second moment m^2 + v of the training rows, so none is lost."""
    return [expect(raw).subs(heat, 1) - (m**2 + v)]


@cache
def accumulate_factor(ddof: int) -> Expr:
    """Return E V' / V of the pool (ddof 0) when its fit, with any ddof, samples the new rows."""
    return expect(pooled(P)[1]).subs({m: 0, v: Q * P / (P - ddof)}) / Q


def accumulate() -> list[Expr]:
    """Ddof 0: E V' = V (1 - n/(P+n)^2) at temperature 1, and m^2 gains V n/(P+n)^2."""
    gain = expect(pooled(P)[0] ** 2).subs({m: 0, v: Q, heat: 1})
    return [
        accumulate_factor(0).subs(heat, 1) - (1 - n / (P + n) ** 2),
        gain - Q * n / (P + n) ** 2,
    ]


def accumulate_square() -> list[Expr]:
    """Ddof 0, equal batches: E V'^2 / V^2 as the independent factors A_t of the law say."""
    _, fitted = pooled((t - 1) * n)
    mean = 1 - 1 / (n * t**2)
    spread = (2 * (n - 1) + 2 * ((t - 1) / t) ** 2) / (t * n) ** 2
    return [expect(fitted**2).subs({m: 0, v: Q, heat: 1}) - Q**2 * (mean**2 + spread)]


def accumulate_unbiased() -> list[Expr]:
    """Ddof 1, equal batches: w = V P/(P-1) has E w' = w (1 - 1/(t(nt-1)))."""
    before, after = (t - 1) * n, t * n
    factor = accumulate_factor(1).subs({P: before, heat: 1})
    rescale = (after / (after - 1)) / (before / (before - 1))
    return [factor * rescale - (1 - 1 / (t * (n * t - 1)))]


def drawn(ddof: int) -> tuple[Expr, Expr]:
    """Return E m^2 and E v of a fit to k of P rows that sum to 0 and whose squares sum to PQ.

    A row is drawn with probability k/P, two given ones with probability k(k-1)/(P(P-1)).
    """
    square = P * Q / (k * P) + (k - 1) / (k * P * (P - 1)) * (0 - P * Q)
    return square, (Q - square) / (1 - ddof / k)


@cache
def subsample_factor(ddof: int) -> Expr:
    """Return E V' / V of the pool when a fit to k of its rows samples the new rows."""
    square, variance = drawn(ddof)
    # E V' given the fit is linear in m^2 and v.
    given = Poly(expect(pooled(P)[1]), m, v)
    values = {(2, 0): square, (0, 1): variance, (0, 0): 1}
    return factor(sum(c * values[powers] for powers, c in given.terms()) / Q)


def subsample() -> list[Expr]:
    """Ddof 0, any budget k: the recursion of the pool, and its factor at k = n and P = tn."""
    square, variance = drawn(0)
    sub, ev = Q * (P - k) / (k * (P - 1)), Q * P / (P - 1) * (1 - 1 / k)
    after = Q * subsample_factor(0).subs(heat, 1)
    stated = (t * Q + (1 - 1 / n) * ev) / (t + 1) + t / (t + 1) ** 2 * (sub + ev / n)
    equal = {k: n, P: t * n}
    shrink = 1 - (2 * n * t - n - t) / (n * (n * t - 1) * (t + 1) ** 2)
    return [
        square - sub,
        variance - ev,
        (after - stated).subs(P, t * n),
        after.subs(equal) - Q * shrink,
        ev.subs(equal) - Q * t * (n - 1) / (t * n - 1),
    ]


PAPER = "Kazdan et al., Collapse or Thrive, arXiv 2410.16713"
PROOFS = (
    Proof("stein", "Isserlis 1918", "moments of a normal vector", stein),
    Proof("wishart", "Wishart 1928", "second moments of the scatter of n rows", wishart),
    Proof("gram-schmidt", "Bartlett 1933", "det W is a product of chi-squares", gram_schmidt),
    Proof("replace", "Alemohammad et al. 2307.01850", "one step of replace", replace),
    Proof("conservation", "derived here", "E|m_t|^2 + E tr S_t = tr S_0 at ddof 0", conservation),
    Proof("accumulate", PAPER, "one step of accumulate, any schedule", accumulate),
    Proof("accumulate-square", "derived here", "E V'^2 under accumulate", accumulate_square),
    Proof("accumulate-unbiased", "derived here", "one step at ddof 1", accumulate_unbiased),
    Proof("subsample", "derived here", "one step of accumulate-subsample, any budget", subsample),
)
