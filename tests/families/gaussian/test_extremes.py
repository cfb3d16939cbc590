"""Loops that explode, pools beyond 64-bit products, and quantities that are open."""

import numpy as np
import pytest

import modelcollapse as mc

HOT = [mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample(), mc.SlidingWindow(3), mc.KeepReal()]


@pytest.mark.parametrize("samples", [20_000, 10**6])
def test_fourth_moments_of_large_pools(samples):
    """Products of four pool sizes leave 64-bit integers; the two exact routes still agree."""
    whole = mc.Experiment(mc.Gaussian(), mc.AccumulateSubsample(10**9), samples, 8)
    pool = mc.Experiment(mc.Gaussian(), mc.Accumulate(), samples, 8)
    for name in ("variance", "squared_error", "second_moment"):
        # Both lose what they subtract, the squared mean: up to 1/Var times the rounding of 1.
        mine, other = mc.predict(whole).variances[name], mc.predict(pool).variances[name]
        assert (mine > 0).all()
        assert mine == pytest.approx(other, rel=1e-9, abs=1e-12)


def test_variances_stay_positive_for_long_loops_at_the_default_size():
    """A thousand generations of n = 100: the variance over replicates converges, from below."""
    e = mc.Experiment(mc.Gaussian(), mc.AccumulateSubsample(), 100, 1000)
    spread = mc.predict(e).variances["squared_error"]
    assert (np.diff(spread) > 0).all()
    assert spread[-1] < 2 * spread[9]


def test_what_vanishes_ends_at_zero():
    """Not at the smallest float, where rounding would keep it for ever."""
    replace = mc.predict(mc.Experiment(mc.Gaussian(), mc.Replace(), 5, 6000))
    entropy = mc.predict(mc.Experiment(mc.Discrete(3), mc.Replace(), 5, 6000))["entropy"]

    assert replace["variance"][-1] == entropy[-1] == 0
    t = np.arange(2900, 3100)
    log_entropy = np.log(entropy[t])
    assert np.diff(log_entropy) == pytest.approx(np.log(0.8), rel=1e-9)
    assert replace["variance"][3100] == pytest.approx(0.8**3101, rel=1e-9)


@pytest.mark.parametrize("workflow", HOT, ids=repr)
def test_explosions_are_infinite_without_a_warning(workflow):
    """At temperature 50 everything leaves the floats: infinity, never NaN, and no warning."""
    e = mc.Experiment(mc.Gaussian(), workflow, 5, 400, temperature=50.0)
    with np.errstate(all="raise", under="ignore"):
        p = mc.predict(e)
        values = [p[name] for name in p.expected] + [p.variances[name] for name in p.variances]
        runs = mc.simulate(e, 20, at=[1, 400])
        simulated = [runs[name] for name in ("variance", "squared_error")]
    assert not any(np.isnan(v).any() for v in values)
    assert not any(np.isnan(v).any() for v in simulated)


@pytest.mark.parametrize("workflow", HOT, ids=repr)
def test_what_is_open_says_why_everywhere(workflow):
    """Variances, laws and limits without a closed form raise NoClosedForm, and get() is None."""
    p = mc.predict(mc.Experiment(mc.Gaussian(dim=2), workflow, 20, 3))
    for part in (p.expected, p.variances, p.laws, p.limits):
        for name in ("second_moment", "log_variance", "w2_squared", "pseudo_log_determinant"):
            if name not in part:
                with pytest.raises(mc.NoClosedForm, match=name):
                    part[name]
                assert part.get(name) is None


def test_the_limit_of_the_second_moment():
    """It is the sum of the two that it consists of: tr S_0, for maximum likelihood."""
    limits = mc.predict(mc.Experiment(mc.Gaussian(), mc.Accumulate(), 10, 2)).limits
    assert limits["second_moment"] == pytest.approx(1.0, rel=1e-15)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: mc.predict(None), "experiment = None"),
        (lambda: mc.simulate(mc.Gaussian()), "experiment = Gaussian"),
        (lambda: mc.simulate(mc.Experiment(mc.Gaussian(), mc.Replace()), at=3), "at = 3"),
        (lambda: mc.simulate(mc.Experiment(mc.Gaussian(), mc.Replace()), jobs=0), "jobs = 0"),
        (lambda: mc.Normal("a", 1), "mean = .a. is not valid: give an array of numbers"),
        (lambda: mc.Experiment(mc.Gaussian(), mc.Replace(), truth=[[1e300], [-1e300]]), "rescale"),
        (lambda: mc.Experiment(mc.Gaussian(), mc.Replace(), 10**30), "at most 1000000000000"),
        (lambda: mc.verify("gaussian/*"), "verify_all"),
    ],
)
def test_wrong_types_and_sizes_are_named(call, said):
    """Arguments of the wrong kind are InvalidInput, with the argument's name."""
    with pytest.raises(mc.InvalidInput, match=said.replace("(", r"\(")):
        call()


class Contradiction:
    """Trains on all rows, and says that it trains on the last batch."""

    name = "contradiction"

    def training_rows(self, sizes, rng):
        """Return all rows."""
        del rng
        return np.arange(sum(sizes))

    def batch_weights(self, sizes):
        """Return replace's weights."""
        return np.eye(len(sizes))[-1]


def test_a_workflow_that_contradicts_itself_is_refused():
    """Predictions follow the weights and the loop the rows: they must agree."""
    with pytest.raises(mc.InvalidInput, match="at generation 2 training_rows gives"):
        mc.Experiment(mc.Gaussian(), Contradiction(), 5, 3)
