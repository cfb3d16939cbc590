"""Results in a line and as tables of a notebook: short, readable, and no data."""

from xml.etree import ElementTree as ET

import numpy as np
import pytest

import modelcollapse as mc

LONG = mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 50)
WIDE = mc.Experiment(
    mc.KDE(np.linspace(0.1, 1, 500), dim=64),
    mc.SlidingWindow(2),
    list(range(10, 510)),
    500,
    mc.datasets.load("digits"),
)
DATA = np.random.default_rng(0).standard_normal((200, 2))
RUN = mc.run(mc.Gaussian(2), DATA, mc.Replace(), 100, 50)
SHOWN = {
    "experiment": LONG,
    "large experiment": WIDE,
    "many outcomes": mc.Experiment(mc.Discrete(1000), mc.Accumulate(), lambda t: 10 + t, 20),
    "prediction": mc.predict(LONG),
    "trajectories": mc.simulate(LONG, 20),
    "run": RUN,
    "diagnosis": mc.diagnose(mc.simulate(LONG, 20)),
    "verdict": mc.verify("gaussian/replace/variance"),
    "theorem": mc.theorems()[0],
    "theorems": mc.theorems(),
}
EVERY = pytest.mark.parametrize("name", [n for n in SHOWN if n != "theorems"])


@EVERY
def test_a_repr_is_short(name):
    """A few lines, whatever it holds, which begin with what it is."""
    text = repr(SHOWN[name])

    assert len(text) < 500
    assert text.count("\n") < 3
    assert text.startswith(type(SHOWN[name]).__name__ + "(")


@pytest.mark.parametrize("name", SHOWN)
def test_a_notebooks_table_is_whole_and_small(name):
    """Well-formed, with nothing from elsewhere, whatever its size."""
    text = SHOWN[name]._repr_html_()
    tree = ET.fromstring(text)  # noqa: S314 - of this package

    assert len(text) < 40_000
    assert {node.tag for node in tree.iter()} <= {
        *("div", "p", "table", "tr", "th", "td", "ul", "li")
    }
    assert not [node for node in tree.iter() if node.attrib]
    assert list(tree.iter("td"))


def test_an_experiment_in_a_line():
    """Its parts by their own words; rows by their name and number."""
    assert repr(LONG) == (
        "Experiment(Gaussian(dim=1, ddof=0, floor=0.0), Replace(), samples=10, generations=50, "
        "truth=standard normal)"
    )
    assert "samples=[10, 11, 12" in repr(WIDE)
    assert "truth='digits' (1797 rows of 64 numbers)" in repr(WIDE)
    cool = mc.Experiment(mc.Poisson(), mc.Accumulate(), 5, 2, 3.0, temperature=1.0)
    assert repr(cool).endswith("truth={'model': 'poisson', 'mean': 3.0})")
    hot = mc.Experiment(mc.Gaussian(), mc.Replace(), 5, 2, temperature=0.5)
    assert repr(hot).endswith("truth=standard normal, sampling=Tempered(temperature=0.5))")


def test_a_prediction_in_a_line_computes_nothing():
    """The names that are known."""
    prediction = mc.predict(LONG)
    text = repr(prediction)

    assert text.startswith("Prediction(Gaussian(dim=1, ddof=0, floor=0.0), Replace(), samples=10")
    assert text.endswith(f"expected: {', '.join(prediction.expected)}")
    assert not prediction.expected._values


def test_trajectories_and_runs_in_a_line():
    """How many there are, at which generations, and of what."""
    runs = mc.simulate(LONG, 20, at=[1, 50])

    assert "20 replicates, 2 generations, 1 to 50: variance, " in repr(runs)
    assert not runs.values._values
    names = ", ".join(RUN.metrics)
    assert repr(RUN) == f"Run(completed, 50 generations, 1 to 50: {names})"


def rows(shown):
    """Return the rows of a notebook's table."""
    tree = ET.fromstring(shown._repr_html_())  # noqa: S314 - of this package
    return [[cell.text or "" for cell in row] for row in tree.iter("tr")]


def test_a_predictions_table_has_its_numbers():
    """By generation, with limits and reasons below."""
    prediction = mc.predict(mc.Experiment(mc.Gaussian(), mc.Accumulate(), 10, 3))
    head, *body = rows(prediction)
    text = prediction._repr_html_()

    assert head == ["generation", *prediction.expected]
    assert [row[0] for row in body] == ["1", "2", "3"]
    assert [row[1] for row in body] == [f"{x:.5g}" for x in prediction["variance"]]
    assert f"<li>limit of variance: {prediction.limits['variance']:.5g}</li>" in text
    assert "<li>test_log_loss_lower: test_log_loss itself is known here" in text


def test_trajectories_table_has_means_and_bands():
    """A cell is the mean, and 5 % to 95 % of the runs."""
    runs = mc.simulate(LONG, 20, at=[1, 50])
    _, first, _ = rows(runs)
    values = runs["variance"][:, 0]
    low, high = np.quantile(values, [0.05, 0.95], method="inverted_cdf")

    assert first[:2] == ["1", f"{values.mean():.4g} ({low:.3g} to {high:.3g})"]


def test_a_runs_table_has_its_metrics():
    """By generation, cut in the middle."""
    head, *body = rows(RUN)

    assert head == ["generation", *RUN.metrics]
    assert [row[0] for row in body if row[0] != "…"][:2] == ["1", "2"]
    assert body[-1][0] == "50"
    assert len(body) == 21
