"""A schedule of budgets, in every family: what is simulated has the predicted mean."""

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse._support.errors import InvalidInput, NoClosedForm

BUDGETS = (4, 2, 9, 3)
LOOPS = {
    "gaussian": (mc.Gaussian(), "variance"),
    "gaussian, two columns": (mc.Gaussian(2), "squared_error"),
    "kde": (mc.KDE(0.4), "central_variance"),
    "poisson": (mc.Poisson(), "squared_error"),
    "discrete": (mc.Discrete(3), "heterozygosity"),
    "discrete, smoothed": (mc.Discrete(3, smoothing=0.5), "heterozygosity"),
}


@pytest.mark.parametrize("case", LOOPS)
def test_simulated_and_predicted_values_agree(case, seed):
    """Four budgets, all of them below the pool; a budget of 2 for ever is another loop."""
    model, name = LOOPS[case]
    e = mc.Experiment(model, mc.AccumulateSubsample(BUDGETS), 5, 4)
    verdicts = mc.verify_experiment(e, effect=0.1, seed=seed, seconds=0.5)
    assert {v.verdict for v in verdicts if "/loop-" not in v.slug} == {"holds"}
    steady = mc.predict(mc.Experiment(model, mc.AccumulateSubsample(2), 5, 4))
    assert steady[name][3] != pytest.approx(mc.predict(e)[name][3], rel=1e-3)


def test_a_function_and_a_sequence_are_one_loop():
    """The same identity, and the same bits."""
    both = [
        mc.Experiment(mc.Poisson(), mc.AccumulateSubsample(k), 5, 4)
        for k in (BUDGETS, list(BUDGETS), lambda t: BUDGETS[t - 1])
    ]
    assert both[0] == both[1] == both[2]
    runs = [mc.simulate(e, 50, seed=3)["mean"] for e in both]
    assert np.array_equal(runs[0], runs[1])
    assert np.array_equal(runs[0], runs[2])
    assert mc.Experiment.from_dict(mc.described(both[2])) == both[0]


def test_nothing_is_said_of_what_comes_after_the_schedule():
    """No limit; a fate only where any budget has it."""
    for model, name in LOOPS.values():
        e = mc.Experiment(model, mc.AccumulateSubsample(BUDGETS), 5, 4)
        p = mc.predict(e)
        with pytest.raises(NoClosedForm):
            p.limits[name]
        assert p.fates[name].verdict in ("undetermined", "bounded")


def test_budgets_are_refused_where_they_do_not_do():
    """A schedule that ends, and a covariance of one row."""
    with pytest.raises(InvalidInput, match="generations = 5"):
        mc.Experiment(mc.Poisson(), mc.AccumulateSubsample(BUDGETS), 5, 5)
    with pytest.raises(InvalidInput, match="budget = 1"):
        mc.Experiment(mc.Gaussian(), mc.AccumulateSubsample([3, 1]), 5, 2)
    with pytest.raises(InvalidInput, match="budget has 1 entries"):
        mc.AccumulateSubsample([3]).training_size([5, 5])
