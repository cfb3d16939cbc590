"""What is known of each family under each workflow: the table of the pages and of the report."""

from typing import Any, NamedTuple

from modelcollapse._support.errors import InvalidInput
from modelcollapse.families.curated import LabelVerifier, RegionVerifier
from modelcollapse.families.discrete import Discrete
from modelcollapse.families.exponential import (
    Binomial,
    Gamma,
    HyperbolicSecant,
    NegativeBinomial,
    NormalMean,
    Poisson,
)
from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.families.kde import KDE
from modelcollapse.families.markov import Markov
from modelcollapse.families.regression import LinearRegression
from modelcollapse.loop.experiment import Experiment, predict
from modelcollapse.workflows import (
    Accumulate,
    AccumulateSubsample,
    AnyWorkflow,
    Edit,
    FreshData,
    KeepReal,
    Replace,
    SlidingWindow,
    Web,
    Weighted,
)

# From the most that can be known to the least.
MEANINGS = {
    "law": "the exact law of the fit's error or variance",
    "exact": "its exact expectation at every n and t",
    "simulated": "simulated (or trained) only",
    "open": "not offered",
}
WORDS = tuple(MEANINGS)

# Each column's workflow by its options; an option without a name is the one that is meant first.
WORKFLOWS: dict[str, dict[str, AnyWorkflow]] = {
    "replace": {"": Replace()},
    "accumulate": {"": Accumulate()},
    "accumulate-subsample": {"": AccumulateSubsample(), "budget": AccumulateSubsample(budget=30)},
    "window": {"": SlidingWindow(2)},
    "keep-real": {"": KeepReal(0.3), "pooled": KeepReal()},
    "own weights": {"": Weighted([[1], [0.3, 0.7], [0.2, 0.3, 0.5]])},
    "fresh data": {"pooled": FreshData(20, 20), "weighted": FreshData(20, 20, weight=0.4)},
    "web": {"": Web(20, 20)},
    "edit": {"": Edit(share=0.3)},
}
SAMPLES, GENERATIONS = 20, 3


class FamilyRow(NamedTuple):
    """A row of the table: the models that it stands for, and the quantity that it is about."""

    models: tuple[Any, ...]
    quantity: str


FAMILIES = {
    "Gaussian": FamilyRow((Gaussian(), Gaussian(3, ddof=1)), "variance"),
    "kernel density": FamilyRow((KDE(0.3),), "second_moment"),
    "normal mean": FamilyRow((NormalMean(),), "squared_error"),
    "Poisson": FamilyRow((Poisson(),), "squared_error"),
    "four other one-parameter families": FamilyRow(
        (Binomial(3), Gamma(2.0), NegativeBinomial(2.0), HyperbolicSecant()), "squared_error"
    ),
    "discrete": FamilyRow((Discrete(5), Discrete(5, smoothing=1.0)), "heterozygosity"),
    "regression, fixed inputs": FamilyRow((LinearRegression(3),), "risk"),
    "regression, fresh inputs": FamilyRow((LinearRegression(3, design="fresh"),), "risk"),
    "ridge, d > 1": FamilyRow((LinearRegression(3, ridge=1.0),), "risk"),
    "language by counts": FamilyRow((Markov(3),), "length"),
    "the same, fixed contexts": FamilyRow((Markov(3, contexts="fixed"),), "squared_error"),
    "verified labels": FamilyRow((LabelVerifier(),), "label_error"),
    "verified region": FamilyRow((RegionVerifier(0.5),), "squared_error"),
}
# Language models are trained, and no theory here predicts them but on a finite language, where they
# are discrete distributions (the ledger's room "language"); they have no fresh real rows, and keep
# no training set.
LANGUAGE = ("simulated",) * 6 + ("open",) * 3


class Coverage(NamedTuple):
    """The table: a cell is a word of `MEANINGS`, with the option that it is limited to.

    Attributes
    ----------
    columns
        The workflows.
    rows
        For each family its cells, one for each workflow.
    """

    columns: tuple[str, ...]
    rows: dict[str, tuple[str, ...]]


def coverage() -> Coverage:
    """Return what `predict` and `Experiment` offer for each family under each workflow."""
    rows = {
        name: tuple(_cell(family, options) for options in WORKFLOWS.values())
        for name, family in FAMILIES.items()
    }
    return Coverage(tuple(WORKFLOWS), {**rows, "language model": LANGUAGE})


def experiment(model: Any, workflow: AnyWorkflow) -> Experiment | None:
    """Return the small experiment that a cell is about, or None if it is not offered."""
    try:
        return Experiment(model, workflow, SAMPLES, GENERATIONS)
    except InvalidInput:
        return None


def known(model: Any, workflow: AnyWorkflow, quantity: str) -> str:
    """Return the word for one model under one workflow."""
    e = experiment(model, workflow)
    if e is None:
        return "open"
    prediction = predict(e)
    if quantity not in prediction:
        return "simulated"
    return "law" if set(prediction.laws) & {"mean", "log_variance", quantity} else "exact"


def _cell(family: FamilyRow, options: dict[str, AnyWorkflow]) -> str:
    """Return the word for the first option, which is named if another one has a lesser word."""
    words = [_word(family, workflow) for workflow in options.values()]
    weaker = any(WORDS.index(word) > WORDS.index(words[0]) for word in words)
    return f"{words[0]} ({next(iter(options))})" if weaker else words[0]


def _word(family: FamilyRow, workflow: AnyWorkflow) -> str:
    """Return the least that is known of the row's models; law if all are exact and one has it."""
    words = {known(model, workflow, family.quantity) for model in family.models}
    return "law" if words == {"law", "exact"} else max(words, key=WORDS.index)
