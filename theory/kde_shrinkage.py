"""When does a loop stay bounded whose bandwidths are h_t = c t^-a (1 + log t)^-b?

Batches of one size n, kernel variance kv per coordinate; Q_t = tr S_0 (1 + second moment of fit
t), L_t = sum_{s<t} h_s^2/(s+1), H_t = sum_{s<t} h_s^2, G = sup over s <= t of h_s.

Second moment (`sums`). It is 1 + kv d H_t / tr S_0 under replace, 1 + kv d L_t / tr S_0 under
the other two: bounded iff 2a > 1, or 2a = 1 < 2b; and iff a > 0, or a = 0 and 2b > 1. Otherwise
it grows like t^{1-2a} (log t)^{-2b}, then (log t)^{1-2b} or log log t at 2a = 1; and like
t^{-2a} (log t)^{-2b}, then (log t)^{1-2b} or log log t at a = 0.

Central variance (`variance_sums`). Replace: V_t ~ (n - 1) kv d h_t^2, a geometric average of the
last h_s^2: it follows h_t to 0, to a constant or to infinity. Accumulate: V_{t+1} is V_t times
1 - 1/(n(t+1)^2), whose product converges, plus kv d h_t^2/(t+1) up to a factor 1 - O(1/t): it
has a positive limit iff L_t has a limit, else V_t ~ kv d L_t. Accumulate-subsample likewise;
its fits have (1 - 1/budget)(1 + O(1/t)) of the pool's.

Integrated squared error, truth of square-integrable density, normal kernel k = exp(-h^2 w^2/2).
It is the integral of k^2 F2, up to a bounded term, for 0 <= F1 <= 1.
  h constant or growing: k^2 F2 <= k^2, dominated convergence; `kde_limits`.
  h -> 0, replace: put w = u/h_t. The last kernels are all exp(-u^2/2) in the limit, so that
    h_t^d MISE_t -> (1/n) sum_j (1-1/n)^j (4 pi (j+1))^{-d/2}, `clumps`.
  h -> 0, accumulate-subsample: at w = u/h_t, u != 0, all but finitely many k_s are below some
    k < 1, hence P2 -> 0 and F2 -> 1/budget: h_t^d MISE_t -> (4 pi)^{-d/2} / budget.
  h -> 0, accumulate (`pool_bounds`). Let r(w) be the time when h_s |w| falls below a constant.
    Until then P2_s <= (16/7)/s; afterwards P2 gains at most sum 1/(n s^2) <= 1/(n r). From
    below P2_s >= 1/(ns) always, and after r it loses at most a constant factor. So P2_t(w) is
    of order 1/min(t, r(w)), r(w) ~ |w|^{1/a} (times logarithms), and `orders` integrates:
    bounded iff ad < 1, or ad = 1 and bd < -1 -- and if a = 0 -- else of order
    t^{ad-1} (log t)^{bd}, or at ad = 1 (log t)^{1+bd}, log log t at bd = -1.
    For ad > 1 even n t h_t^d MISE_t -> `crowding_constant`, by the scaling w = u/h_t.

Test log-loss, normal kernel, see `kde_losses`. Here U_t is Q_t/(2 h_t^2) + (d/2) log(2 pi h_t^2),
the upper bound.
  Replace: the loss is (1 + o(1)) U_t, for every a and b: D has sqrt(Q_t - V_t) - sqrt(n V_t) for
    sqrt(Q_t), and V_t = O(h_t^2) is o(Q_t), while the logarithm is o(Q_t/h_t^2).
  Growing h (a < 0), the other two: (1 + o(1)) d|a| log t, because Q_t/h_t^2 is bounded.
  Accumulate-subsample, a >= 0, truth with a density: of exact order Q_t/h_t^2. A training row
    is x + N(0, Y), Y the sum of independent h_s^2 Bernoulli(1/(s+1)), so its density is at most
    min(p_max, (2 pi Y)^{-d/2}) in the mean; E Y = L_t, and Chernoff's bound
    P(Y < L/2) <= exp(-L/(8 G^2)) makes that O(Q_t^{-d/2}). By C the squared distance of a fresh
    row to the nearest of the k rows is of order at least Q_t. At constant h: log t.
  Accumulate, constant h: at least (d/2) log log t, see `kde_bootstrap`; at most O(log t).
  Accumulate, a > 1/d: at least of order t^{2a-2/d} (log t)^{2b}, by C; at most U_t ~ t^{2a}.
    For 0 < a <= 1/d C is negative and J bounded: no matching lower bound is proved.
"""

import mpmath as mp
from mpmath import fp
from sympy import Expr, Rational, log, symbols

from theory.derivation import Proof

t, s, n, k, c, w, d, a, b, x = symbols("t s n k c w d a b x", positive=True)
r = symbols("r", positive=True)


def clumps(n: int, dim: int) -> mp.mpf:
    """Return lim h_t^d MISE_t under replace with h -> 0, h_t/h_{t-1} -> 1."""
    kept, half = 1 - mp.mpf(1) / n, mp.mpf(dim) / 2
    series = mp.polylog(half, kept) / kept if kept else mp.mpf(1)
    return (4 * mp.pi) ** -half * series / n


def crowding_constant(a: float, dim: int) -> float:
    """Return lim n t h_t^d MISE_t under accumulate with h = c t^-a (1 + log t)^-b, a > 1/d.

    With w = u/h_t and s = xt, k_s -> exp(-u^2 x^{-2a}/2), and n t P2_t tends to
    g(u) = integral over x < 1 of x^-2 exp(-2 integral from x to 1 of (1 - k_y) dy/y).
    The inner integral is log(1/x) - (E1(u^2/2) - E1(u^2 x^{-2a}/2)) / (2a), E1 the exponential
    integral, so that g(u) = exp(E1(u^2/2)/a) times the integral of exp(-E1(u^2 x^{-2a}/2)/a).
    In double precision, of which some 12 digits are left.
    """

    def height(u: float) -> float:
        mean = fp.quad(lambda y: fp.exp(-fp.e1(u**2 * y ** (-2 * a) / 2) / a), [0, 0.5, 1])
        return fp.exp(fp.e1(u**2 / 2) / a) * mean

    # In d dimensions a radial integral; u = v^m removes the singularity u^{d-1-1/a} at 0.
    m = 1 / (dim - 1 / a)
    sphere = 2 * fp.pi ** (dim / 2) / fp.gamma(dim / 2)

    def shell(v: float) -> float:
        u = v**m
        return m * v ** (m * dim - 1) * fp.exp(-(u**2)) * height(u)

    return float(sphere / (2 * fp.pi) ** dim * fp.quad(shell, [0, 1, 3, 6 ** (1 / m)]))


def sums() -> list[Expr]:
    """Sums of monotone terms are of the order of the integrals; these are the primitives."""
    level = 1 + log(t)
    return [
        (t ** (1 - 2 * a) / (1 - 2 * a)).diff(t) - t ** (-2 * a),
        (level ** (1 - 2 * b) / (1 - 2 * b)).diff(t) - level ** (-2 * b) / t,
        log(level).diff(t) - 1 / (t * level),
        # t^{1-2a} (log t)^{-2b}: the second factor varies slowly.
        (t ** (1 - 2 * a) * level ** (-2 * b)).diff(t)
        - t ** (-2 * a) * level ** (-2 * b) * (1 - 2 * a - 2 * b / level),
    ]


def variance_sums() -> list[Expr]:
    """Replace: weights (1-1/n)^j sum to n - 1. Accumulate: how the noise enters V'."""
    V, g = symbols("V g", positive=True)
    after = V + g / (t + 1) - (V + g) / (n * (t + 1) ** 2)
    kept = 1 - 1 / n
    stated = V * (1 - 1 / (n * (t + 1) ** 2)) + g / (t + 1) * (1 - 1 / (n * (t + 1)))
    subset = t * (n - 1) / (t * n - 1)  # E v / V
    return [
        kept / (1 - kept) - (n - 1),
        after - stated,
        subset - kept * (1 + 1 / (t * n - 1)),
    ]


def pool_bounds() -> list[Expr]:
    """The four inequalities for P2' = ((t^2 + 2tk + (1-1/n) k^2) P2 + 1/n)/(t+1)^2.

    1. t^2 + 2tk + (1-1/n)k^2 = (t+k)^2 - k^2/n.
    2. While k <= 1/4, P2 <= C/t with C = 16/7 >= 1 is inherited: (t + 1/4)^2 C/t + 1 <= C(t+1),
       for the difference is C(1/2 - 1/(16t)) - 1 >= 0 at t >= 1.
    3. Beyond r, P2' <= P2 + 1/(n(t+1)^2), and 1/(t+1)^2 = 1/t - 1/(t+1) - 1/(t(t+1)^2).
    4. The factor is at least 1 - 2(1-k)/(t+1) - 1/(n(t+1)^2), with 1 - k <= h_t^2 w^2/2; and
       h_t <= h_r (r/t)^a, while the sum of (r/s)^{2a}/s over s > r is at most 1/(2a).
       P2 >= 1/(nt) holds because the nt pairs i = j count 1 and no pair is negative.
    """
    C = symbols("C", positive=True)
    inner = t**2 + 2 * t * k + (1 - 1 / n) * k**2
    factor = inner / (t + 1) ** 2
    room = C * (t + 1) - ((t + k) ** 2 * C / t + 1)
    return [
        inner - ((t + k) ** 2 - k**2 / n),
        room.subs(k, Rational(1, 4)) - (C * (Rational(1, 2) - 1 / (16 * t)) - 1),
        1 / (t + 1) ** 2 - (1 / t - 1 / (t + 1) - 1 / (t * (t + 1) ** 2)),
        factor
        - (1 - 2 * (1 - k) / (t + 1) - 1 / (n * (t + 1) ** 2))
        - ((1 - k) ** 2 + (1 - k**2) / n) / (t + 1) ** 2,
        (-(t ** (-2 * a)) / (2 * a)).diff(t) - t ** (-2 * a - 1),
    ]


def orders() -> list[Expr]:
    """Integrals of |w|^{d-1}/min(t, r(w)): primitives, and both parts at |w| = 1/h_t."""
    h = t**-a
    below = w ** (d - 1 / a)  # times 1/(d - 1/a): the part r(w) < t, r = w^{1/a}
    return [
        below.diff(w) / (d - 1 / a) - w ** (d - 1) * w ** (-1 / a),
        below.subs(w, 1 / h) - t ** (a * d - 1),
        h**-d / t - t ** (a * d - 1),
        (log(w) ** (1 + b * d) / (1 + b * d)).diff(w) - log(w) ** (b * d) / w,
        log(log(w)).diff(w) - 1 / (w * log(w)),
    ]


def crowding_exponent() -> list[Expr]:
    """The inner integral of `crowding_constant`: both sides vanish at x = 1, derivatives agree.

    d/dx of E1(z) is -exp(-z) z'/z, and z = u^2 x^{-2a}/2 has z'/z = -2a/x.
    """
    z = w**2 * x ** (-2 * a) / 2
    kernel = symbols("kernel")  # exp(-z)
    return [
        z.diff(x) / z + 2 * a / x,
        -(1 - kernel) / x - (-1 / x + (2 * a / x) * kernel / (2 * a)),
    ]


PROOFS = (
    Proof("kde-sums", "derived here", "growth of the second moment", sums),
    Proof("kde-variance-sums", "derived here", "growth of the central variance", variance_sums),
    Proof("kde-pool-bounds", "derived here", "P2 under accumulate, from both sides", pool_bounds),
    Proof("kde-orders", "derived here", "growth of the error under accumulate", orders),
    Proof("kde-crowding", "derived here", "its constant for a > 1/d", crowding_exponent),
)
