"""Fixed contexts: every batch has as many transitions from each context, each a discrete loop."""

from typing import NamedTuple

import numpy as np

from modelcollapse._support.checks import Integers, frozen
from modelcollapse._support.errors import InvalidInput, NoClosedForm, invalid
from modelcollapse.families.discrete.estimator import Discrete
from modelcollapse.loop.experiment import Experiment


def check(e: Experiment) -> None:
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


def sizes(e: Experiment) -> Integers:
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
    return np.asarray(np.rint(expected), dtype=np.int64)


class Loop(NamedTuple):
    """The discrete loop of a context, and of all that are alike.

    Attributes
    ----------
    experiment
        The loop of its outcomes.
    visits
        How often a text comes to each such context.
    alike
        How many of them there are.
    """

    experiment: Experiment
    visits: float
    alike: int


def loops(e: Experiment) -> list[Loop]:
    """Return the discrete loops of all contexts with more than one possible outcome.

    Raises
    ------
    NoClosedForm
        If fits are smoothed and a context has one possible outcome, which is no discrete loop.
    """
    truth, found = e.truth, dict[tuple[int, float, bytes], Loop]()
    for c in np.flatnonzero(truth.reached).tolist():
        row = truth.probabilities[c] if c else truth.start
        if np.count_nonzero(row) < 2:
            if e.model.smoothing > 0 and len(row) > 1:
                raise NoClosedForm("a context with one possible outcome is smoothed: simulate it")
            continue
        n, visits = int(sizes(e)[c]), float(truth.visits[c])
        key = (n, visits, np.sort(row).tobytes())
        if key not in found:
            loop = Experiment(
                Discrete(len(row), e.model.smoothing),
                e.workflow,
                n,
                e.generations,
                frozen(row.copy()),
            )
            found[key] = Loop(loop, visits, 0)
        found[key] = found[key]._replace(alike=found[key].alike + 1)
    return list(found.values())
