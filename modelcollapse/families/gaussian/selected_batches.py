"""Selected batches of Gaussian loops: drawn by their mean and factor, or row by row, and measured.

What is selected depends on the reward alone, and given it the rest of a row is as it was.
"""

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.loop.selection import Selection

CHUNK = 2**22  # rewards drawn at once


def batch(
    rng: np.random.Generator,
    mean: Floats,
    factor: Floats,
    n: int,
    selection: Selection,
    along: Floats,
) -> tuple[Floats, Floats]:
    """Return mean and factor (ddof 0) of n rows that are kept of N(mean, factor factor').

    In coordinates whose first one is the reward, the first column of a batch are draws of Y and
    the others standard normal, so its factor is Bartlett's but for the first entry.
    """
    count, d = mean.shape
    turned = factor @ _reflections(factor, along)
    z = rng.standard_normal((count, d))
    A = np.tril(rng.standard_normal((count, d, d)), -1)
    freedom = np.maximum(n - 1 - np.arange(1, d), 0)
    chi = rng.chisquare(np.maximum(freedom, 1), (count, d - 1))
    A[:, np.arange(1, d), np.arange(1, d)] = np.where(freedom > 0, np.sqrt(chi), 0)
    A[:, :, n - 1 :] = 0.0
    rows = max(1, CHUNK // n)
    for start in range(0, count, rows):
        cut = slice(start, min(start + rows, count))
        Y = selection.noise(rng, (cut.stop - cut.start) * n).reshape(-1, n)
        centre = Y.mean(axis=1)
        z[cut, 0] = np.sqrt(n) * centre
        A[cut, 0, 0] = np.sqrt(((Y - centre[:, None]) ** 2).sum(axis=1))
    return mean + np.einsum("rij,rj->ri", turned, z) / np.sqrt(n), turned @ A / np.sqrt(n)


def rows(
    rng: np.random.Generator, noise: Floats, factor: Floats, selection: Selection, along: Floats
) -> Floats:
    """Return standard normal rows whose part along the reward is selected, shape (n, d)."""
    axis = _reflections(factor[None], along)[0][:, 0]
    Y = selection.noise(rng, len(noise))
    return np.asarray(noise + (Y - noise @ axis)[:, None] * axis)


def measured(
    means: Floats, factors: Floats, deviations: Floats, along: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the reward's gain and variance, and the rest's variance, in units of the truth's."""
    whole = (deviations * along) ** 2
    unit = whole.sum()
    pushed = np.einsum("...ij,i->...j", factors, along)
    variance = (pushed**2).sum(axis=-1)
    shared = (np.einsum("...ij,...j->...i", factors, pushed) ** 2).sum(axis=-1)
    total = (deviations**2).sum() - (deviations**4 * along**2).sum() / unit
    with np.errstate(invalid="ignore", divide="ignore"):
        left = (factors**2).sum(axis=(-2, -1)) - np.where(variance > 0, shared / variance, 0.0)
    return means @ along / np.sqrt(unit), variance / unit, np.maximum(left, 0.0) / total


def _reflections(factor: Floats, along: Floats) -> Floats:
    """Return orthogonal matrices (replicates, d, d) whose first columns point along the reward."""
    d = factor.shape[-1]
    pushed = np.einsum("rij,i->rj", factor, along)
    length = np.sqrt((pushed**2).sum(axis=1, keepdims=True))
    first = np.where(length > 0, pushed / np.where(length > 0, length, 1.0), np.eye(d)[0])
    # Householder's: of the two signs the one that does not cancel, turned back afterwards.
    sign = np.where(first[:, :1] > 0, -1.0, 1.0)
    mirror = first - sign * np.eye(d)[0]
    mirror /= np.sqrt((mirror**2).sum(axis=1, keepdims=True))
    found = np.eye(d) - 2 * mirror[:, :, None] * mirror[:, None, :]
    found[:, :, 0] *= sign
    return np.asarray(found)
