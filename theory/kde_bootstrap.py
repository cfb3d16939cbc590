"""The bootstrap, h_s = 0 before the last fit, and whether smoothing in between can do better.

Resampling moves no row: given that two rows of a fit descend from one real row, they are equal.
So E|phi|^2 = (1 - p) + p q with q = |phi_0|^2 and p the probability that two rows of the fit
have different ancestors -- whatever the truth. 1/(1 - p) independent rows have the same spectrum:
    replace     p = (1-1/n)^t;
    accumulate  p = prod_{j <= t} (1 - 1/(n j^2)) -> sin(x)/x, x = pi/sqrt n, 1 - p ~ pi^2/(6n);
    accumulate-subsample  p = t(n-1)/(tn-1) times that of the pool, `gaussian_limits`.

`first_order` shows that the derivative of the final error by an intermediate h_s^2 at 0 is NOT
a multiple of that by the final h^2: at the best final h it is positive, so the bootstrap is a
strict local minimum in those directions. Globally, for normal kernels, let K be the product of
F1 and the final kernel, the transform of the whole smoothing. With p that of the bootstrap,
    (final kernel)^2 F2 >= K^2 (1 - p + p q)         for every schedule, `every_step`,
so the error is at least E(K) = integral of K^2 (1-p+pq) - 2 K q + q.
  Replace: K is a normal kernel of squared bandwidth sum h_s^2, and E(K) is the error of the
    bootstrap with it: for every truth no schedule beats the best bootstrap.
  The other two: K is a mixture of normal kernels. For a normal truth, s^2 I in d dimensions, no
    mixture beats the best single one. Let z = |w|^2 and K* = q/(1-p+pq), the minimiser at each w.
    log K* is concave in z (`concave`) and log of a normal kernel linear, both 0 at 0: so
    (1-p+pq)(k - K*), k the best normal kernel, is negative, then positive. Hence
    G(H) = integral of (k (1-p+pq) - q) exp(-H z/2) and G' = -(1/2) integral with a factor z have
    at most one change of sign each (exp is totally positive); G' vanishes at the best H, so it
    goes from negative to positive and G is least there. E is convex, so
    E(K) - E(k) >= 2 (mean of G(H) over the mixture - G(best)) >= 0.
  For other truths it can fail: see `PEAKED`.
"""

from sympy import Expr, Rational, exp, log, pi, series, simplify, sin, sqrt, symbols

from theory import gaussian_limits
from theory.derivation import Proof
from theory.kde_truth import Truth

n, t, k, q, P2, F2 = symbols("n t k q P2 F2", positive=True)


def replaced(before: Expr, kernel: Expr) -> Expr:
    """Return F2 after one step of replace."""
    return 1 / n + (1 - 1 / n) * kernel**2 * before


def pooled(before: Expr, fitted: Expr, kernel: Expr) -> Expr:
    """Return P2 of the pool after one step, its fit having F2 = `fitted`."""
    inner = t**2 * before + 2 * t * kernel * before
    return (inner + replaced(fitted, kernel)) / (t + 1) ** 2


def subset(before: Expr) -> Expr:
    """Return F2 of n of the tn rows of the pool."""
    return 1 / n + (1 - 1 / n) * (n * t * before - 1) / (n * t - 1)


def coalescence() -> list[Expr]:
    """One step of 1 - E|phi|^2 at k = 1: its factors are those of p."""
    ends = gaussian_limits.SUBSAMPLE_POOL.ratio().subs({gaussian_limits.N: n, gaussian_limits.T: t})
    return [
        1 - replaced(P2, 1) - (1 - 1 / n) * (1 - P2),
        1 - pooled(P2, P2, 1) - (1 - 1 / (n * (t + 1) ** 2)) * (1 - P2),
        1 - pooled(P2, subset(P2), 1) - ends * (1 - P2),
        1 - subset(P2) - t * (n - 1) / (t * n - 1) * (1 - P2),
        1 - (1 / n + (1 - 1 / n) * q) - (1 - 1 / n) * (1 - q),
    ]


def effective_rows() -> list[Expr]:
    """Accumulate: n (1 - sin(x)/x) -> pi^2/6 for large n, x = pi/sqrt n."""
    x = symbols("x", positive=True)
    leading = series(1 - sin(x) / x, x, 0, 4).removeO()
    return [
        leading - x**2 / 6,
        n * leading.subs(x, pi / sqrt(n)) - pi**2 / 6,
        simplify(gaussian_limits.accumulate(7) - (sin(x) / x).subs(x, pi / sqrt(7))),
    ]


def first_order() -> list[Expr]:
    """The derivative by h_s^2 at 0 less c_s times that by the final h^2, c_s the chance of noise s.

    In units of the integral of z k^2 and z k^2 q, k the final kernel: (1-p, p) comes from the
    final h^2, (1-p_s, p_s) y from h_s^2, p_s the p of fit s, all less the integral of z k q.
    The excess is (1-p) - y(1-p_s) and p - y p_s; the second form shows both signs, because
    1 - 1/(n(s+1)^2) >= 1 - 1/(n(s+1)). Later steps multiply by `rest`.
    Replace: p = p_s rest, y = rest, c = 1. Accumulate: c = 1/(s+1), see below.
    """
    p, rest = symbols("p rest", positive=True)  # p_s, and the factor of the steps after s + 1
    before = 1 - p + p * q
    slope = (pooled(before, before, k)).diff(k).subs(k, 1) * rest
    y = (1 - 1 / (n * (t + 1))) * rest
    last = p * (1 - 1 / (n * (t + 1) ** 2)) * rest
    excess = last - y * p
    return [
        replaced(before, k).diff(k).subs(k, 1) * rest - 2 * (1 - 1 / n) * rest * before,
        (1 - p * rest) - rest * (1 - p) - (1 - rest),
        slope - 2 / (t + 1) * y * before,
        excess - p * rest * t / (n * (t + 1) ** 2),
        ((1 - last) - y * (1 - p)) - ((1 - y) - excess),
        # (1 - y) - excess is positive, being the least at rest = 1 and p = 1:
        ((1 - y) - excess).subs({rest: 1, p: 1}) - 1 / (n * (t + 1) ** 2),
    ]


def every_step() -> list[Expr]:
    """No step with k <= 1 lowers F2 relative to |F1|^2 below what k = 1 would leave.

    Let R = P2/P1^2 and u = 1/P1^2, P1 the pool's F1. What the final fit has, once all later steps
    have k = 1, is A u + B R with A + B = 1. One step maps u to u (t+1)^2/(t+k)^2 and R to
    `after`, so that A u + B R becomes B R + (X + Y k^2)/(t+k)^2, whose derivative in k is
    2 (Y k t - X)/(t+k)^3. Accumulate has A = 0 and Y < 0 < X. Accumulate-subsample has
    F2 = alpha + (1-alpha) P2, alpha_t = (t-1)/(tn-1), increasing, so A >= alpha_{t+1} and
    Y k t <= alpha_t t u <= alpha_{t+1} (t+1)^2 u <= X. The least value is at k = 1, for all u, R.
    Replace: R' = (1-1/n) R + u'/n and u' = u/k^2 >= u.
    """
    R, u, A, B, alpha = symbols("R u A B alpha", positive=True)
    fitted = alpha + (1 - alpha) * P2
    square = ((t + k) / (t + 1)) ** 2  # P1'^2 / P1^2
    after = (pooled(P2, fitted, k) / square * u).subs(P2, R / u)
    X = (A * (t + 1) ** 2 + B / n) * u
    Y = B * ((1 - 1 / n) * alpha * u - (1 - (1 - 1 / n) * (1 - alpha)) * R)
    stated = B * R + (X + Y * k**2) / (t + k) ** 2
    share = (t - 1) / (t * n - 1)
    return [
        A * u / square + B * after - stated,
        stated.diff(k) - 2 * (Y * k * t - X) / (t + k) ** 3,
        subset(P2) - fitted.subs(alpha, share),
        share.subs(t, t + 1) - share - (n - 1) / ((t * n - 1) * ((t + 1) * n - 1)),
        (replaced(P2, k) * u / k**2).subs(P2, R / u) - ((1 - 1 / n) * R + u / (n * k**2)),
    ]


def concave() -> list[Expr]:
    """log K* of a normal truth, q = exp(-v z): its second derivative in z is negative."""
    v, z, p = symbols("v z p", positive=True)
    wave = exp(-v * z)
    best = -v * z - log(1 - p + p * wave)
    return [
        best.diff(z, 2) + v**2 * p * (1 - p) * wave / (1 - p + p * wave) ** 2,
        best.subs(z, 0),
    ]


# A narrow peak wants little smoothing, the wide rest much: a mixture of kernels does both.
PEAKED = Truth.mixture((Rational(9, 10), 0, 1), (Rational(1, 10), 0, Rational(1, 10**4)))


# With n = 100 and T = 2, these h_1 and final h beat every bootstrap, by 9 % and by 0.1 %.
BETWEEN = {
    "accumulate": ((Rational(9, 20),), Rational(1, 60)),
    "accumulate-subsample": ((Rational(9, 20),), Rational(1, 22)),
}


PROOFS = (
    Proof("kde-coalescence", "derived here", "E|phi|^2 of the bootstrap", coalescence),
    Proof("kde-effective-rows", "derived here", "it is worth 6n/pi^2 rows", effective_rows),
    Proof("kde-first-order", "derived here", "little smoothing in between hurts", first_order),
    Proof("kde-every-step", "derived here", "smoothing never lowers F2/|F1|^2", every_step),
    Proof("kde-concave", "derived here", "the best kernel of a normal truth", concave),
)
