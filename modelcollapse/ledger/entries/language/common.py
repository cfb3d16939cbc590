"""What the entries share: the loops that are trained, and the laws that others would claim."""

from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.discrete.estimator import Discrete
from modelcollapse.ledger.entries.language.design import MEAN, MOST, PROMPTS, LanguageDesign
from modelcollapse.loop.experiment import Experiment
from modelcollapse.workflows import Accumulate, AccumulateSubsample, AnyWorkflow, Replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelcollapse.language.finite import Chains

DERIVED = "derived here: theory/language.py"
LAW = (0.25, 0.2, 0.15, 0.1, 0.1, 0.1, 0.05, 0.05)
N, T = 3, 3
CHAINS = 16 * PROMPTS
ANY = "one-token prompts and answers; any transformer at the optimum of its loss"
NEAR = f"{ANY}, to {MOST:g} in total variation and {MEAN:g} on average"
ROWS = f"Llama of one layer, V={len(LAW)} n={N} t={T}, {PROMPTS} prompts a model"


def loop(workflow: AnyWorkflow) -> Experiment:
    """Return the loop of the discrete room that each prompt is."""
    return Experiment(Discrete(len(LAW)), workflow, N, T, truth=LAW)


def replaced() -> Experiment:
    """Each generation trains on the last batch."""
    return loop(Replace())


def pooled() -> Experiment:
    """Accumulate."""
    return loop(Accumulate())


def subsampled() -> Experiment:
    """Accumulate-subsample at the batch size."""
    return loop(AccumulateSubsample())


TOGETHER = (replaced, pooled, subsampled)
REPLACED, POOLED, SUBSAMPLED = (
    LanguageDesign(build, CHAINS, beside=TOGETHER) for build in TOGETHER
)
DESIGNS = {"replace": REPLACED, "accumulate": POOLED, "accumulate-subsample": SUBSAMPLED}


def next_prompts(values: Floats) -> Floats:
    """Return what the neighbouring prompts have, shape (chains, ...)."""
    return np.roll(values, 1, axis=0)


def compared(wrong: "Callable[[Chains], Floats]") -> "Callable[[Chains], float]":
    """Return the distance of fits from other laws, over what is allowed."""

    def measured(chains: "Chains") -> float:
        from modelcollapse.language.finite import total_variation

        law = wrong(chains)
        distances = chains.by_model(total_variation(chains.laws[:, -law.shape[1] :], law))
        return float(max(distances.max() / MOST, distances.mean(axis=1).max() / MEAN))

    return measured
