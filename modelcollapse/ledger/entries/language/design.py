"""Runs of a trained transformer in place of a simulation."""

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.errors import MissingDependency
from modelcollapse.families.discrete.truth import truth_of
from modelcollapse.ledger.claims import Design
from modelcollapse.loop.experiment import Lazy, Trajectories

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelcollapse._support.checks import Floats
    from modelcollapse.language.finite import Chains
    from modelcollapse.loop.experiment import Experiment

MOST, MEAN = 0.02, 0.0015  # of the distance: at every prompt, and on average over a model's
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
    beside
        The experiments of the loops that share generation 1, its own among them; by default there
        is no other. The first trains on row by row, the others on equal rows as one with a weight.
    """

    prompts: int = PROMPTS
    beside: "tuple[Callable[[], Experiment], ...]" = ()

    def lacks(self) -> str:
        """Return "language" where it is not installed."""
        return _lacks()

    def run(self, replicates: int, seed: int) -> Runs:
        """Train and sample."""
        experiments = self.beside or (self.experiment,)
        found = _trained(experiments, self.prompts, math.ceil(replicates / self.prompts), seed)
        return self.runs(found[experiments.index(self.experiment)])

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


@lru_cache(maxsize=1)
def _trained(
    experiments: "tuple[Callable[[], Experiment], ...]", prompts: int, models: int, seed: int
) -> "list[Chains]":
    """Return the chains of each loop."""
    from modelcollapse.language.finite import Distance, FiniteLanguage, FiniteLoop, run_loops

    loops = []
    for number, e in enumerate(build() for build in experiments):
        law = tuple(truth_of(e).probabilities.tolist())
        loops.append(
            FiniteLoop(
                FiniteLanguage(prompts, len(law)),
                law,
                e.workflow,
                int(e.sizes[0]),
                e.generations,
                Distance(MOST, MEAN),
                distinct=number > 0,
            )
        )
    return run_loops(loops, models, seed)


@cache
def _lacks() -> str:
    from modelcollapse.language.backend import require

    try:
        require()
    except MissingDependency:
        return "language"
    return ""
