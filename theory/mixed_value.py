"""What synthetic rows are worth: a mean of real rows and of rows from a generator.

The generator was fitted to n_0 real rows of its own: its rows have mean g, the mean of those
n_0, and the variance of one observation, 1.
"""

from itertools import product
from typing import Any

from sympy import Expr, Rational, oo, symbols

from theory.derivation import Proof
from theory.mixed_loop import Setting


def pooled(real: Any, synthetic: Any, generator_rows: Any) -> Any:
    """Return E of the squared mean of all rows: sums of real rows, of sampled noise, n_s g."""
    return (real + synthetic + synthetic**2 / generator_rows) / (real + synthetic) ** 2


def synthetic_value(s: Setting) -> list[Any]:
    """Return the error of the mean of all rows."""
    return [pooled(Rational(s.real), Rational(s.synthetic), Rational(s.generator_rows))]


def shared_generator_value(s: Setting) -> list[Any]:
    """Return the same if g is the mean of the real rows themselves: (n_r + n_s) g plus noise."""
    total = s.real + s.synthetic
    return [Rational(1, s.real) + Rational(s.synthetic, total**2)]


def weighted_synthetic_value(s: Setting) -> list[Any]:
    """Return the error of the best weighting: the precisions of the two means add up."""
    sampled = Rational(1, s.generator_rows) + Rational(1, s.synthetic)
    return [1 / (s.real + 1 / sampled)]


def break_even_synthetic(s: Setting) -> list[Any]:
    """Return the n_s > 0 at which `pooled` is 1/n_r again, infinite if it stays below.

    n_r (n_r + n_s + n_s^2/n_0) = (n_r + n_s)^2 is linear in n_s after a division by n_s.
    """
    slope = Rational(s.real, s.generator_rows) - 1
    return [s.real / slope if slope > 0 else oo]


def optimal_synthetic(s: Setting) -> list[Any]:
    """Return the best share p, n_s = n_r p/(1-p) and the error (1-p)/n_r + p^2/n_0.

    The error is a parabola in p with its vertex at n_0 / (2 n_r); p stays at or below 1.
    """
    p = min(Rational(1), Rational(s.generator_rows, 2 * s.real))
    error = (1 - p) / s.real + p**2 / s.generator_rows
    return [p, oo if p == 1 else s.real * p / (1 - p), error]


def parabola() -> list[Expr]:
    """The error as a function of the share; its vertex, its value there, and where it is even."""
    r, s, g, p = symbols("r s g p", positive=True)
    error = (1 - p) / r + p**2 / g
    best = g / (2 * r)
    return [
        pooled(r, s, g) - error.subs(p, s / (r + s)),
        error.diff(p).subs(p, best),
        error.diff(p, 2) - 2 / g,
        error.subs(p, best) - (1 / r - g / (4 * r**2)),
        error.subs(p, g / r) - 1 / r,
        error.subs(p, 1) - 1 / g,
        pooled(r, r * g / (r - g), g) - 1 / r,
    ]


def enumerated() -> list[Expr]:
    """`pooled` and its shared cousin from all signs: rows +-1, noise of the sampled rows +-1."""
    residuals = []
    for real, synthetic, rows in ((2, 3, 2), (1, 2, 3), (3, 1, 2)):
        own = shared = Rational(0)
        signs = list(product((-1, 1), repeat=real + synthetic + rows))
        for drawn in signs:
            first, noise = drawn[:real], drawn[real : real + synthetic]
            total = real + synthetic
            generator = Rational(sum(drawn[real + synthetic :]), rows)
            own += ((sum(first) + sum(noise) + synthetic * generator) / total) ** 2
            fitted = Rational(sum(first), real)
            shared += ((sum(first) + sum(noise) + synthetic * fitted) / total) ** 2
        setting = Setting(real=real, synthetic=synthetic, generator_rows=rows)
        residuals += [
            own / len(signs) - synthetic_value(setting)[0],
            shared / len(signs) - shared_generator_value(setting)[0],
        ]
    return residuals


def best_weights() -> list[Expr]:
    """The best weight of two independent means, its error, and that it never hurts."""
    r, s, g, w = symbols("r s g w", positive=True)
    error = (1 - w) ** 2 / r + w**2 * (1 / g + 1 / s)
    worth = g * s / (g + s)
    best = worth / (r + worth)
    return [
        error.diff(w).subs(w, best),
        error.diff(w, 2) - 2 * (1 / r + 1 / worth),
        error.subs(w, best) - 1 / (r + worth),
        1 / r - error.subs(w, best) - worth / (r * (r + worth)),
    ]


HERE = "derived here"
PROOFS = (
    Proof("mixed-parabola", HERE, "pooled synthetic rows: optimum and break-even", parabola),
    Proof("mixed-enumerated", HERE, "the error of pooled means, from all signs", enumerated),
    Proof("mixed-best-weights", HERE, "best weights never hurt", best_weights),
)
