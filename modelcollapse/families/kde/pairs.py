r"""One recursion for all second moments of the loop.

Let f map a row to a vector or a number, and y_a be the weighted mean of f over the rows in slot
a. The state of the loop is, at each point of some grid,

    mean[a] = E y_a,   product[a, b] = E <y_a, y_b>,   square[a] = E mean |f|^2 within slot a.

A batch of n rows drawn from a fit has E[f | fit] = kappa y + shift for each row, so

    mean'       = kappa E y + shift
    product'_b  = kappa E <y, y_b> + shift E y_b
    product'    = (1 - 1/n) (kappa^2 E|y|^2 + 2 kappa shift E y + shift^2) + square' / n,

and square' = E|f|^2 of a new row. Three choices of f are used: exp(i omega x), where kappa is
the kernel's characteristic function and square = 1; x - mu_0, where kappa = 1 and the kernel
adds its variance to square; and |x - mu_0|^2, where it adds a shift. Derived in ``theory/``.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelcollapse.families.kde.training import TrainingSet


class PairMoments(NamedTuple):
    """E y, E|y|^2 and E mean|f|^2 of a fit's training rows, each of shape (points,)."""

    mean: Floats
    product: Floats
    square: Floats


class Draw(NamedTuple):
    """What one row drawn from a fit has: kappa, shift and E|f|^2, each (points,) or a number."""

    kappa: Floats | float
    shift: Floats | float
    square: Floats | float


def real_batch(mean: Floats, square: Floats, n: int, outer: Floats) -> PairMoments:
    """Return the moments of n independent rows with E f = mean, |E f|^2 = outer."""
    return PairMoments(mean, square / n + (1 - 1 / n) * outer, square)


def propagate(
    trainings: "Sequence[TrainingSet]",
    sizes: "Sequence[int]",
    first: PairMoments,
    draw: Callable[[int, PairMoments], Draw],
) -> Iterator[PairMoments]:
    """Yield the moments of each generation's training rows.

    Parameters
    ----------
    trainings
        What each generation trains on.
    sizes
        The batch sizes.
    first
        The moments of the real batch.
    draw
        From t and the moments of fit t to what a row drawn from it has.
    """
    mean, product, square = first.mean[None], first.product[None, None], first.square[None]
    for t, training in enumerate(trainings, 1):
        carry, weights = training.carry, training.weights
        mean, square = carry @ mean, carry @ square
        product = np.einsum("ai,bj,ijp->abp", carry, carry, product)
        cross = np.tensordot(weights, product, axes=1)
        own, all_squares = weights @ cross, weights @ square
        own = own + training.subsampled * (all_squares - own)
        fit = PairMoments(weights @ mean, own, all_squares)
        yield fit
        if t == len(trainings):
            return
        new = draw(t, fit)
        n = sizes[t]
        with_slots = new.kappa * cross + new.shift * mean
        pairs = new.kappa**2 * own + 2 * new.kappa * new.shift * fit.mean + new.shift**2
        alone = (1 - 1 / n) * pairs + new.square / n
        product = _bordered(product, with_slots, alone)
        mean = np.concatenate([mean, (new.kappa * fit.mean + new.shift)[None]])
        square = np.concatenate([square, (new.square + np.zeros_like(own))[None]])


def means(
    trainings: "Sequence[TrainingSet]", start: Floats, factor: Callable[[int], Floats]
) -> Iterator[Floats]:
    """Yield E y of each generation alone, where E[f | fit] = factor(t) y; shape (points,)."""
    mean = start[None]
    for t, training in enumerate(trainings, 1):
        mean = training.carry @ mean
        fit = training.weights @ mean
        yield fit
        mean = np.concatenate([mean, (factor(t) * fit)[None]])


def _bordered(product: Floats, cross: Floats, own: Floats) -> Floats:
    """Return the products with one slot more."""
    right = np.concatenate([product, cross[:, None]], axis=1)
    below = np.concatenate([cross, own[None]])[None]
    return np.concatenate([right, below])
