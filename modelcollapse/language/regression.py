r"""Which explains a loss better: the number of real rows, or their proportion?

Ordinary least squares with an intercept, of the held-out loss on

- ``log_real``, the natural logarithm of the number r of real rows;
- ``real``, r itself: a straight line in the count;
- ``proportion``, r/(r + s) with s synthetic rows;
- each of the first two together with the proportion.

Only cells with r > 0 take part, as the logarithm needs it, so that all five are fitted to the same
losses and their :math:`R^2 = 1 - \sum (y - \hat y)^2 / \sum (y - \bar y)^2` can be compared. The
cells share rows, so that no standard errors are given: they would claim independence.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from modelcollapse._support.checks import Floats, reals
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse._support.words import many

MODELS = (
    ("log_real",),
    ("real",),
    ("proportion",),
    ("log_real", "proportion"),
    ("real", "proportion"),
)
CONSTANT = "all losses are equal: there is nothing to explain"
DEPENDENT = "predictors are constant or linearly dependent: no unique coefficients"


@dataclass(frozen=True)
class Regression:
    """A least-squares fit.

    Attributes
    ----------
    coefficients
        By the predictor's name; NaN if they are not unique.
    intercept
        The loss where all predictors are 0; NaN likewise.
    r_squared
        The share of the variance of the losses that the predictors explain; NaN if it is 0/0.
    cells
        The number of losses.
    note
        Why something is NaN; empty if nothing is.
    """

    coefficients: Mapping[str, float]
    intercept: float
    r_squared: float
    cells: int
    note: str = ""

    @property
    def name(self) -> str:
        """The predictors, joined by plus signs."""
        return " + ".join(self.coefficients)


def least_squares(predictors: Mapping[str, Floats], loss: Floats) -> Regression:
    """Return the least-squares fit of the loss, with an intercept.

    Parameters
    ----------
    predictors
        Arrays of shape (cells,).
    loss
        Shape (cells,).

    Raises
    ------
    InvalidInput
        If there are at most as many losses as coefficients, or something is not finite.
    """
    y = reals("loss", loss)
    X = np.column_stack([reals(name, column) for name, column in predictors.items()])
    if len(y) < len(predictors) + 2:
        raise InvalidInput(
            f"{many(len(y), 'cell')} with real rows: {len(predictors) + 1} coefficients of "
            f"{' + '.join(predictors)} leave nothing to explain; at least {len(predictors) + 2} "
            "cells are needed"
        )
    for name, column in (("loss", y), *zip(predictors, X.T, strict=True)):
        if not np.isfinite(column).all():
            raise invalid(name, column.tolist(), "every number must be finite")
    centre, mean = X.mean(axis=0), y.mean()
    scale = np.ptp(X, axis=0)
    centred = (X - centre) / np.where(scale > 0, scale, 1)  # in like units, for the rank
    slopes, _, rank, _ = np.linalg.lstsq(centred, y - mean)
    if rank < len(predictors) or not scale.all():
        nowhere = dict.fromkeys(predictors, math.nan)
        return Regression(nowhere, math.nan, math.nan, len(y), DEPENDENT)
    coefficients = slopes / scale
    intercept = float(mean - centre @ coefficients)
    fit = dict(zip(predictors, coefficients.tolist(), strict=True))
    if np.ptp(y) == 0:
        return Regression(dict.fromkeys(predictors, 0.0), float(y[0]), math.nan, len(y), CONSTANT)
    spread = (y - mean) / np.ptp(y)  # so that no square underflows
    residual = spread - centred @ slopes / np.ptp(y)
    r_squared = 1 - float(residual @ residual) / float(spread @ spread)
    return Regression(fit, intercept, r_squared, len(y))


def regressions(
    real: Sequence[int], synthetic: Sequence[int], loss: Sequence[float]
) -> list[Regression]:
    """Return the fits of MODELS to the cells with real rows.

    Parameters
    ----------
    real, synthetic
        The numbers of rows of each cell.
    loss
        Its held-out loss.

    Raises
    ------
    InvalidInput
        If fewer than four cells have real rows, or a loss is not finite.
    """
    r, s, y = reals("real", real), reals("synthetic", synthetic), reals("loss", loss)
    r, s, y = r[r > 0], s[r > 0], y[r > 0]
    columns = {"log_real": np.log(r), "real": r, "proportion": r / (r + s)}
    least = max(map(len, MODELS)) + 2
    if len(y) < least:
        cells = f"{many(len(y), 'cell')} with real rows"
        raise InvalidInput(f"{cells}: at least {least} are needed for the regressions")
    return [least_squares({name: columns[name] for name in names}, y) for names in MODELS]
