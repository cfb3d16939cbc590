"""Truths of the loops of kernel density estimates, and the numbers these are computed in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any

import mpmath as mp
from sympy import Matrix, Rational, eye, zeros

ZERO, ONE = Rational(0), Rational(1)
# Exact polynomials become numbers at the end; they cancel far fewer digits than these.
DIGITS = 40

Vector = tuple[Rational, ...]


def precise(function: Callable[..., Any]) -> Callable[..., Any]:
    """Evaluate a function with `DIGITS` decimal digits."""

    @wraps(function)
    def wrapped(*args: Any) -> Any:
        with mp.workdps(DIGITS):
            return function(*args)

    return wrapped


def real(value: Any) -> mp.mpf:
    """Return a rational number of any library at the working precision; round nothing else."""
    if hasattr(value, "numerator") and not hasattr(value, "evalf"):
        return mp.mpf(int(value.numerator)) / int(value.denominator)
    return mp.mpmathify(value)


@dataclass(frozen=True)
class Truth:
    """A mixture of normal distributions; without covariances, of points: a data set."""

    weights: Vector = (ONE,)
    means: tuple[Vector, ...] = ((ZERO,),)
    covariances: tuple[tuple[Vector, ...], ...] | None = None

    @classmethod
    def normal(cls, mean: Sequence[Any], covariance: Any) -> "Truth":
        """Return one normal distribution."""
        rows = tuple(map(tuple, Matrix(covariance).tolist()))
        return cls((ONE,), (tuple(map(Rational, mean)),), (rows,))

    @classmethod
    def standard(cls, dim: int) -> "Truth":
        """Return N(0, I)."""
        return cls.normal((0,) * dim, eye(dim))

    @classmethod
    def mixture(cls, *parts: tuple[Any, Any, Any]) -> "Truth":
        """Return a mixture in one dimension of (weight, mean, variance)."""
        weights, means, variances = zip(*parts, strict=True)
        return cls(
            tuple(map(Rational, weights)),
            tuple((Rational(m),) for m in means),
            tuple(((Rational(v),),) for v in variances),
        )

    @property
    def dim(self) -> int:
        """The number of columns."""
        return len(self.means[0])

    def parts(self) -> list[tuple[Rational, Matrix, Matrix]]:
        """Return weight, mean less mu_0, and covariance of each component."""
        means = [Matrix(m) for m in self.means]
        centre = sum((w * m for w, m in zip(self.weights, means, strict=True)), zeros(self.dim, 1))
        covariances = self.covariances or [zeros(self.dim)] * len(means)
        return [
            (w, m - centre, Matrix(c))
            for w, m, c in zip(self.weights, means, covariances, strict=True)
        ]

    def moments(self) -> tuple[Rational, Rational]:
        """Return tr S_0 and E|x - mu_0|^4.

        E|m + z|^4 = (|m|^2 + tr C)^2 + 2 tr C^2 + 4 m'Cm for z of N(0, C), by Isserlis' theorem.
        """
        second = fourth = ZERO
        for weight, mean, cov in self.parts():
            square = mean.dot(mean) + cov.trace()
            second += weight * square
            fourth += weight * (square**2 + 2 * (cov * cov).trace() + 4 * mean.dot(cov * mean))
        return second, fourth

    @cached_property
    def spread(self) -> list[tuple[Rational, Rational, Rational]]:
        """Weight, mean and variance of each component: one dimension, or s^2 I."""
        assert all(c == c[0, 0] * eye(self.dim) for _, _, c in self.parts())
        return [(w, m[0], c[0, 0]) for w, m, c in self.parts()]

    def peak(self) -> mp.mpf:
        """Return a bound on the density: each component at its own peak."""
        scale = (2 * mp.pi) ** self.dim
        return mp.fsum(real(w) / mp.sqrt(scale * real(c.det())) for w, _, c in self.parts())
