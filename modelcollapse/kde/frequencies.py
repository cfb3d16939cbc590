r"""Integrals over frequencies: panels of Gauss-Legendre nodes, and the truth's |phi_0|^2.

A squared error is (1/(2 pi)^d) times the integral of a function of |omega|, in one dimension of
any normal mixture and beyond of an isotropic normal truth. The integrand is a sum of
exp(i omega x) over distances x up to some reach; a panel of `ORDER` nodes and width 16 / reach
integrates each of them to 1e-13.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from modelcollapse.checks import Floats
from modelcollapse.errors import NoClosedForm
from modelcollapse.truth import NormalMixture, Rows, Truth

ORDER = 16
DEVIATIONS = 8.7  # a normal density is below 1e-16 of its peak from there
BLOCK = 2048  # panels at a time
MOST_NODES = 2**22


@dataclass(frozen=True, eq=False)
class Spectrum:
    """|phi_0|^2 of a truth, as a function of |omega|.

    Attributes
    ----------
    dim
        The number of columns.
    reach
        The largest distance between its components' means.
    deviation
        The largest standard deviation of a component.
    """

    truth: Truth
    dim: int
    reach: float
    deviation: float

    def power(self, omega: Floats) -> Floats:
        """Return |phi_0|^2 at |omega|, shape of omega."""
        weights, means, covariances = self.truth.components  # type: ignore[union-attr]
        variances = covariances[:, 0, 0]
        if self.dim > 1:  # all components share one mean
            return (
                np.asarray(
                    sum(
                        w * np.exp(-v * omega**2 / 2)
                        for w, v in zip(weights, variances, strict=True)
                    )
                )
                ** 2
            )
        phi = np.zeros(omega.shape, dtype=np.complex128)
        for w, m, v in zip(weights, means[:, 0], variances, strict=True):
            phi += w * np.exp(1j * omega * (m - means[0, 0]) - v * omega**2 / 2)
        return np.asarray(phi.real**2 + phi.imag**2)


def overlap(truth: Truth, variance: float) -> float:
    """Return the integral of the truth's density times itself convolved with N(0, variance I)."""
    weights, means, covariances = truth.components  # type: ignore[union-attr]
    total, d = 0.0, truth.dim
    for w, m, s in zip(weights, means, covariances, strict=True):
        spread = covariances + s + variance * np.eye(d)
        gaps = means - m
        squares = np.einsum("ki,ki->k", gaps, np.linalg.solve(spread, gaps[:, :, None])[:, :, 0])
        volumes = np.sqrt(np.linalg.det(2 * np.pi * spread))
        total += float(w * (weights @ (np.exp(-squares / 2) / volumes)))
    return total


def spectrum_of(truth: Truth) -> Spectrum:
    """Return the spectrum of a truth whose errors are integrals over |omega|.

    Raises
    ------
    NoClosedForm
        If the truth has no density, or is not isotropic in more than one dimension.
    """
    if isinstance(truth, Rows):
        raise NoClosedForm(
            f"the truth ({truth.name}) is a data set and has no density: give a Normal or a "
            "NormalMixture"
        )
    means, covariances = truth.components[1:]
    d = truth.dim
    diagonal = covariances[:, :1, :1] * np.eye(d)
    centred = isinstance(truth, NormalMixture) and np.ptp(means, axis=0).max() > 0
    if d > 1 and (centred or not np.allclose(covariances, diagonal, rtol=1e-12, atol=0)):
        raise NoClosedForm(
            "known in dim = 1 for any normal mixture, and beyond for isotropic ones: one mean "
            "and covariances s^2 I"
        )
    reach = float(np.ptp(means)) if d == 1 else 0.0
    return Spectrum(truth, d, reach, float(np.sqrt(covariances[:, 0, 0].max())))


@cache
def _legendre() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(ORDER)
    return (nodes + 1) / 2, weights / 2


def blocks(dim: int, reach: float, first: float) -> Iterator[tuple[Floats, Floats]]:
    """Yield (nodes, weights) that integrate over all frequencies, block after block.

    Parameters
    ----------
    dim
        The number of columns: weights hold the sphere's area and (2 pi)^-dim.
    reach
        The largest distance x in the integrand's exp(i omega x).
    first
        The first blocks reach up to this |omega|; each later step doubles it.
    """
    from scipy.special import gammaln

    width = 16 / reach
    inside, shares = _legendre()
    area = np.log(2) + dim / 2 * np.log(np.pi) - gammaln(dim / 2) - dim * np.log(2 * np.pi)
    start, stop = 0, max(1, int(np.ceil(first / width)))
    while start * ORDER < MOST_NODES:
        while start < stop:
            panels = np.arange(start, min(start + BLOCK, stop))
            nodes = (width * (panels[:, None] + inside)).ravel()
            weights = np.tile(width * shares, len(panels))
            yield nodes, weights * np.exp(area + (dim - 1) * np.log(nodes))
            start += len(panels)
        stop *= 2
