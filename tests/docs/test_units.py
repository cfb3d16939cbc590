"""The table of units in the documentation: complete, and right."""

import re
from pathlib import Path

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.families import curated
from modelcollapse.families.discrete import Discrete
from modelcollapse.families.exponential import Gamma, HyperbolicSecant, NormalMean, Poisson
from modelcollapse.families.markov import Markov
from modelcollapse.families.regression import LinearRegression

PAGE = Path(mc.__file__).parent / "docs" / "quantities.md"
WORKFLOWS = (
    *(mc.Replace(), mc.Accumulate(), mc.SlidingWindow(2), mc.KeepReal(0.5)),
    mc.AccumulateSubsample(),
)
UNIT = 4.0  # a power of two: what it multiplies keeps its bits
POINTS = np.linspace(-1, 2, 8)


def kde(dim):
    """Return a family whose bandwidth has the unit of its data."""
    return lambda u: (mc.KDE(u / 2, dim=dim), mc.Normal([u] * dim, u * u * np.eye(dim) * 3), 8)


def gaussian(dim, samples):
    """Return a Gaussian in some dimensions."""
    truth = lambda u: mc.Normal([u] * dim, u * u * np.eye(dim) * 3)  # noqa: E731
    return lambda u: (mc.Gaussian(dim), truth(u), samples)


FAMILIES = {
    "gaussian": gaussian(1, 8),
    "gaussian-2": gaussian(2, 8),
    "gaussian-few": gaussian(3, 3),
    "kde": kde(1),
    "kde-2": kde(2),
    "normal-mean": lambda u: (NormalMean(u * u), u, 8),
    "gamma": lambda u: (Gamma(2.0), 1.5 * u, 8),
    "poisson": lambda _: (Poisson(), None, 8),
    "secant": lambda _: (HyperbolicSecant(), None, 8),
    "regression": lambda u: (LinearRegression(2, 1.5 * u), [u, 2 * u], 8),
    "regression-fresh": lambda u: (LinearRegression(2, u, design="fresh"), [u, 2 * u], 8),
    "region": lambda u: (curated.RegionVerifier(u, 2 * u, u), u / 2, 8),
    "labels": lambda _: (curated.LabelVerifier(0.9, 0.1, 0.1, 2), None, 8),
    "discrete": lambda _: (Discrete(3), None, 8),
    "markov": lambda _: (Markov(3), None, 8),
    "markov-fixed": lambda _: (Markov(3, 1, 0.5, "fixed"), None, 8),
    "discrete-many": lambda _: (Discrete(3), None, 2000),
}


def listed():
    """Return the unit of each quantity in the table."""
    text = PAGE.read_text(encoding="utf-8").split("## What the quantities are")[1]
    found = {}
    for line in text.splitlines():
        if line.startswith("| `"):
            names, unit = line.split("|")[1:3]
            for name in re.findall(r"`([^`]+)`", names):
                assert found.setdefault(name, unit.strip()) == unit.strip()
    return found


def known(family, workflow, unit):
    """Return all that is predicted and simulated of two generations, or None if it is no loop."""
    model, truth, samples = FAMILIES[family](unit)
    try:
        e = mc.Experiment(model, workflow, samples, 2, truth=truth)
    except mc.InvalidInput:
        return None
    p = mc.predict(e)
    parts = {"expected": p.expected, "variances": p.variances, "limits": p.limits}
    found = {(kind, name): part[name] for kind, part in parts.items() for name in part}
    extra = [name for name in getattr(model, "extra", ()) if samples < 100]
    if "test_log_loss" in extra and model.dim in (None, 1):
        extra.remove("test_log_loss")
    options = {"extra": extra}
    if isinstance(model, mc.KDE):
        options["test"] = unit * POINTS.reshape(-1, model.dim)
    runs = mc.simulate(e, 3, 1, **options)
    return found | {("simulated", name): runs[name] for name in runs}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=repr)
@pytest.mark.parametrize("family", FAMILIES)
def test_quantities_have_the_units_of_the_table(family, workflow):
    """Data four times as large: a power, a summand or nothing, to a thousand roundings."""
    before, after = (known(family, workflow, unit) for unit in (1.0, UNIT))
    if before is None:
        pytest.skip("this family has no such loop")
    units, dim = listed(), FAMILIES[family](1.0)[0].dim
    assert before.keys() == after.keys()
    for (kind, name), value in before.items():
        power, steps = units[name], 0.0
        if power.startswith("+"):
            factor, steps = 1.0, {"+ 2 log u": 2, "+ d log u": dim}[power] * np.log(UNIT)
        else:
            factor = UNIT ** {"1": 0, "u": 1, "u^2": 2, "u^-d": -dim}[power]
        if kind == "variances":
            factor, steps = factor**2, 0.0
        np.testing.assert_allclose(
            after[kind, name], value * factor + steps, rtol=2e-13, atol=2e-13
        )


def test_the_table_lists_what_there_is():
    """Every quantity of every family, and no other."""
    names = {
        name
        for family in FAMILIES
        for workflow in WORKFLOWS
        for _, name in known(family, workflow, 1.0) or ()
    }
    assert names == set(listed())
