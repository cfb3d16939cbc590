"""Loops that mix real and sampled rows, as defined: every `mixed_*` module starts from this page.

Units: the truth has mean 0 and one observation has variance 1; V(m) = 1 + v1 m + v2 m^2. Fit t
weights its real rows by w in all and its sampled rows, drawn from model t - 1, by u = 1 - w.

fresh  n_r new real rows and n_s new sampled rows in each generation
kept   the real rows of generation 1, for ever, and n_s new sampled rows

The moments (E m_t^2, E v_t) of a fit of mean m and variance v (ddof 0) follow an affine map with
a matrix that is not negative, so they settle iff all principal minors of I - M are positive.
"""

from dataclasses import dataclass, fields
from typing import Any

from sympy import Matrix, Rational, oo

ONE = Rational(1)


@dataclass(frozen=True)
class Setting:
    """The arguments of one question, exact; None where it does not ask for one.

    Parameters
    ----------
    real, synthetic, generator_rows, dim, sizes, generation
        Numbers of rows, of columns, of rows by generation, and t.
    weight, share, real_share, real_shares, synthetic_share
        Shares; None pools all rows where that has a meaning.
    curvature, curvature_per_row, temperature, shift, noise, inflation
        v2, v2 over the batch, lambda, |Delta|^2, sigma^2, and a bound on n_r E m^2.
    workflow
        "fresh-data" or "keep-real".
    """

    real: Any = None
    synthetic: Any = None
    generator_rows: Any = None
    dim: Any = None
    sizes: tuple[int, ...] | None = None
    generation: Any = None
    weight: Any = None
    share: Any = None
    real_share: Any = None
    real_shares: tuple[Any, ...] | None = None
    synthetic_share: Any = None
    curvature: Any = None
    curvature_per_row: Any = None
    temperature: Any = None
    shift: Any = None
    noise: Any = None
    inflation: Any = None
    workflow: str | None = None

    def given(self) -> dict[str, Any]:
        """Return the arguments that are not None, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def sampled(self) -> Any:
        """Return u, the weight of the sampled rows."""
        weight = self.weight if self.share is None else self.share
        pooled = Rational(self.real, self.real + self.synthetic)
        return 1 - (pooled if weight is None else weight)


@dataclass(frozen=True)
class MixedDomain:
    """Which arguments a derivation takes, and which of them may be left out."""

    arguments: tuple[str, ...]
    optional: tuple[str, ...] = ()


def affine(u: Any, n: Any, heat: Any, start: Any, cross: Any) -> tuple[Matrix, Matrix]:
    """Return M and b of (E m'^2, E v') = M (E m^2, E v) + b.

    m' = w r + u x, with r the real and x the sampled mean: x has mean m and variance heat v / n.
    v' averages squares, w and u (heat v + m^2) in all, less m'^2. `start` is E r^2, `cross`
    the limit of E r m.
    """
    matrix = Matrix([[u**2, u**2 * heat / n], [u - u**2, u * heat - u**2 * heat / n]])
    fixed = (1 - u) ** 2 * start + 2 * u * (1 - u) * cross
    return matrix, Matrix([fixed, 1 - u - fixed])


def settled(matrix: Matrix, constant: Matrix) -> list[Any]:
    """Return the limits of E v and of E m^2, infinite where they do not settle."""
    if matrix[0, 0] >= 1 or (Matrix.eye(2) - matrix).det() <= 0:
        return [oo, oo]
    error, variance = (Matrix.eye(2) - matrix).LUsolve(constant)
    return [variance, error]


def curved(u: Any, n: Any, v2: Any, fixed: Any) -> Any:
    """Return the limit of E m^2 from q = fixed + u^2 (q + (1 + v2 q)/n)."""
    factor = u**2 * (1 + Rational(v2) / n)
    return oo if factor >= 1 else (fixed + u**2 / Rational(n)) / (1 - factor)
