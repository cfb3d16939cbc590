r"""Few fresh rows among many sampled ones: the conjugate prior of the mean.

Each generation pools r real rows and s rows of the last model: m' = (r x + s y)/(r + s), x the mean
of r rows of the truth, y that of s rows of the model m. Given m, m' - m has the mean
r (m_0 - m)/(r + s) and the variance (r V(m_0) + s V(m))/(r + s)^2, so that s times them tend to
r (m_0 - m) and V(m), and s times the higher moments to 0. The generator of the limit is
r (m_0 - m) d + V(m)/2 d^2; its law at rest has no flow, r (m_0 - m) f = (V f / 2)'.
"""

from sympy import Expr, Integer, Symbol, atan, diff, exp, log, oo, simplify, solve, symbols

from theory.derivation import Proof

HERE = "derived here"
m = Symbol("m", positive=True)
r, s, m0, size = symbols("r s m0 size", positive=True)
v0, v1, v2 = symbols("v0 v1 v2")


def _at_rest(V: Expr, log_density: Expr) -> Expr:
    """Return the flow of a density, over the density; of the generator of the limit."""
    f = exp(log_density)
    return simplify((r * (m0 - m) * f - diff(V * f / 2, m)) / f)


def densities() -> list[Expr]:
    """Normal, gamma, beta, inverse gamma, beta prime and Pearson IV with 2r rows are at rest."""
    R = 2 * r
    y, mu = m / size, m0 / size
    return [
        _at_rest(size, -R * (m - m0) ** 2 / (2 * size)),
        _at_rest(m, (R * m0 - 1) * log(m) - R * m),
        _at_rest(
            m * (size - m) / size,
            (R * m0 - 1) * log(y) + (R * (size - m0) - 1) * log(1 - y),
        ),
        _at_rest(m**2 / size, -(R * size + 2) * log(m) - R * size * m0 / m),
        _at_rest(
            m * (size + m) / size,
            (R * m0 - 1) * log(y) - (R * m0 + R * size + 1) * log(1 + y),
        ),
        _at_rest(
            size + m**2 / size,
            -(R * size / 2 + 1) * log(1 + y**2) + R * size * mu * atan(y),
        ),
    ]


def _settled(order: int) -> dict[int, Expr]:
    """Return E (m - m_0)^j, j <= order <= 3, of the loop at rest, for every r and s."""
    d, M2, M3 = symbols("d M2 M3")
    moments = {0: Integer(1), 1: Integer(0), 2: M2, 3: M3}
    V = v0 + v1 * d + v2 * d**2
    a, b = s / (r + s), r / (r + s)

    def expected(polynomial: Expr) -> Expr:
        terms = polynomial.expand().as_poly(d).terms()
        return sum((c * moments[power] for (power,), c in terms), Integer(0))

    # y - m_0 is d and noise of the cumulants V/s and V V'/s^2; x - m_0 the same at d = 0.
    second = a**2 * (d**2 + V / s) + b**2 * v0 / r
    third = a**3 * (d**3 + 3 * d * V / s + V * diff(V, d) / s**2) + b**3 * v0 * v1 / r**2
    found = {2: solve(expected(second) - M2, M2)[0]}
    if order == 3:
        equation = (expected(third) - M3).subs(M2, found[2])
        found[3] = solve(equation, M3)[0]
    return found


def moments() -> list[Expr]:
    """E (m - m_0)^2 = V (r + s)/(r^2 + (2r - v2) s), and the limits are the prior's moments."""
    found = _settled(3)
    second = v0 / (2 * r - v2)
    return [
        simplify(found[2] - v0 * (r + s) / (r**2 + (2 * r - v2) * s)),
        simplify(found[2].limit(s, oo) - second),
        # At rest: r E x^3 = E [x V(x)], x the distance from m_0.
        simplify(found[3].limit(s, oo) - v1 * second / (r - v2)),
        simplify(
            found[2] - second - v0 * r * (r - v2) / ((2 * r - v2) * (r**2 + (2 * r - v2) * s))
        ),
    ]


PROOFS = (
    Proof("prior-densities", HERE, "conjugate priors with 2r rows are at rest", densities),
    Proof("prior-moments", HERE, "second and third moments at every r and s", moments),
)  # fmt: skip
