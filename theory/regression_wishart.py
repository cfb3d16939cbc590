r"""Moments of S = X'X for k rows of N(0, I_p), from chi-squares alone, and of projections.

By Gram-Schmidt (`gaussian_steps.gram_schmidt`) the rows' columns give S = T T' with T lower
triangular, all entries independent: T_ii^2 is chi-square with k - i + 1 degrees of freedom and
T_ij is N(0, 1) below the diagonal (Bartlett). So the last pivot of S, 1/(S^{-1})_pp, is
chi-square with k - p + 1, and the determinant of the last 2 x 2 pivot block is a product of
independent chi-squares with k - p + 2 and k - p + 1.

The law of S is invariant under rotations. Hence, for H = S^{-1} or a random projection,

    E H_ij H_kl = a d_ij d_kl + b (d_ik d_jl + d_il d_jk),

and two scalar moments give a and b.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sympy import (
    Expr,
    Integer,
    Matrix,
    Poly,
    Symbol,
    exp,
    expand,
    factorial2,
    gamma,
    integrate,
    oo,
    prod,
    symbols,
)

from theory.derivation import Proof

K, P = symbols("k p", positive=True)


@dataclass(frozen=True)
class Pair:
    """The second moments of a rotation-invariant symmetric p x p matrix, by a and b."""

    a: Any
    b: Any

    def trace_squared(self, p: Any) -> Any:
        """Return E (tr H)^2."""
        return self.a * p**2 + 2 * self.b * p

    def trace_of_square(self, p: Any) -> Any:
        """Return E tr H^2."""
        return self.a * p + self.b * p * (p + 1)


def chi(k: Any, power: int) -> Any:
    """Return E (chi^2_k)^power for a whole power, which must exceed -k/2."""
    value = Integer(1)
    for i in range(abs(power)):
        value = value * (k + 2 * i) if power > 0 else value / (k - 2 - 2 * i)
    return value


def solved(single: Any, block: Any) -> Pair:
    """Return a, b from E H_11^2 = a + 2b and E(H_11 H_22 - H_12^2) = a - b."""
    b = (single - block) / 3
    return Pair(block + b, b)


def inverse(k: Any, p: Any) -> Any:
    """Return E (S^{-1})_11 of p columns and k rows; finite for k >= p + 2."""
    return chi(k - p + 1, -1)


def inverse_pair(k: Any, p: Any) -> Pair:
    """Return the second moments of S^{-1}; finite for k >= p + 4."""
    last, before = k - p + 1, k - p + 2
    return solved(chi(last, -2), chi(before, -1) * chi(last, -1))


def projection_pair(rank: Any, p: Any) -> Pair:
    """Return the second moments of the projection onto a uniform subspace of R^p.

    tr H = tr H^2 = rank, so a p^2 + 2 b p = rank^2 and a p + b p (p + 1) = rank.
    """
    if p == 1:  # H is the number 0 or 1, and a + 2b is all there is
        return Pair(Integer(rank), Integer(0))
    a, b = symbols("a b")
    pair = Pair(a, b)
    found = _linear(pair.trace_squared(p) - rank**2, pair.trace_of_square(p) - rank)
    return Pair(found[a], found[b])


def trace_and_inverse(k: Any, p: Any) -> Any:
    """Return E tr S tr S^{-1}.

    tr S is chi-square with kp degrees of freedom and independent of S / tr S, on which the
    product depends; so E tr S^{-1} = E[tr S tr S^{-1}] E[1 / tr S].
    """
    return p * inverse(k, p) / chi(k * p, -1)


def noise_moments(n: int, dim: int, sigma: Any = 1) -> tuple[Any, Any]:
    """Return E|X^+ eps|^2 and E|X^+ eps|^4 for n rows, dim columns and eps of N(0, sigma^2 I_n).

    Given X, |X^+ eps|^2 is a quadratic form with the non-zero eigenvalues of (X'X)^+: those of
    the inverse of the smaller of X'X and XX'. The fourth moment of a normal vector with
    covariance C is (tr C)^2 + 2 tr C^2 (`gaussian_steps.stein`).
    """
    if sigma == 0:
        return Integer(0), Integer(0)
    low, high = min(n, dim), max(n, dim)
    second = sigma**2 * low * inverse(high, low) if high >= low + 2 else oo
    if high < low + 4:
        return second, oo
    pair = inverse_pair(Integer(high), Integer(low))
    fourth = pair.trace_squared(low) + 2 * pair.trace_of_square(low)
    return second, sigma**4 * fourth


def _linear(*equations: Expr) -> dict[Symbol, Expr]:
    """Solve equations that are linear in a and b, by Cramer's rule."""
    a, b = symbols("a b")
    matrix = Matrix([[e.coeff(a), e.coeff(b)] for e in map(expand, equations)])
    right = Matrix([-expand(e).subs({a: 0, b: 0}) for e in equations])
    solution = matrix.adjugate() * right / matrix.det()
    return {a: solution[0], b: solution[1]}


def bartlett(p: int) -> tuple[Matrix, Callable[[Expr], Expr]]:
    """Return T of p columns, and the expectation of expressions of degree 4 or less in 1/T_ii."""
    diagonal = symbols(f"t1:{p + 1}", positive=True)
    below = {(i, j): Symbol(f"z{i}{j}") for i in range(p) for j in range(i)}
    lower = Matrix(p, p, lambda i, j: diagonal[i] if i == j else below.get((i, j), 0))

    def expect(expression: Expr) -> Expr:
        """Average term by term: all entries of T are independent."""
        cleared = Poly(expand(expression * prod(diagonal) ** 4), *diagonal, *below.values())
        total = Integer(0)
        for powers, coefficient in cleared.terms():
            degrees = [power - 4 for power in powers[:p]]
            if any(power % 2 for power in powers[p:]):
                continue
            assert not any(degree % 2 for degree in degrees)
            term = coefficient * prod(chi(K - i, degree // 2) for i, degree in enumerate(degrees))
            total += term * prod(factorial2(power - 1) for power in powers[p:])
        return total

    return lower, expect


def chi_square_moments() -> list[Expr]:
    """E x^r by integrating the density x^{k/2-1} e^{-x/2} / (2^{k/2} Gamma(k/2)), k > 4."""
    x, k = Symbol("x", positive=True), Symbol("m", positive=True) + 4
    density = x ** (k / 2 - 1) * exp(-x / 2) / (2 ** (k / 2) * gamma(k / 2))
    return [integrate(x**r * density, (x, 0, oo)) - chi(k, r) for r in (-2, -1, 1, 2)]


def inverse_wishart() -> list[Expr]:
    """E tr S^{-1}, E (tr S^{-1})^2 and E tr S^{-2}, entry by entry from T, for 1 to 3 columns.

    None of them uses invariance: S^{-1} = R'R with R = T^{-1}, expanded in full.
    """
    residuals = []
    for p in (1, 2, 3):
        lower, expect = bartlett(p)
        root = lower.inv()
        matrix = root.T * root
        pair = inverse_pair(K, p)
        residuals += [
            expect(matrix.trace()) - p * inverse(K, p),
            expect(matrix.trace() ** 2) - pair.trace_squared(p),
            expect((matrix * matrix).trace()) - pair.trace_of_square(p),
            expect(matrix.trace() * (lower * lower.T).trace()) - trace_and_inverse(K, p),
        ]
    return residuals


def textbook() -> list[Expr]:
    """The same for any p, against the formulas of von Rosen 1988."""
    pair, over = inverse_pair(K, P), (K - P) * (K - P - 1) * (K - P - 3)
    return [
        P * inverse(K, P) - P / (K - P - 1),
        pair.trace_squared(P) - P * (P * (K - P - 2) + 2) / over,
        pair.trace_of_square(P) - P * (K - 1) / over,
    ]


def projections() -> list[Expr]:
    """E|Hw|^2 = (r/p)|w|^2, and |Hw|^2 / |w|^2 is Beta(r/2, (p-r)/2), up to second moments.

    |Hw|^2 is chi-square with r over chi-square with p in a rotated frame: the second moment is
    r(r+2) / (p(p+2)).
    """
    rank = Symbol("r", positive=True)
    pair = projection_pair(rank, P)
    return [
        pair.trace_of_square(P) - rank,
        pair.a + 2 * pair.b - chi(rank, 2) / chi(P, 2),
    ]


PROOFS = (
    Proof("inverse-chi-square", "derived here", "moments of chi-squares", chi_square_moments),
    Proof("inverse-wishart", "Bartlett 1933", "moments of S^{-1} from T", inverse_wishart),
    Proof("inverse-wishart-textbook", "von Rosen 1988", "the textbook formulas, any p", textbook),
    Proof("projections", "derived here", "moments of a random projection", projections),
)
