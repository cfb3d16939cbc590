r"""Kernels: what a kernel density estimate adds to a training row.

A kernel is radial: its density at x depends on |x| alone, and its characteristic function at
omega on u = |omega| alone; at bandwidth h the noise is h times a draw. The ball kernels have a
density proportional to (1 - |x|^2)^p on the unit ball: they are the first d coordinates of a
uniform point on the sphere in d + 2p + 2 dimensions, which is how they are drawn here.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, reals
from modelcollapse._support.errors import InvalidInput, invalid, unknown

TERMS, HIGH = 24, 20.0  # of a power series; orders beyond which gamma functions grow too large
RECURRED = 3.5  # half-integer orders up to here come by a recurrence that is stable where z > order


@dataclass(frozen=True)
class Kernel:
    """A radial kernel with bandwidth 1, given by its functions.

    Parameters
    ----------
    name
        What to call it.
    characteristic_function
        From (u >= 0 of any shape, dim) to E exp(i omega.x) at |omega| = u, a real array.
    sample
        From (n, dim, rng) to n draws, shape (n, dim).
    log_density
        From (|x|^2 of any shape, dim) to the log-density in nats; minus infinity is allowed.
    variance
        From dim to the variance of one coordinate.
    fourth_moment
        From dim to E|x|^4, or None: then no variances over replicates are predicted.
    roughness
        From dim to the integral of the squared density, or None: it is then computed numerically.
    """

    name: str
    characteristic_function: Callable[[Floats, int], Any]
    sample: Callable[[int, int, np.random.Generator], Any]
    log_density: Callable[[Floats, int], Any]
    variance: Callable[[int], float]
    fourth_moment: Callable[[int], float] | None = None
    roughness: Callable[[int], float] | None = None

    def __repr__(self) -> str:
        return f"<kernel {self.name}>"

    def __reduce__(self) -> Any:
        """Travel to other processes by name, if the name says it all."""
        if self.built_in:
            return as_kernel, (self.name,)
        return Kernel, tuple(getattr(self, field.name) for field in fields(self))

    @property
    def built_in(self) -> bool:
        """Whether compiled code draws it."""
        return KERNELS.get(self.name) is self

    def squared_norm(self, dim: int) -> float:
        """Return the integral of the squared density."""
        if self.roughness is not None:
            return float(self.roughness(dim))
        from scipy.integrate import quad

        area = _sphere(dim)
        square = lambda r: r ** (dim - 1) * np.exp(2 * np.asarray(self.log_density(r * r, dim)))  # noqa: E731
        return float(area * quad(square, 0, np.inf, epsabs=0, epsrel=1e-12, limit=500)[0])

    def noise(self, n: int, dim: int, rng: np.random.Generator) -> Floats:
        """Draw n times, checked: shape (n, dim), finite."""
        drawn = reals(f"kernel {self.name}: sample", self.sample(n, dim, rng))
        if drawn.shape != (n, dim) or not np.isfinite(drawn).all():
            raise InvalidInput(
                f"kernel {self.name}: sample({n}, {dim}, rng) returned shape {drawn.shape}, or "
                f"rows that are not finite; return finite rows of shape {(n, dim)}"
            )
        return drawn


def _sphere(dim: int) -> float:
    """Return the area of the unit sphere."""
    from scipy.special import gammaln

    return float(2 * np.exp(dim / 2 * np.log(np.pi) - gammaln(dim / 2)))


def _ball_constant(power: int, dim: int) -> float:
    """Return the logarithm of the factor of (1 - |x|^2)^power in the density."""
    from scipy.special import gammaln

    log_norm = gammaln(dim / 2 + power + 1) - gammaln(power + 1) - dim / 2 * np.log(np.pi)
    return float(log_norm)


def normalised_bessel(u: Floats, order: float) -> Floats:
    """Return Gamma(v + 1) (2/u)^v J_v(u) at u >= 0 with v the order; it is 1 at u = 0."""
    from scipy.special import gamma, hyp0f1, jv

    u = np.asarray(u, dtype=np.float64)
    square = np.square(u) / 4
    near = square < min(order + 1, 4.0)
    result, some = np.ones_like(u), square[near]
    total, term = np.ones_like(some), np.ones_like(some)
    for k in range(1, TERMS):
        term = -term * some / (k * (k + order))
        total += term
    result[near] = total
    far, z = ~near, u[~near]
    with np.errstate(under="ignore"):
        if order % 1 == 0.5 and order <= RECURRED:
            result[far] = _elementary(z, order)
        elif order > HIGH:
            result[far] = hyp0f1(order + 1, -square[far])
        else:
            result[far] = gamma(order + 1) * (2 / z) ** order * jv(order, z)
    return result


def _elementary(z: Floats, order: float) -> Floats:
    """Return the same of a half-integer order, in odd dimensions: sines, cosines and powers.

    J_{v+1} = (2v/z) J_v - J_{v-1} begins with cos z at v = -1/2 and with sin z / z at v = 1/2.
    """
    before, value, v = np.cos(z), np.sin(z) / z, 0.5
    if order < v:
        return np.asarray(before)
    while v < order:
        before, value, v = value, 4 * v * (v + 1) / z**2 * (value - before), v + 1
    return np.asarray(value)


def _ball_sample(power: int, n: int, dim: int, rng: np.random.Generator) -> Floats:
    z = rng.standard_normal((n, dim + 2 * power + 2))
    return np.asarray(z[:, :dim] / np.sqrt((z**2).sum(axis=1, keepdims=True)))


def _ball_log_density(power: int, square: Floats, dim: int) -> Floats:
    inside = np.asarray(square) < 1
    with np.errstate(divide="ignore"):
        rest = power * np.log1p(-np.where(inside, square, 0.0)) if power else 0.0
    return np.where(inside, _ball_constant(power, dim) + rest, -np.inf)


def _ball_roughness(power: int, dim: int) -> float:
    """Return the integral of the square: the factor squared over the factor of (.)^(2 power)."""
    return float(np.exp(2 * _ball_constant(power, dim) - _ball_constant(2 * power, dim)))


def _ball(name: str, power: int) -> Kernel:
    """Return the kernel (1 - |x|^2)^power; with s = 2 power + 2 + dim, x_1^2 is a Beta's."""
    return Kernel(
        name,
        lambda u, dim: normalised_bessel(u, dim / 2 + power),
        partial(_ball_sample, power),
        partial(_ball_log_density, power),
        lambda dim: 1 / (dim + 2 * power + 2),
        lambda dim: dim * (dim + 2) / ((dim + 2 * power + 2) * (dim + 2 * power + 4)),
        partial(_ball_roughness, power),
    )


GAUSSIAN = Kernel(
    "gaussian",
    lambda u, dim: np.exp(-np.square(np.minimum(u, 1e4)) / 2),  # noqa: ARG005 - the same in every dimension
    lambda n, dim, rng: rng.standard_normal((n, dim)),
    lambda square, dim: -(square + dim * np.log(2 * np.pi)) / 2,
    lambda dim: 1.0,  # noqa: ARG005
    lambda dim: dim * (dim + 2),
    lambda dim: float((4 * np.pi) ** (-dim / 2)),
)
BALLS = {"tophat": 0, "epanechnikov": 1}  # name and power
KERNELS = {"gaussian": GAUSSIAN, **{name: _ball(name, power) for name, power in BALLS.items()}}


def as_kernel(value: Any) -> Kernel:
    """Return a kernel by its name, or the kernel itself."""
    if isinstance(value, Kernel):
        return value
    if not isinstance(value, str):
        raise invalid("kernel", value, f"give one of {', '.join(KERNELS)} or a Kernel(...)")
    if value not in KERNELS:
        raise unknown("kernel", value, KERNELS)
    return KERNELS[value]
