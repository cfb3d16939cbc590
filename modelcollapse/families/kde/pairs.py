r"""One recursion for all second moments of the loop.

Let f map a row to a vector or a number, and y_a be the weighted mean of f over the rows in slot
a. The state of the loop is, at each point of some grid,

    mean[a] = E y_a,   product[a, b] = E <y_a, y_b>,   square[a] = E mean |f|^2 within slot a.

A batch of n rows drawn from a fit has E[f | fit] = kappa y + shift for each row, so

    mean'       = kappa E y + shift
    product'_b  = kappa E <y, y_b> + shift E y_b
    product'    = (1 - 1/n) (kappa^2 E|y|^2 + 2 kappa shift E y + shift^2) + square' / n,

and square' = E|f|^2 of a new row. Fresh real rows are independent of all that was there: of
E f = mean_0 and |E f|^2 = outer, in units in which mean_0 is 1 (or 0, as outer then is),

    product'_b  = outer E y_b,     product' = outer + (E|f|^2 - outer) / n.

Of a set of n rows that is edited, two different ones have P = (n E|y|^2 - square)/(n - 1), and
with e the chance that a row is replaced, f that one of two is, (1 - f) P of the next two are old,
2 (f - e) kappa E|y|^2 (and shift E y) of an old and a new one, (2e - f) pairs of new ones.

Three choices of f are used: exp(i omega x), where kappa is
the kernel's characteristic function and square = 1; x - mu_0, where kappa = 1 and the kernel
adds its variance to square; and |x - mu_0|^2, where it adds a shift. Derived in ``theory/``.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.kde.training import TrainingSet, gathered

if TYPE_CHECKING:
    from collections.abc import Sequence


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


class RealRow(NamedTuple):
    """E f, E|f|^2 and |E f|^2 of a real row, each (points,)."""

    mean: Floats
    square: Floats
    outer: Floats


def propagate(
    trainings: "Sequence[TrainingSet]", row: RealRow, draw: Callable[[int, PairMoments], Draw]
) -> Iterator[PairMoments]:
    """Yield the moments of each generation's training rows.

    Parameters
    ----------
    trainings
        What each generation trains on.
    row
        What a real row has.
    draw
        From t and the moments of fit t to what a row drawn from it has.
    """
    mean = square = np.zeros((0, len(row.mean)))
    product, cross = np.zeros((0, 0, len(row.mean))), mean
    new, fit = Draw(0.0, 0.0, 0.0), PairMoments(*np.zeros((3, len(row.mean))))
    for t, training in enumerate(trainings, 1):
        if n := training.real:
            with_slots, with_fit = row.outer * mean, row.outer * fit.mean
            product = _bordered(product, with_slots, row.outer + (row.square - row.outer) / n)
            cross = np.concatenate([cross, with_fit[None]])
        if training.edited is not None:
            product = _edited(training, fit, new)[None, None]
        elif n := training.sampled:
            before = mean
            if training.real:
                before = np.concatenate([mean, row.mean[None]])
            with_slots = new.kappa * cross + new.shift * before
            own = (1 - 1 / n) * _apart(fit, new) + new.square / n
            product = _bordered(product, with_slots, own)
        mean = gathered(training, mean, row.mean, new.kappa * fit.mean + new.shift)
        square = gathered(training, square, row.square, new.square)
        carry, weights = training.carry, training.weights
        if training.edited is None:
            product = np.einsum("ai,bj,ijp->abp", carry, carry, product)
        cross = np.tensordot(weights, product, axes=1)
        own, all_squares = weights @ cross, weights @ square
        own = own + training.subsampled * (all_squares - own)
        fit = PairMoments(weights @ mean, own, all_squares)
        yield fit
        if t < len(trainings):
            new = draw(t, fit)


def _edited(training: TrainingSet, fit: PairMoments, new: Draw) -> Floats:
    """Return E|y|^2 of an edited set, of what it was before and of what a new row has."""
    assert training.edited is not None  # noqa: S101 - seen by the caller
    (e, f), share = training.edited, training.squares
    across = new.kappa * fit.product + new.shift * fit.mean
    own = fit.square * ((f - e) * share) + (1 - f) * fit.product + new.square * (e * share)
    return own + (1 - share) * (2 * (f - e) * across + (2 * e - f) * _apart(fit, new))


def _apart(fit: PairMoments, new: Draw) -> Floats:
    """Return E <f(x), f(z)> of two rows drawn from a fit."""
    across = 2 * new.kappa * new.shift * fit.mean
    return new.kappa**2 * fit.product + across + new.shift**2


def means(
    trainings: "Sequence[TrainingSet]", start: Floats, factor: Callable[[int], Floats]
) -> Iterator[Floats]:
    """Yield E y of each generation alone, where E[f | fit] = factor(t) y; shape (points,)."""
    mean, new = np.zeros((0, len(start))), start
    for t, training in enumerate(trainings, 1):
        mean = gathered(training, mean, start, new)
        fit = training.weights @ mean
        yield fit
        new = factor(t) * fit


def _bordered(product: Floats, cross: Floats, own: Floats) -> Floats:
    """Return the products with one slot more."""
    right = np.concatenate([product, cross[:, None]], axis=1)
    below = np.concatenate([cross, own[None]])[None]
    return np.concatenate([right, below])
