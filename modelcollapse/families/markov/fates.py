"""What becomes of language by counts, in words."""

from typing import TYPE_CHECKING

import numpy as np

from modelcollapse.loop.fate import Fate

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

LOST = ("absent", "missing_mass", "collapsed")


def keeps_first(e: "Experiment") -> bool:
    """Return whether batch 1 is trained on for ever, and no real text comes later."""
    return e.schedule.rule in ("accumulate", "keep-real")


def fates(e: "Experiment") -> dict[str, Fate]:
    """Return what becomes of each quantity.

    Under replace the transitions of a batch are a martingale of whole numbers that are not
    negative. So they settle, and do not move any more, at a fit that has texts of one kind alone:
    where a context has two outcomes their numbers vary. Such a text comes to no context twice.
    """
    found = {"squared_error": Fate("bounded", "", "probabilities are")}
    if e.model.smoothing > 0:
        never = "every outcome keeps a positive probability in every fit"
        return found | dict.fromkeys(LOST, Fate("bounded", "", never))
    lost = "with a positive probability the real texts lack a transition, from generation 1 on"
    found["excess"] = Fate("diverges", "inf from generation 1", lost)
    if e.model.contexts == "random":
        same = "its mean is the real texts' in every generation: transitions are a martingale"
        found["length"] = Fate("bounded", "", same)
    if e.schedule.rule == "replace" and np.ptp(e.sizes) == 0:
        end = "one text is left in the end, which comes to no context twice"
        if e.model.contexts == "fixed":
            end = "each context has one outcome left in the end"
        found |= dict.fromkeys(LOST, Fate("clumps", "", end))
    elif keeps_first(e):
        reason = "what batch 1 has is never lost, and what it has not never comes"
        found |= dict.fromkeys(LOST, Fate("bounded", "", reason))
    elif e.schedule.rule == "fresh-data":
        reason = "fresh real texts bring back what was lost"
        found |= dict.fromkeys(LOST, Fate("bounded", "", reason))
    return found
