"""The covariance of training rows, for bandwidths that are scaled by it as SciPy's are."""

from typing import TYPE_CHECKING

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import InvalidInput, NoClosedForm
from modelcollapse._support.spread import Spread, spread_of
from modelcollapse.families.kde import bandwidth as bandwidths
from modelcollapse.families.kde.bandwidth import Bandwidth

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment


def spread_for(rule: Bandwidth, rows: Floats, weights: Floats) -> Spread | None:
    """Return the spread of the rows (ddof 1), or None where the rule needs none."""
    return spread_of("X", rows, weights, ddof=1) if bandwidths.is_scaled(rule) else None


def inverse(spread: Spread) -> tuple[Floats, float]:
    """Return B with B' covariance B = I, and the log-volume of the covariance's factor."""
    if not spread.kept.all():
        raise InvalidInput(
            "the training rows' covariance is singular, so a bandwidth scaled by it has no "
            "density: drop dependent columns, or give the bandwidth as a number"
        )
    return spread.whitening, spread.log_volume


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
