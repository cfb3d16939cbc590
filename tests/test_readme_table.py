"""The README's table of families and workflows says what the package does."""

import re
from pathlib import Path

import pytest

import modelcollapse as mc

README = Path(__file__).parents[1] / "README.md"
WORKFLOWS = {
    "replace": mc.Replace(),
    "accumulate": mc.Accumulate(),
    "accumulate-subsample": mc.AccumulateSubsample(),
    "window": mc.SlidingWindow(2),
    "keep-real": mc.KeepReal(0.3),
    "own weights": mc.Weighted([[1], [0.3, 0.7], [0.2, 0.3, 0.5]]),
    "fresh data": mc.FreshData(10, 12),
    "web": mc.Web(10, 12),
}
# For each row of the table: the models that it stands for, and the quantity that it is about.
FAMILIES = {
    "Gaussian": ((mc.Gaussian(), mc.Gaussian(3, ddof=1)), "variance"),
    "kernel density": ((mc.KDE(0.3),), "second_moment"),
    "normal mean": ((mc.NormalMean(),), "squared_error"),
    "five other one-parameter families": (
        (
            mc.Poisson(),
            mc.Binomial(3),
            mc.Gamma(2.0),
            mc.NegativeBinomial(2.0),
            mc.HyperbolicSecant(),
        ),
        "squared_error",
    ),
    "discrete": ((mc.Discrete(5),), "heterozygosity"),
    "regression, fixed inputs": ((mc.LinearRegression(3),), "risk"),
    "regression, fresh inputs": ((mc.LinearRegression(3, design="fresh"),), "risk"),
    "ridge, d > 1": ((mc.LinearRegression(3, ridge=1.0),), "risk"),
}


def table():
    """Return the cells of the table, by row and column."""
    text = README.read_text(encoding="utf-8").split("<!-- families -->")[1]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    until = next(i for i, row in enumerate(rows) if row[0] == "language model")
    return rows[0][1:], {row[0]: row[1:] for row in rows[2 : until + 1]}


def found(model, workflow, quantity):
    """Return "law", "exact", "simulated" or "open", whichever is true first."""
    try:
        e = mc.Experiment(model, workflow, samples=20, generations=3)
    except mc.InvalidInput:
        return "open"
    prediction = mc.predict(e)
    assert mc.simulate(e, 2)[quantity].shape == (2, 3)
    if quantity not in prediction.expected:
        return "simulated"
    assert prediction[quantity].shape == (3,)
    return "law" if set(prediction.laws) & {"mean", "log_variance", quantity} else "exact"


COLUMNS, CELLS = table()


def test_the_table_has_every_family_and_workflow():
    """Nothing is left out."""
    assert list(WORKFLOWS) == COLUMNS
    assert list(CELLS) == [*FAMILIES, "language model"]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("column", range(len(WORKFLOWS)), ids=list(WORKFLOWS))
def test_a_cell_is_true(family, column):
    """What the cell says is what predict and simulate do, for all models of the row."""
    models, quantity = FAMILIES[family]
    workflow = list(WORKFLOWS.values())[column]
    words = {found(model, workflow, quantity) for model in models}

    assert words <= {re.sub(r"[^a-z].*", "", CELLS[family][column]), "exact"}, words
    assert words & {re.sub(r"[^a-z].*", "", CELLS[family][column])}, words
