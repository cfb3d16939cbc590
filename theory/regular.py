"""Any regular model to leading order in 1/n: E excess loss = (k / 2 n) c_t.

A fit is theta_t = sum_s W_ts (theta_{s-1} + e_s), to first order, with errors e_s of the covariance
I^-1/n_s of which each has the mean 0 given the past: the recursion of a normal mean, in each of the
k coordinates of I^(1/2) theta. The loss is a quadratic form to second order, half of
(theta_t - theta_0)' I (theta_t - theta_0). The proofs hold exact losses against that.
"""

from sympy import Expr, Matrix, Rational, Symbol, expand, log, series, symbols, together, zeros

from theory.derivation import Proof

HERE = "derived here"
x = Symbol("x", positive=True)  # 1/n
t, s = symbols("t s", positive=True)


def delta() -> list[Expr]:
    """Two parameters and three fits of any weights: E of the quadratic form is k R_t / 2.

    R_t is that of a normal mean: the same recursion with one parameter and I = 1.
    """
    a, b, c, n = symbols("a b c n", positive=True)
    fisher = Matrix([[a, b], [b, c]])
    u, v, w = symbols("u v w")
    rows = [[1], [u, 1 - u], [v, w, 1 - v - w]]
    influence = zeros(3, 3)  # of the three errors on the three fits
    for i, weights in enumerate(rows):
        for part, weight in enumerate(weights):
            influence[i, part] += weight
            if part:
                influence[i, :] += weight * influence[part - 1, :]
    found = []
    for i in range(3):
        R = sum(influence[i, part] ** 2 for part in range(3)) / n
        covariance = fisher.inv() * R  # errors of different batches are uncorrelated
        found.append((fisher * covariance).trace() / 2 - R)
    return [expand(value.simplify()) for value in found]


def _lead(value: Expr) -> Expr:
    """Return the coefficient of 1/n, of a function of x = 1/n that vanishes at 0."""
    return series(value, x, 0, 2).removeO().coeff(x, 1)


def _log_chi_square(free: Expr) -> Expr:
    """Return E log of a chi-square over n, to first order: log(free x) - 1/free."""
    return log(free * x) - 1 / free


def gaussian() -> list[Expr]:
    """Replace, d = 1 and d = 3, ddof 0: 2 E excess = k t/n, k = d (d + 3)/2.

    E log det S_t gains sum_i E log chi2_{n-i}/n, E tr S^-1 is multiplied by n/(n - d - 2), and
    E m' S^-1 m, of d/n more in each generation, by the same: to first order d t/n.
    """
    found = []
    for d in (1, 3):
        rho = 1 / (1 - (d + 2) * x)
        logs = sum(_log_chi_square(1 / x - i) for i in range(1, d + 1))
        gained = t * (_lead(logs) + d * _lead(rho - 1) + d)
        found.append(expand(gained - Rational(d * (d + 3), 2) * t))
    return found


def accumulate() -> list[Expr]:
    """A step of accumulate, d = 1: 2 E excess gains 2/(n s^2).

    A = a + b X + c z^2 with a = (s-1)/s, b = 1/(n s), c = b a has the mean 1 - x/s^2 and the
    variance 2 x/s^2 + O(x^2), so E log A = (E A - 1) - Var A/2, E 1/A = 1 - (E A - 1) + Var A.
    """
    a, b = (s - 1) / s, x / s
    mean = a + b * (1 / x - 1) + b * a - 1
    variance = 2 * b**2 * (1 / x - 1) + 2 * (b * a) ** 2
    logs, inverse, shift = mean - variance / 2, -mean + variance, x / s**2
    return [expand(_lead(expand(logs + inverse + shift)) - 2 / s**2).simplify()]


def regression() -> list[Expr]:
    """Fresh inputs, known noise: half of the sum of d (n/N_s)/(N_s - d - 1), N_s = n s."""
    d = Symbol("d", positive=True)
    step = d * (1 / s) / (s / x - d - 1)
    return [expand(_lead(step) - d / s**2).simplify()]


def one_parameter() -> list[Expr]:
    """Gamma rows of shape a, x = 1/(n a): a loss is a [log(m/m_0) + m_0/m - 1].

    Replace multiplies by t independent G, E log G = psi(1/x) + log x = -x/2 + O(x^2) and
    E 1/G = 1/(1 - x); accumulate by 1 + u, u = (G - 1)/s of the mean 0 and the variance x/s^2,
    whose third moment is of the order of x^2.
    """
    u = Symbol("u")
    replaced = _lead((1 - x) ** (-t) - 1 - t * x / 2) - t / 2
    loss = series(log(1 + u) + 1 / (1 + u) - 1, u, 0, 3).removeO()
    pooled = loss.coeff(u, 2) * x / s**2 - x / (2 * s**2)
    return [expand(replaced), expand(loss.coeff(u, 1)), expand(pooled)]


def subset() -> list[Expr]:
    """Accumulate-subsample of a known variance, k = n: pool and subset exactly, then to order 1/n.

    The pool's mean has the error M, its i n rows the variance Q (theory/exponential_subsample.py);
    a subset's mean lies beside it by u, a batch's by u + x. Six generations against the sum.
    """
    pool, spread, found, known = x, 1 - x, [], Rational(1)
    for i in range(1, 7):
        rows, chosen = i / x, 1 / x
        u = spread * (rows - chosen) / (chosen * (rows - 1))
        found.append(_lead(together(pool + u)) - known - (1 - Rational(1, i)))
        beside, after = u + x, rows + chosen
        spread = (rows * spread + chosen - 1) / after + rows * chosen / after**2 * beside
        pool, spread = together(pool + (chosen / after) ** 2 * beside), together(spread)
        known += (2 - Rational(1, i)) * Rational(1, (i + 1) ** 2)
    return found


PROOFS = (
    Proof("regular-delta", HERE, "E excess = k R_t / 2 for any weights", delta),
    Proof("regular-gaussian", HERE, "replace, unknown mean and covariance: k t / 2n", gaussian),
    Proof("regular-accumulate", HERE, "accumulate, mean and variance: 2/(2 n s^2)", accumulate),
    Proof("regular-one-parameter", HERE, "gamma rows: t / 2n and 1/(2 n s^2)", one_parameter),
    Proof("regular-subset", HERE, "accumulate-subsample: (2 - 1/s)/(2 n (s + 1)^2)", subset),
    Proof("regular-regression", HERE, "accumulate, fresh inputs: d/(2 n s^2)", regression),
)
