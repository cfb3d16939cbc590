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

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.loop.truth import NormalMixture, Rows, Truth

ORDER = 16
DEVIATIONS = 8.7  # a normal density is below 1e-16 of its peak from there
BLOCK = 2048  # panels at a time
WIDENING, FEW = 0.25, 8  # how fast panels widen, and how many of those are looked at together
MOST_NODES = 2**22
MOST_COLUMNS = 100  # beyond it volumes leave the range of floats


@dataclass(frozen=True, eq=False)
class Spectrum:
    """|phi_0|^2 of a truth, as a function of |omega|.

    Attributes
    ----------
    dim
        The number of columns.
    reach
        The largest distance between its components' means.
    deviation, finest
        The largest and the smallest standard deviation of a component.
    """

    truth: Truth
    dim: int
    reach: float
    deviation: float
    finest: float

    def power(self, omega: Floats) -> Floats:
        """Return |phi_0|^2 at |omega|, shape of omega."""
        weights, means, covariances = self.truth.components  # type: ignore[union-attr]
        variances = covariances[:, 0, 0]
        if self.dim > 1:  # all components share one mean
            return (
                np.asarray(
                    sum(
                        w * np.exp(-_half_square(np.sqrt(v) * omega))
                        for w, v in zip(weights, variances, strict=True)
                    )
                )
                ** 2
            )
        phi = np.zeros(omega.shape, dtype=np.complex128)
        for w, m, v in zip(weights, means[:, 0], variances, strict=True):
            phi += w * np.exp(1j * omega * (m - means[0, 0]) - _half_square(np.sqrt(v) * omega))
        return np.asarray(phi.real**2 + phi.imag**2)


def _half_square(z: Floats) -> Floats:
    """Return z^2 / 2 for z >= 0, or more than any exponent where it would overflow."""
    return np.asarray(np.minimum(z, 1e4) ** 2 / 2)


def squared_norm(truth: Truth) -> float:
    """Return the integral of the truth's squared density."""
    weights, means, covariances = truth.components  # type: ignore[union-attr]
    total = 0.0
    for w, m, s in zip(weights, means, covariances, strict=True):
        spread = covariances + s
        gaps = means - m
        squares = np.einsum("ki,ki->k", gaps, np.linalg.solve(spread, gaps[:, :, None])[:, :, 0])
        volumes = np.linalg.slogdet(2 * np.pi * spread)[1] / 2
        with np.errstate(under="ignore"):
            total += float(w * (weights @ np.exp(-squares / 2 - volumes)))
    return total


def up_to(
    dim: int, reach: float, last: float, smooth: float = np.inf, between: float = np.inf
) -> tuple[Floats, Floats]:
    """Return the nodes and weights of all `blocks` up to a frequency."""
    found = []
    for nodes, weights, end in blocks(dim, reach, last, smooth, between):
        found.append((nodes, weights))
        if end >= last:
            break
    return np.concatenate([n for n, _ in found]), np.concatenate([w for _, w in found])


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
    if d > MOST_COLUMNS:
        raise NoClosedForm(f"dim = {d}: integrals over frequencies are done up to {MOST_COLUMNS}")
    diagonal = covariances[:, :1, :1] * np.eye(d)
    centred = isinstance(truth, NormalMixture) and np.ptp(means, axis=0).max() > 0
    if d > 1 and (centred or not np.allclose(covariances, diagonal, rtol=1e-12, atol=0)):
        raise NoClosedForm(
            "known in dim = 1 for any normal mixture, and beyond for isotropic ones: one mean "
            "and covariances s^2 I"
        )
    reach = float(np.ptp(means)) if d == 1 else 0.0
    deviations = np.sqrt(covariances[:, 0, 0])
    return Spectrum(truth, d, reach, float(deviations.max()), float(deviations.min()))


@cache
def _legendre() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(ORDER)
    return (nodes + 1) / 2, weights / 2


def blocks(
    dim: int, reach: float, first: float, smooth: float = np.inf, between: float = np.inf
) -> Iterator[tuple[Floats, Floats, float]]:
    """Yield (nodes, weights, end) that integrate over all frequencies, block after block.

    Parameters
    ----------
    dim
        The number of columns: weights hold the sphere's area and (2 pi)^-dim.
    reach
        The largest distance x in the integrand's exp(i omega x).
    first
        One of the blocks is the first that ends here or beyond; the end of each comes with it.
    smooth
        From here on the integrand is a sum of exp(-a omega^2), in which no distance is left:
        panels then widen with |omega|.
    between
        The largest distance before that, if all the rest of the integrand is of that kind too:
        panels widen from the start, up to 16 / between. By default they do not.
    """
    from scipy.special import gammaln

    inside, shares = _legendre()
    area = np.log(2) + dim / 2 * np.log(np.pi) - gammaln(dim / 2) - dim * np.log(2 * np.pi)
    cap = 16 / max(between, 1e-300) if between < np.inf else 16 / reach
    for edges in _panels(16 / reach, first, smooth, cap):
        left, widths = edges[:-1], np.diff(edges)
        nodes = (left[:, None] + widths[:, None] * inside).ravel()
        weights = (widths[:, None] * shares).ravel()
        yield nodes, weights * np.exp(area + (dim - 1) * np.log(nodes)), float(edges[-1])


def _panels(width: float, first: float, smooth: float, cap: float) -> Iterator[Floats]:
    """Yield the edges of panels, at most BLOCK at a time; see `blocks`."""
    if min(first, smooth) / max(width, cap) * ORDER > MOST_NODES:
        raise NoClosedForm(
            f"{min(first, smooth) / max(width, cap) * ORDER:.3g} frequencies would be needed: the "
            "widest bandwidth or distance and the finest detail (of the truth, or of a compact "
            "kernel) are too many orders of magnitude apart"
        )
    edges, panels = [0.0], 0
    while panels * ORDER < MOST_NODES:
        last = edges[-1]
        wide = max(width, WIDENING * last)
        edges.append(last + (wide if last >= smooth else max(width, min(wide, cap))))
        panels += 1
        reaches = last < first <= edges[-1]
        if reaches or len(edges) > BLOCK or (last >= max(smooth, first) and len(edges) > FEW):
            yield np.array(edges)
            edges = edges[-1:]
