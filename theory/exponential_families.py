"""Six one-parameter exponential families, from their log-partition functions.

A family has the densities exp(theta x - b(theta)) with respect to some measure, so that the
cumulants of one row are the derivatives of b, and the maximum-likelihood fit of the mean is the
mean of the training rows. All else here is differentiation and substitution.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sympy import (
    QQ,
    Expr,
    Function,
    Integer,
    Poly,
    Rational,
    Symbol,
    atan,
    binomial,
    cos,
    diff,
    exp,
    gamma,
    integrate,
    log,
    oo,
    pi,
    simplify,
    sin,
    sqrt,
    summation,
    symbols,
)

from theory.derivation import Proof

THETA, MEAN = symbols("theta m")
A = Symbol("a", positive=True)  # the family's own parameter
ORDER = 4


@dataclass(frozen=True)
class Family:
    """One family.

    Parameters
    ----------
    name
        As the package calls it.
    partition
        b(theta), with the family's own parameter a.
    natural
        The theta that has the mean m.
    """

    name: str
    partition: Expr
    natural: Expr


FAMILIES = {
    family.name: family
    for family in (
        Family("NormalMean", A * THETA**2 / 2, MEAN / A),
        Family("Poisson", exp(THETA), log(MEAN)),
        Family("Binomial", A * log(1 + exp(THETA)), log(MEAN / (A - MEAN))),
        Family("Gamma", -A * log(-THETA), -A / MEAN),
        Family("NegativeBinomial", -A * log(1 - exp(THETA)), log(MEAN / (MEAN + A))),
        Family("HyperbolicSecant", -A * log(cos(THETA)), atan(MEAN / A)),
    )
}


@cache
def cumulants(name: str) -> tuple[Poly, ...]:
    """Return the first four cumulants of one row as polynomials in its mean."""
    family = FAMILIES[name]
    found = []
    for order in range(1, ORDER + 1):
        value = simplify(diff(family.partition, THETA, order).subs(THETA, family.natural))
        found.append(Poly(value, MEAN))
    assert found[0] == Poly(MEAN, MEAN)
    return tuple(found)


@cache
def shifted(name: str, parameter: Rational, mean: Rational) -> tuple[tuple[Any, ...], ...]:
    """Return the cumulants less those of the truth's mean, with coefficients of powers of d.

    They belong to x - m_0 for a row x of mean m_0 + d; constant terms come first.
    """
    found = []
    for order, cumulant in enumerate(cumulants(name), 1):
        moved = cumulant.as_expr().subs(A, parameter).subs(MEAN, mean + MEAN) - (
            mean if order == 1 else 0
        )
        coefficients = Poly(moved, MEAN).all_coeffs()[::-1]
        found.append(tuple(QQ.from_sympy(Rational(c)) for c in coefficients))
    return tuple(found)


def curvature(name: str, parameter: Any) -> Rational:
    """Return V''/2, the curvature of the variance as a function of the mean."""
    return Rational(cumulants(name)[1].coeff_monomial(MEAN**2).subs(A, parameter))


def quadratic() -> list[Expr]:
    """b'' = v0 + v1 b' + v2 b'^2, with Morris's values for the six families."""
    b, morris = (
        {name: family.partition for name, family in FAMILIES.items()},
        {
            "NormalMean": (A, 0, 0),
            "Poisson": (0, 1, 0),
            "Binomial": (0, 1, -1 / A),
            "Gamma": (0, 0, 1 / A),
            "NegativeBinomial": (0, 1, 1 / A),
            "HyperbolicSecant": (A, 0, 1 / A),
        },
    )
    return [
        diff(b[name], THETA, 2) - (v0 + v1 * diff(b[name], THETA) + v2 * diff(b[name], THETA) ** 2)
        for name, (v0, v1, v2) in morris.items()
    ] + [
        cumulants(name)[1].as_expr() - (v0 + v1 * MEAN + v2 * MEAN**2)
        for name, (v0, v1, v2) in morris.items()
    ]


def higher() -> list[Expr]:
    """k3 = V V' and k4 = V (V'^2 + V V''), for any family: d/dtheta is V d/dm.

    Then for the six families, whose cumulants were differentiated and not computed from V.
    """
    V = Function("V")(MEAN)
    third = V * diff(V, MEAN)
    fourth = V * diff(third, MEAN)
    general = [fourth - V * (diff(V, MEAN) ** 2 + V * diff(V, MEAN, 2))]
    chain = [diff(family.natural, MEAN) * cumulants(name)[1].as_expr() - 1
             for name, family in FAMILIES.items()]  # fmt: skip
    each = []
    for name in FAMILIES:
        _, k2, k3, k4 = (k.as_expr() for k in cumulants(name))
        each += [k3 - third.subs(V, k2).doit(), k4 - fourth.subs(V, k2).doit()]
    return [*general, *chain, *each]


def densities() -> list[Expr]:
    """The sums and integrals of exp(theta x) over the families' measures are exp(b).

    Continuous families: the measures N(0, a), x^(a-1)/Gamma(a) on x > 0, and, for the hyperbolic
    secant with a = 1, dx / (2 cosh(pi x/2)): with u = e^{pi x/2} and p = 1 + 2 theta/pi its
    integral is (2/pi) int u^(p-1)/(1+u^2) du = 1/sin(pi p/2) = 1/cos(theta). Discrete ones:
    1/x!, and, at small a, binomial(a, x) and binomial(x+a-1, x).
    """
    x, u, s, z = symbols("x u s z", positive=True)
    k = Symbol("k", integer=True, nonnegative=True)
    b = {name: family.partition for name, family in FAMILIES.items()}
    tilt = Symbol("t", real=True)
    y = Symbol("y", real=True)
    normal = integrate(exp(tilt * y - y**2 / (2 * A)), (y, -oo, oo)) / sqrt(2 * pi * A)
    laplace = integrate(x ** (A - 1) * exp(-s * x), (x, 0, oo)) / gamma(A)
    p = Symbol("p", positive=True)
    mellin = (2 / pi) * integrate(u ** (p - 1) / (1 + u**2), (u, 0, oo), conds="none")
    counted = [
        summation(binomial(a, k) * z**k, (k, 0, a)) - exp(b["Binomial"]).subs({A: a, THETA: log(z)})
        for a in (1, 2, 3)
    ]
    waiting = [
        _geometric(a, z) - exp(b["NegativeBinomial"]).subs({A: a, THETA: log(z)}) for a in (1, 2, 3)
    ]
    return [
        normal - exp(b["NormalMean"]).subs(THETA, tilt),
        laplace - exp(b["Gamma"]).subs(THETA, -s),
        summation(z**k / gamma(k + 1), (k, 0, oo)) - exp(b["Poisson"]).subs(THETA, log(z)),
        mellin - 1 / sin(pi * p / 2),
        (1 / sin(pi * p / 2)).subs(p, 1 + 2 * tilt / pi) - 1 / cos(tilt),
        *counted,
        *waiting,
    ]


def _geometric(a: int, z: Expr) -> Expr:
    """Return sum of binomial(k+a-1, k) z^k: the derivatives of 1/(1-z) over (a-1)!."""
    return diff(1 / (1 - z), z, a - 1) / gamma(Integer(a))


PROOFS = (
    Proof("qvf-quadratic", "Morris 1982", "V(m) = v0 + v1 m + v2 m^2, six families", quadratic),
    Proof("qvf-higher", "Morris 1982", "k3 = V V', k4 = V (V'^2 + V V'')", higher),
    Proof("qvf-densities", "Morris 1982", "the densities behind the cumulants", densities),
)
