"""Fixed contexts: every batch has as many transitions from each context, each a discrete loop."""

from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Integers
from modelcollapse._support.errors import InvalidInput, invalid

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment


def check(e: "Experiment") -> None:
    """Raise InvalidInput for a loop whose batches do not have the same contexts."""
    if e.schedule.fresh or not e.schedule.weighted:
        raise InvalidInput(
            f"workflow = {e.workflow!r} brings fresh rows or chooses rows by chance, and contexts "
            "= 'fixed' has the same transitions of each context in every batch: give "
            "contexts='random'"
        )
    if np.ptp(e.sizes) > 0:
        remedy = "fixed contexts have one size: give one number, or contexts='random'"
        raise invalid("samples", e.samples, remedy)
    sizes(e)


def sizes(e: "Experiment") -> Integers:
    """Return the transitions from each context in a batch: the expected ones, rounded."""
    expected = e.truth.visits * float(e.sizes[0])
    if (few := e.truth.reached & (expected < 0.5)).any():
        least = int(np.ceil(0.5 / e.truth.visits[few].min()))
        raise invalid(
            "samples",
            int(e.sizes[0]),
            f"{int(few.sum())} contexts then have less than half a transition in a batch: give at "
            f"least {least}, or contexts='random'",
        )
    return np.rint(expected).astype(np.int64)
