"""Bandwidth schedules: the grid, the optimum that is one, and fates beside the curves."""

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.reproduce import named
from modelcollapse.reproduce.questions.drawing_schedules import STYLES, schedule, words
from modelcollapse.reproduce.questions.schedules import POWERS, optimal, schedules, sweeps
from tests.helpers.figure_making import WORKFLOWS, assert_files, fixtures

FIGURE = named("bandwidth-schedules")


made, pictures = fixtures("bandwidth-schedules")


def test_files(made, pictures):
    """Pictures, data and captions are there."""
    assert_files(made, pictures, ["mise", "second-moment"], {"mise", "second-moment"})


def test_the_grid():
    """100 rows and generations for errors, the paper's 1000 generations for the spread."""
    found = sweeps("paper")
    assert {c.samples for part in found.values() for c in part.cells} == {100}
    errors = found["mise"].cells
    assert {(c.generations, c.extra) for c in errors} == {(100, ("mise",))}
    for name in WORKFLOWS:
        given = [c.model["bandwidth"] for c in errors if c.workflow["name"] == name]
        rules = [0.1, 0.5, "scott", "silverman", "power:0.422,0.2", "power:0.422,1"]
        assert given == [*rules, optimal(name, 100, 100)]
    spreads = found["second-moment"].cells
    assert {c.generations for c in spreads} == {1000}
    assert len(spreads) == sum(map(len, POWERS.values()))


@pytest.mark.parametrize(("name", "workflow"), list(WORKFLOWS.items()))
def test_no_schedule_beats_the_rounded_optimum(name, workflow):
    """Nor does rounding cost anything that could be seen."""
    best = mc.optimal_bandwidths(None, workflow, 20, 10).value
    total = {}
    for cell in sweeps("quick")["mise"].cells:
        if cell.workflow["name"] == name:
            kind = schedule(str(cell.model["bandwidth"]))
            total[kind] = mc.predict(cell.experiment())["mise"].sum()
    assert set(total) == set(STYLES)
    assert 0 <= total["optimal"] / best - 1 < 1e-6
    assert min(total, key=total.get) == "optimal"


@pytest.mark.parametrize(("column", "name"), list(enumerate(WORKFLOWS)))
def test_error_lines_are_the_predictions(pictures, column, name):
    """Of every schedule."""
    axis = pictures["mise"].drawing.axes[column]
    lines = {line.get_label(): line.get_ydata() for line in axis.get_lines()}
    assert set(STYLES) < set(lines)
    for bandwidth in schedules(name, 20, 10):
        rule = (
            mc.PowerBandwidth(*map(float, bandwidth[6:].split(",")))
            if "power" in str(bandwidth)
            else bandwidth
        )
        known = mc.predict(mc.Experiment(mc.KDE(rule), WORKFLOWS[name], 20, 10))["mise"]
        line = lines[schedule(str(bandwidth))]
        np.testing.assert_allclose(line, known[[0, 2, 9]], rtol=1e-12)


def test_spreads_and_their_fates(pictures):
    """Each panel has the prediction as its line, and its fate above; both sides are there."""
    axes = iter(pictures["second-moment"].drawing.axes)
    for name, pairs in POWERS.items():
        verdicts = []
        for exponent, logs in pairs:
            axis = next(axes)
            rule = mc.PowerBandwidth(0.5822, exponent, logs)
            prediction = mc.predict(mc.Experiment(mc.KDE(rule), WORKFLOWS[name], 20, 30))
            line = axis.get_lines()[0].get_ydata()
            np.testing.assert_allclose(line, prediction["second_moment"][[0, 2, 9, 29]], rtol=1e-12)
            fate = prediction.fates["second_moment"]
            assert axis.get_title().endswith(words(fate))
            verdicts.append(fate.verdict)
        assert set(verdicts) == {"bounded", "diverges"}


def test_the_captions_statements():
    """The two pools have one second moment; 1/t explodes the error and bounds the moment."""
    rule = mc.PowerBandwidth(0.422, 1.0)
    both = [mc.Experiment(mc.KDE(rule), w, 100, 50) for w in list(WORKFLOWS.values())[1:]]
    pooled, subsampled = (mc.predict(e)["second_moment"] for e in both)
    np.testing.assert_allclose(pooled, subsampled, rtol=1e-12)
    fates = mc.predict(mc.Experiment(mc.KDE(rule), mc.Replace(), 100, 50)).fates
    assert fates["second_moment"].verdict == "bounded"
    assert fates["mise"].verdict == "clumps"
    for workflow in (mc.Replace(), mc.AccumulateSubsample()):
        last = [
            mc.predict(mc.Experiment(mc.KDE(h), workflow, 100, 100))["mise"][-1]
            for h in ("scott", "silverman", mc.PowerBandwidth(0.422, 0.2))
        ]
        assert max(last) == last[2]
    for name in WORKFLOWS:
        assert optimal(name, 100, 100)[0] < 0.422 / 2
