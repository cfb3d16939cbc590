"""The covariance of training rows, for bandwidths that are scaled by it as SciPy's are."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import InvalidInput, NoClosedForm
from modelcollapse.families.kde import bandwidth as bandwidths
from modelcollapse.families.kde.bandwidth import Bandwidth
from modelcollapse.loop.truth import LARGEST

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment


class Spread(NamedTuple):
    """A factor of a covariance: deviations of the columns, and axes of their correlations."""

    deviations: Floats
    vectors: Floats
    roots: Floats
    rows: int

    @property
    def matrix(self) -> Floats:
        """F with F F' the covariance, shape (d, d)."""
        return np.asarray(self.deviations[:, None] * self.vectors * self.roots)

    def inverse(self) -> tuple[Floats, float]:
        """Return B with B' covariance B = I, and the log-volume of the factor."""
        noise = max(self.rows, len(self.roots)) * np.finfo(float).eps
        if self.deviations.min() == 0 or self.roots.min() ** 2 <= noise:
            raise InvalidInput(
                "the training rows' covariance is singular, so a bandwidth scaled by it has no "
                "density: drop dependent columns, or give the bandwidth as a number"
            )
        back = self.vectors / self.roots / self.deviations[:, None]
        return back, float(np.log(self.roots).sum() + np.log(self.deviations).sum())


def spread_of(rows: Floats, weights: Floats, rule: Bandwidth) -> Spread | None:
    """Return a factor of the rows' covariance (ddof 1), or None where the rule needs none."""
    if not bandwidths.is_scaled(rule):
        return None
    divisor = 1 - float(weights @ weights)
    if divisor <= 0:
        raise InvalidInput(f"bandwidth = {rule!r} needs at least 2 rows with weight")
    if (largest := float(np.abs(rows).max())) > LARGEST:
        raise InvalidInput(f"X reaches {largest:.3g}, whose square overflows: rescale the data")
    # About the first row, so that a constant column has no variance, not one of rounding.
    centred = rows - rows[0]
    centred = centred - weights @ centred
    deviations = np.sqrt((weights @ centred**2) / divisor)
    scaled = centred / np.where(deviations > 0, deviations, 1.0)
    values, vectors = np.linalg.eigh((weights[:, None] * scaled).T @ scaled / divisor)
    return Spread(deviations, vectors, np.sqrt(np.maximum(values, 0.0)), len(centred))


def require_covariances(name: str, rule: str, e: "Experiment") -> None:
    """Raise InvalidInput if a generation would train on a single row."""
    from modelcollapse.families.kde.training import trainings

    try:
        found = trainings(e)
    except NoClosedForm:  # a workflow of one's own: it is seen when it happens
        return
    for t, training in enumerate(found, 1):
        if training.squares >= 1:
            raise InvalidInput(
                f"{name} = {rule!r} needs a covariance, and generation {t} would train on one "
                "row: give batches (or a budget) of at least 2 rows"
            )
