"""The loop of linear regressions, as defined: every `regression_*` module starts from this page.

Batch t holds n_t rows x of N(0, I_d), the rows of X_t. Their labels are X_t w_{t-1} plus
independent noise of variance sigma^2; w_0 = w* is the truth. Model t is the coefficient vector
w_t of the smallest norm among those that minimise the weighted sum of squares over the rows it
trains on. "fixed" keeps X_1 for all batches and draws fresh noise, "fresh" draws a new X_t.
The risk is E|w_t - w*|^2, the excess error at a fresh row; the norm is E|w_t|^2.
"""

from dataclasses import dataclass
from typing import Any

from sympy import Matrix, Rational, zeros

from theory.derivation import Domain
from theory.weights_loop import Plan

ZERO, ONE = Rational(0), Rational(1)


@dataclass(frozen=True)
class Loop:
    """The parameters of a loop.

    Parameters
    ----------
    workflow, sizes, option
        As for `theory.weights_loop.Plan`.
    design
        "fixed" or "fresh".
    noise
        The standard deviation sigma of a label.
    truth
        The coefficients w*.
    ridge
        The penalty on |w|^2, beside the sum of squares with row weights of mean one.
    """

    workflow: str
    sizes: tuple[int, ...]
    design: str
    noise: Rational
    truth: tuple[Rational, ...]
    option: Any = None
    ridge: Rational = ZERO

    @property
    def dim(self) -> int:
        """The number of columns."""
        return len(self.truth)

    @property
    def norm(self) -> Rational:
        """Return |w*|^2."""
        return sum((w**2 for w in self.truth), ZERO)

    @property
    def n(self) -> int:
        """The batch size of a loop whose batches all have one size."""
        (size,) = set(self.sizes)
        return size

    def weights(self, t: int) -> list[Rational]:
        """Return the total weight of each batch 1..t in fit t."""
        weights = Plan(self.workflow, self.sizes, self.option).part_weights(t)
        return [Rational(w.numerator, w.denominator) for w in weights]


@dataclass(frozen=True)
class RegressionDomain(Domain):
    """Where a derivation of a regression holds.

    Parameters
    ----------
    designs
        "fixed", "fresh".
    gaps
        Allowed values of n - d, the same for every batch that is drawn; sizes are then d + gap.
    penalised
        Whether there is a penalty.
    """

    designs: tuple[str, ...] = ("fixed", "fresh")
    gaps: tuple[int, ...] = (2, 3, 4, 5, 8, 20)
    penalised: bool = False


def fits(loop: Loop, designs: list[Matrix]) -> list[tuple[Matrix, list[Matrix]]]:
    """Return each w_t as a linear map of w* and of the noise vectors, for given designs.

    Straight from the definition: all rows are stacked, each with its weight, and solved by the
    pseudo-inverse. Entry t is (L, [K_1, K_2, ...]) with w_t = L w* + sum_s K_s eps_s; entry 0
    is the truth.
    """
    models = [(Matrix.eye(loop.dim), [zeros(loop.dim, n) for n in loop.sizes])]
    for t in range(1, len(loop.sizes) + 1):
        weights = loop.weights(t)
        rows = sum(n for n, w in zip(loop.sizes, weights, strict=False) if w)
        normal, truth = loop.ridge * Matrix.eye(loop.dim), zeros(loop.dim)
        noise = [zeros(loop.dim, n) for n in loop.sizes]
        for s, total in enumerate(weights):
            moment = rows * total / loop.sizes[s] * designs[s].T
            normal += moment * designs[s]
            truth += moment * designs[s] * models[s][0]
            old = models[s][1]
            noise = [k + moment * designs[s] * o for k, o in zip(noise, old, strict=True)]
            noise[s] += moment
        inverse = normal.pinv()
        models.append((inverse * truth, [inverse * k for k in noise]))
    return models
