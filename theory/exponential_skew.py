r"""Third moments of the fitted mean, and the law of a Poisson fit: symbolic proofs.

d = m - m_0, V(m_0 + d) = v0 + v1 d + v2 d^2, and a batch of n rows enters the pool with the share a
(a = 1 under replace): d' = d + a y, y of the cumulants V/n and V V'/n^2 given d.
"""

from sympy import Expr, Integer, Symbol, exp, factorial, oo, pi, summation, symbols, zeta

from theory.derivation import Proof
from theory.exponential_fourth import KAPPAS, moment

a, n, z, rate = symbols("a n z rate", positive=True)
v0, v1, v2, d, q2, q3 = symbols("v0 v1 v2 d q2 q3")
J = Symbol("j", integer=True, positive=True)
HERE = "derived here"


def _expected(polynomial: Expr) -> Expr:
    """Average a polynomial in d, by its moments 0, q2, q3."""
    moments = {0: Integer(1), 1: Integer(0), 2: q2, 3: q3}
    terms = polynomial.expand().as_poly(d).terms()
    return sum((c * moments[power] for (power,), c in terms), Integer(0))


def step() -> list[Expr]:
    """E d'^3, and E d'^2, from those of d: the recursion of one batch."""
    V = v0 + v1 * d + v2 * d**2
    noise = {KAPPAS[0]: 0, KAPPAS[1]: a**2 * V / n, KAPPAS[2]: a**3 * V * V.diff(d) / n**2}
    y2, y3 = (moment(order).as_expr().subs(noise) for order in (2, 3))
    second = q2 + a**2 * (v0 + v2 * q2) / n
    third = (
        q3
        + 3 * a**2 * (v1 * q2 + v2 * q3) / n
        + a**3 * (v0 * v1 + 3 * v2 * v1 * q2 + 2 * v2**2 * q3) / n**2
    )
    # v1^2 d stands in V V' too; its expectation is 0.
    return [
        (_expected(d**2 + y2) - second).expand(),
        (_expected(d**3 + 3 * d * y2 + y3) - third).expand(),
    ]


def linear() -> list[Expr]:
    """v2 = 0: t (3t - 1)/2 under replace, and sum 3 H_(s-1)/s^2 + 1/s^3 under accumulate.

    In units of v0 v1/n^2, with H the sum of 1/k^2. Its limit is zeta(3) + 3 zeta(2, 2), and
    zeta(2, 2) = (zeta(2)^2 - zeta(4))/2, as the square of zeta(2) has each pair twice.
    """
    t = Symbol("t", positive=True)
    replaced = t * (3 * t - 1) / 2
    double = (zeta(2) ** 2 - zeta(4)) / 2
    return [
        (replaced.subs(t, t + 1) - replaced - (3 * t + 1)).expand(),
        replaced.subs(t, 1) - 1,
        double - pi**4 / 120,
        zeta(3) + 3 * double - (zeta(3) + pi**4 / 40),
        summation(1 / J**2, (J, 1, oo)) - pi**2 / 6,
    ]


def generating() -> list[Expr]:
    """E z^C of a Poisson count is e^(rate (z - 1)); a pool keeps its count: z e^(rate (z - 1))."""
    count = Symbol("i", integer=True, nonnegative=True)
    series = exp(-rate) * summation((rate * z) ** count / factorial(count), (count, 0, oo))
    g = exp(rate * (z - 1))
    return [
        series - g,
        # Mean and variance of what C rows of a pool become, C (1 + rate) and C rate.
        (z * g).diff(z).subs(z, 1) - (1 + rate),
        ((z * g).diff(z, 2) + (z * g).diff(z) - (z * g).diff(z) ** 2).subs(z, 1) - rate,
    ]


PROOFS = (
    Proof("qvf-third-step", HERE, "E d^3 after one batch, any schedule", step),
    Proof("qvf-third-linear", HERE, "v2 = 0: replace, accumulate and its limit", linear),
    Proof("poisson-law", HERE, "generating functions of counts", generating),
)
