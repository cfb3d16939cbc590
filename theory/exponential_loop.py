"""The loop of a one-parameter exponential family, as defined.

Batch 1 holds rows of the truth, the member of the family with the mean m_0. The fit m_t is the
weighted mean of its training rows; later batches are sampled from the member with the last mean,
or are fresh rows of the truth, as the plan says.
"""

from dataclasses import dataclass
from typing import Any

from sympy import Rational

from theory.exponential_families import curvature, shifted
from theory.weights_loop import DETERMINISTIC, FRESH, SUBSAMPLE, Plan

ALL = (*DETERMINISTIC, *FRESH, SUBSAMPLE)
ONE = Rational(1)


@dataclass(frozen=True)
class Loop:
    """The parameters of a loop: a family, its own parameter, the true mean, and a plan."""

    plan: Plan
    family: str = "NormalMean"
    parameter: Rational = ONE
    mean: Rational = ONE

    @property
    def cumulants(self) -> tuple[tuple[Any, ...], ...]:
        """The cumulants of x - m_0 for a row x of mean m_0 + d, as coefficients of powers of d."""
        return shifted(self.family, self.parameter, self.mean)

    @property
    def spread(self) -> Any:
        """The variance of one row of the truth, V(m_0)."""
        return self.cumulants[1][0]

    @property
    def curvature(self) -> Rational:
        """V''/2."""
        return curvature(self.family, self.parameter)


@dataclass(frozen=True)
class ExponentialDomain:
    """Where a derivation holds, and how large a loop its exact evaluation can afford.

    Parameters
    ----------
    workflows, families
        What is allowed.
    constant
        Whether all batches must have one size.
    sizes
        The smallest and largest part of a batch.
    generations, rows
        The largest numbers of fits, and of rows in all batches together.
    options
        Whether budgets, windows and shares vary; otherwise they are None.
    """

    workflows: tuple[str, ...] = ALL
    families: tuple[str, ...] = (
        "NormalMean",
        "Poisson",
        "Binomial",
        "Gamma",
        "NegativeBinomial",
        "HyperbolicSecant",
    )
    constant: bool = False
    sizes: tuple[int, int] = (1, 9)
    generations: int = 5
    rows: int = 30
    options: bool = True
