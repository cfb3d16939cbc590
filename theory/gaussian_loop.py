"""The Gaussian loop, as defined: everything else in `theory` starts from this page.

Batch 1 holds n_1 rows of the truth, which has mean 0 (the loop commutes with shifts) and
covariance S_0. Model t has the weighted mean m_t and covariance S_t of its training rows; with
row weights w that sum to one the divisor of S_t is 1 - ddof sum w^2, and a floor is added to its
diagonal. Batch s > 1 holds n_s rows
of N(m_{s-1}, lambda S_{s-1}), after fresh rows of the truth where the workflow brings any.
"""

from dataclasses import dataclass, replace
from typing import Any

from sympy import QQ, Matrix, Rational

from theory.weights_loop import SETS, SUBSAMPLE, Plan

ZERO, ONE = Rational(0), Rational(1)


@dataclass(frozen=True)
class Truth:
    """What generation 1 is drawn from.

    Parameters
    ----------
    mean, covariance
        The first two moments of a normal truth; ignored if there are rows.
    rows
        A data set, drawn from with replacement.
    """

    mean: tuple[Rational, ...] = (ZERO,)
    covariance: tuple[tuple[Rational, ...], ...] = ((ONE,),)
    rows: tuple[tuple[Rational, ...], ...] | None = None

    @classmethod
    def standard(cls, dim: int) -> "Truth":
        """Return N(0, I)."""
        identity = tuple(tuple(Rational(int(i == j)) for j in range(dim)) for i in range(dim))
        return cls((ZERO,) * dim, identity)

    def centred(self) -> Matrix:
        """Return the rows less their mean."""
        values = Matrix(self.rows)
        mean = Matrix([[sum(values[:, j]) / values.rows for j in range(values.cols)]])
        return Matrix(values.rows, values.cols, lambda i, j: values[i, j] - mean[j])

    def moments(self) -> tuple[Rational, Rational, Rational]:
        """Return tr S_0, tr S_0^2 and E|x - mu_0|^4, exactly."""
        if self.rows is not None:
            centred = self.centred()
            cov = centred.T * centred / centred.rows
            norms = [(centred[i, :] * centred[i, :].T)[0] for i in range(centred.rows)]
            return cov.trace(), (cov * cov).trace(), sum(q**2 for q in norms) / centred.rows
        cov = Matrix(self.covariance)
        trace, square = cov.trace(), (cov * cov).trace()
        # E|x|^4 = E (sum x_a^2)^2 = (tr S)^2 + 2 tr S^2, by Isserlis' theorem.
        return trace, square, trace**2 + 2 * square

    def determinant(self) -> Rational:
        """Return det S_0 of a normal truth."""
        return Matrix(self.covariance).det()


@dataclass(frozen=True)
class Loop:
    """The parameters of a loop; `option` is that of `theory.weights_loop.Plan`."""

    workflow: str
    sizes: tuple[int, ...]
    ddof: int = 0
    temperature: Rational = ONE
    option: Any = None
    dim: int = 1
    truth: Truth | None = None
    floor: Rational = ZERO

    @property
    def share(self) -> Any:
        """The trace of floor * I in units of tr S_0, as an element of the field."""
        return QQ.from_sympy(self.floor * self.dim / self.moments()[0])

    @property
    def heat(self) -> Any:
        """The temperature, as an element of the field of rational numbers."""
        return QQ.from_sympy(Rational(self.temperature))

    @property
    def n(self) -> int:
        """The batch size of a loop whose batches all have one size."""
        (size,) = set(self.sizes)
        return size

    def moments(self) -> tuple[Rational, Rational, Rational]:
        """Return tr S_0, tr S_0^2 and E|x - mu_0|^4."""
        return (self.truth or Truth.standard(self.dim)).moments()

    def following(self, plan: Plan) -> "Loop":
        """Return the same loop with another plan."""
        return replace(self, workflow=plan.workflow, sizes=plan.sizes, option=plan.option)

    @property
    def plan(self) -> Plan:
        """Which rows every fit uses."""
        return Plan(self.workflow, self.sizes, self.option)

    def divisor(self, t: int) -> Any:
        """Return 1 - ddof * sum of the squared row weights of fit t."""
        if self.workflow == SUBSAMPLE:
            return 1 - QQ(self.ddof, self.plan.budget(t))
        if self.workflow == SETS:
            return 1 - QQ(self.ddof, self.sizes[0])
        weights = zip(self.plan.part_weights(t), self.plan.parts(t), strict=True)
        return 1 - self.ddof * sum(w**2 / part.rows for w, part in weights)
