"""One least-squares fit to n_1 real rows and n_2 rows labelled by w* + Delta, exactly.

With N = n_1 + n_2 rows, S = X'X and B the part of the n_2, w_hat - w* = S^{-1} B Delta +
S^{-1} X'eps. Rotations make E|S^{-1} B Delta|^2 = (|Delta|^2/d) E tr B S^{-2} B, which is a sum
over pairs of the n_2 exchangeable rows: n_2 p + n_2 (n_2 - 1) q with

    p = E|x_1|^2 x_1'S^{-2}x_1,   q = E (x_1'x_2)(x_1'S^{-2}x_2).

All rows together give tr S S^{-2} S = d = N p + N (N-1) q. And X = Q S^{1/2} with Q uniform and
independent of S; a row g of Q has E g_a g_b g_c g_d = (dd + dd + dd) / (N(N+2)), since |g|^2 is
Beta(d/2, (N-d)/2), so that p = (E tr S tr S^{-1} + 2d) / (N(N+2)).
"""

from typing import Any

from sympy import Expr, Integer, Rational, integrate, limit, oo, symbols, sympify

from theory.derivation import Proof
from theory.mixed_loop import Setting
from theory.regression_wishart import Pair, chi, inverse, solved, trace_and_inverse


def bias_factor(real: Any, synthetic: Any, dim: Any) -> Any:
    """Return E|S^{-1} B Delta|^2 / |Delta|^2."""
    rows, d = sympify(real + synthetic), sympify(dim)
    alone = (trace_and_inverse(rows, d) + 2 * d) / (rows * (rows + 2))
    pair = (d / rows - alone) / (rows - 1)
    return synthetic * (alone + (synthetic - 1) * pair) / d


def strong_collapse_risk(s: Setting) -> list[Any]:
    """Return the two parts of E|w_hat - w*|^2: of the shift and of the noise."""
    rows = Integer(s.real + s.synthetic)
    noise = s.noise * s.dim * inverse(rows, Integer(s.dim))
    return [s.shift * bias_factor(s.real, s.synthetic, s.dim), noise]


def harmless_shift(s: Setting) -> list[Any]:
    """Return the |Delta|^2 at which the risk is that of the real rows alone."""
    d, factor = Integer(s.dim), bias_factor(s.real, s.synthetic, s.dim)
    if s.real < s.dim + 2:
        return [oo]
    alone, together = (d * inverse(Integer(n), d) for n in (s.real, s.real + s.synthetic))
    return [s.noise * (alone - together) / factor]


def plateau(s: Setting) -> list[Any]:
    """Return the limit of the bias for ever more rows in fixed shares, see `proportional`."""
    return [s.shift * s.synthetic_share**2]


def share_pair(real: Any, synthetic: Any) -> Pair:
    """Return the second moments of V = S^{-1/2} B S^{-1/2}, independent of S (Olkin, Rubin 1964).

    From B = S^{1/2} V S^{1/2}: E B_11^2 = (a + 2b) E S_11^2, and the same for the 2 x 2 minors.
    """
    rows = real + synthetic
    return solved(
        chi(synthetic, 2) / chi(rows, 2),
        chi(synthetic, 1) * chi(synthetic - 1, 1) / (chi(rows, 1) * chi(rows - 1, 1)),
    )


def matrix_beta() -> list[Expr]:
    """The same factor once more: E tr V S^{-1} V S with E V M V = b tr(M) 1 + (a + b) M."""
    n1, n2, d = symbols("n1 n2 d", positive=True)
    pair = share_pair(n1, n2)
    other = pair.b * trace_and_inverse(n1 + n2, d) / d + pair.a + pair.b
    rows = n1 + n2
    closed = n1 * n2 / (rows * (rows + 2) * (rows - 1))
    return [
        bias_factor(n1, n2, d) - other,
        pair.b - closed,
        pair.a + pair.b + pair.b - n2 * (n2 + 2) / (rows * (rows + 2)),
        other - (pair.a + pair.b + closed * (rows * d - 2) / (rows - d - 1)),
    ]


def one_column() -> list[Expr]:
    """d = 1: B/S is Beta(n2/2, n1/2), and E (B/S)^2 is n2 (n2+2) / (N (N+2)); 1 without real."""
    n1, n2, d = symbols("n1 n2 d", positive=True)
    rows = n1 + n2
    return [
        bias_factor(n1, n2, 1) - n2 * (n2 + 2) / (rows * (rows + 2)),
        bias_factor(0, n2, d) - 1,
        bias_factor(n1, 0, d),
    ]


def beta_density() -> list[Expr]:
    """a and b from the eigenvalues' density in two columns, by integrating polynomials.

    It is |x - y| (xy)^{(n2-3)/2} ((1-x)(1-y))^{(n1-3)/2} for 0 < y < x < 1.
    """
    x, y = symbols("x y")
    residuals = []
    for n1, n2 in ((3, 3), (5, 3), (3, 7), (7, 5)):
        p, q = (n2 - 3) // 2, (n1 - 3) // 2
        density = (x - y) * (x * y) ** p * ((1 - x) * (1 - y)) ** q

        def mean(value: Expr, density: Expr = density) -> Expr:
            top, below = (
                integrate(integrate(f.expand(), (y, 0, x)), (x, 0, 1))
                for f in (value * density, density)
            )
            return top / below

        pair = share_pair(Integer(n1), Integer(n2))
        residuals += [
            mean((x + y) ** 2) - pair.trace_squared(2),
            mean(x**2 + y**2) - pair.trace_of_square(2),
        ]
    return residuals


def proportional() -> list[Expr]:
    """d/N -> f with shares p_1, p_2: p_2^2 + p_1 p_2 f/(1-f), and the noise f/(1-f).

    For fixed d the plateau is p_2^2, and N times what is above it tends to p_1 p_2 (d+1): the
    shift's remainder is of order d/N, not of order (d/N)^2, where both shares are positive.
    """
    n, f, d, p2 = symbols("n f d p2", positive=True)
    many = bias_factor((1 - p2) * n, p2 * n, f * n)
    few = bias_factor((1 - p2) * n, p2 * n, d)
    return [
        limit(many.together(), n, oo) - p2**2 - p2 * (1 - p2) * f / (1 - f),
        limit((f * n * inverse(n, f * n)).together(), n, oo) - f / (1 - f),
        limit((n * (few - p2**2)).together(), n, oo) - p2 * (1 - p2) * (d + 1),
    ]


def fresh_data() -> list[Expr]:
    """Refitting for ever on n_1 new real rows and n_2 rows that the last fit labelled.

    The error of the last fit is the shift: r' = g r + sigma^2 d/(N-d-1), g = `bias_factor`,
    because its direction is uniform and independent of the new rows. In proportion, d/N -> f,
    1 - g has the sign of 1 + p_2 - f (1 + 2 p_2): real rows in every generation bound the loop
    iff d/N < (1 + p_2)/(1 + 2 p_2), which falls from 1 to 2/3 as the synthetic share grows.
    With one column g = n_2 (n_2 + 2) / (N (N + 2)) < 1 always.
    """
    f, p2, n1, n2 = symbols("f p2 n1 n2", positive=True)
    factor = p2**2 + p2 * (1 - p2) * f / (1 - f)
    rows = n1 + n2
    one = n2 * (n2 + 2) / (rows * (rows + 2))
    edge = (1 + p2) / (1 + 2 * p2)
    return [
        1 - factor - (1 - p2) * (1 + p2 - f * (1 + 2 * p2)) / (1 - f),
        factor.subs(f, edge) - 1,
        edge.diff(p2) + 1 / (1 + 2 * p2) ** 2,
        edge.subs(p2, 1) - Rational(2, 3),
        1 - one - n1 * (rows + n2 + 2) / (rows * (rows + 2)),
        bias_factor(n1, n2, 1) - one,
    ]


HERE = "derived here"
DOHMATOB = "Dohmatob et al. 2410.04840, Corollary 1"
PROOFS = (
    Proof("collapse-matrix-beta", HERE, "the shift's cost, derived twice", matrix_beta),
    Proof("collapse-one-column", HERE, "one column, and one source only", one_column),
    Proof("collapse-beta-density", HERE, "second moments of a matrix beta", beta_density),
    Proof("collapse-fresh-data", HERE, "fresh real rows alone do not bound the risk", fresh_data),
    Proof("collapse-proportional", DOHMATOB, "many columns; the plateau", proportional),
)
