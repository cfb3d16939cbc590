"""Runs of a trained transformer in place of a simulation."""

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.errors import MissingDependency
from modelcollapse.families.discrete.truth import truth_of
from modelcollapse.ledger.claims import Design
from modelcollapse.loop.experiment import Lazy, Trajectories

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelcollapse._support.checks import Floats
    from modelcollapse.language.finite import Chains, FiniteLoop

MOST, MEAN = 0.01, 0.0015  # of the distance: at every prompt, and on average over a model's
PROMPTS = 128  # of a model


@dataclass(frozen=True)
class Runs(Trajectories):
    """Trajectories of the discrete room that are a transformer's, one for each prompt.

    Attributes
    ----------
    chains
        What was trained, and sampled.
    """

    chains: "Chains"


@dataclass(frozen=True)
class LanguageDesign(Design):
    """Loops of transformers; `experiment` is the loop of the discrete room that each prompt is.

    Parameters
    ----------
    prompts
        Of a model: so many replicates are trained at a time.
    distinct
        Whether equal rows are trained on as one row with a weight.
    """

    prompts: int = PROMPTS
    distinct: bool = False

    def lacks(self) -> str:
        """Return "language" where it is not installed."""
        return _lacks()

    def loop(self) -> "FiniteLoop":
        """Return the loop that is run."""
        from modelcollapse.language.finite import Distance, FiniteLanguage, FiniteLoop

        e = self.experiment()
        law = tuple(truth_of(e).probabilities.tolist())
        return FiniteLoop(
            FiniteLanguage(self.prompts, len(law)),
            law,
            e.workflow,
            int(e.sizes[0]),
            e.generations,
            Distance(MOST, MEAN),
            self.distinct,
        )

    def run(self, replicates: int, seed: int) -> Runs:
        """Train and sample."""
        return self.runs(self.loop().chains(math.ceil(replicates / self.prompts), seed))

    def runs(self, chains: "Chains") -> Runs:
        """Return what the claims look at."""
        e = self.experiment()
        p, H0 = chains.truths[:, None], truth_of(e).heterozygosity
        values: dict[str, Callable[[], Floats]] = {
            "heterozygosity": lambda: 1 - (chains.laws**2).sum(axis=-1),
            "squared_error": lambda: ((chains.laws - p) ** 2).sum(axis=-1) / H0,
            "absent": lambda: (chains.counts == 0).sum(axis=-1).astype(float),
        }
        generations = np.arange(1, e.generations + 1)
        return Runs(e, generations, len(chains.truths), Lazy(values), chains)


@cache
def _lacks() -> str:
    from modelcollapse.language.backend import require

    try:
        require()
    except MissingDependency:
        return "language"
    return ""
