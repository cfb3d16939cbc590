"""What becomes of a Gaussian loop: verdicts and rates against long exact curves and limits."""

import math
import re

import numpy as np
import pytest

import modelcollapse as mc

FAR = 20_000  # generations: a power law's slope is then good to about 1/FAR
LOOPS = [
    mc.Replace(),
    mc.Accumulate(),
    mc.AccumulateSubsample(),
    mc.AccumulateSubsample(3),
    mc.SlidingWindow(3),
    mc.KeepReal(),
    mc.KeepReal(0.2),
    mc.FreshData(4, 5),
    mc.Web(3, 4),
]


def predict(workflow, ddof=0, heat=1.0, generations=FAR, n=7, dim=1):
    """Return the predictions of a loop around the standard normal."""
    model = mc.Gaussian(dim, ddof)
    return mc.predict(mc.Experiment(model, workflow, n, generations, temperature=heat))


def curve(p, name):
    """Return a quantity at a quarter, a half and all of the generations."""
    values = p[name]
    T = len(values)
    return values[T // 4 - 1], values[T // 2 - 1], values[T - 1]


def assert_follows(fate, p, name):
    """The long curve does what the fate says, at its rate."""
    early, half, late = curve(p, name)
    if fate.verdict == "bounded":
        assert late <= 1.01 * max(half, early) + 1e-12
        if name == "variance":
            assert late >= 0.98 * half > 0
        return
    assert fate.verdict in ("diverges", "clumps")
    grows = fate.verdict == "diverges"
    # What grows may begin with a constant, which its differences do not have.
    if geometric := re.fullmatch(r"([\d.e+-]+)\^t", fate.rate):
        values = np.diff(p[name][:60]) if grows else p[name][:60]
        assert values[-1] / values[-2] == pytest.approx(float(geometric[1]), rel=1e-4)
        assert (float(geometric[1]) > 1) == grows
    elif power := re.fullmatch(r"t\^(-?[\d.e+-]+)", fate.rate):
        slope = math.log2((late - half) / (half - early) if grows else late / half)
        a = float(power[1])  # t^a (1 + O(n/t)): differences are off by O(n/(a t))
        assert slope == pytest.approx(a, abs=10 / (abs(a) * FAR))
        assert (slope > 0) == grows
    elif fate.rate == "log t":
        assert late - half == pytest.approx(half - early, rel=2e-3)
        assert late > half
    else:
        assert fate.rate == "t/n"
        assert late - half == pytest.approx(FAR / 2 / 7, rel=1e-3)


@pytest.mark.parametrize("heat", [0.7, 1.0, 7 / 6, 1.3, 2.0, 2.5])
@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("workflow", LOOPS[:4], ids=repr)
def test_verdicts_follow_long_curves(workflow, ddof, heat):
    """For every temperature; 7/6 keeps replace's variance for maximum likelihood."""
    p = predict(workflow, ddof, heat)
    explodes = isinstance(workflow, mc.Replace) and heat * 6 / (7 - ddof) > 1
    if explodes:
        p = predict(workflow, ddof, heat, generations=60)
    for name in ("variance", "squared_error", "second_moment"):
        assert_follows(p.fates[name], p, name)


@pytest.mark.parametrize("workflow", LOOPS[4:], ids=repr)
def test_other_workflows_follow_the_solver(workflow):
    """Maximum likelihood at temperature 1: what the error gains the variance loses."""
    p = predict(workflow, generations=4000)
    variance, error = curve(p, "variance"), curve(p, "squared_error")
    expected = "clumps" if isinstance(workflow, mc.SlidingWindow) else "bounded"

    assert p.fates["variance"].verdict == expected
    assert p.fates["squared_error"].verdict == p.fates["second_moment"].verdict == "bounded"
    assert (variance[-1] < 1e-6) == (expected == "clumps")
    assert error[-1] <= 1
    unbiased = predict(workflow, ddof=1, generations=4000)
    if isinstance(workflow, (mc.KeepReal, mc.FreshData)):
        assert_follows(unbiased.fates["variance"], unbiased, "variance")
    else:
        assert unbiased.fates["variance"].verdict == "undetermined"


@pytest.mark.parametrize("workflow", LOOPS[4:], ids=repr)
def test_limits_are_those_of_long_curves(workflow):
    """The variance and the error, which add up to 1."""
    p = predict(workflow, generations=FAR if isinstance(workflow, mc.Web) else 4000)
    for name in ("variance", "squared_error"):
        assert p[name][-1] == pytest.approx(p.limits[name], abs=2e-3)
    assert p.limits["second_moment"] == 1


def test_the_limit_of_fresh_data_is_the_fixed_point():
    """Of any first batch, as `mixed` has it."""
    e = mc.Experiment(mc.Gaussian(), mc.FreshData(20, 80), samples=7, generations=5)
    known = mc.mixed.fresh_fixed_point(20, 80)
    limits = mc.predict(e).limits

    assert limits["variance"] == pytest.approx(known.variance, rel=1e-12)
    assert limits["squared_error"] == pytest.approx(known.squared_error, rel=1e-12)


def test_fates_agree_with_limits():
    """Where a limit is known it is 0, finite or infinite as the fate says."""
    words = {"clumps": lambda x: x == 0, "bounded": lambda x: 0 < x < np.inf, "diverges": np.isinf}
    seen = set()
    for workflow in LOOPS:
        for ddof in (0, 1):
            for heat in (0.7, 1.0, 1.3, 2.5):
                p = predict(workflow, ddof, heat, generations=3)
                for name in ("variance", "squared_error"):
                    if name in p.limits and (word := p.fates[name].verdict) != "undetermined":
                        limit = p.limits[name]  # the web forgets its error
                        forgets = name == "squared_error" and isinstance(workflow, mc.Web)
                        assert words[word](limit + forgets), (workflow, ddof, heat, name)
                        seen.add((type(workflow), word))
    assert len(seen) >= 6


@pytest.mark.parametrize(
    ("n", "heat", "dim"), [(9, 1.0, 1), (9, 1.0, 2), (9, 2.5, 1), (30, 1.6, 2)]
)
def test_the_test_loss_diverges_under_replace(n, heat, dim):
    """Exponentially where the fits shrink, and linearly where they spread."""
    p = predict(mc.Replace(), 0, heat, generations=400, n=n, dim=dim)
    fate, loss = p.fates["test_log_loss"], p["test_log_loss"]

    assert fate.verdict == "diverges"
    assert loss[-1] > loss[200] + 1
    if fate.rate:
        factor = float(fate.rate.removesuffix("^t"))
        assert loss[-1] / loss[-2] == pytest.approx(factor, rel=1e-3)
    else:
        drift = p.exponents["lyapunov"].sum()
        assert loss[-1] - loss[-2] > drift / 2 - 1e-3 > 0


def test_what_the_test_loss_does_elsewhere():
    """Infinite from the first singular or short batch; where the batches differ it is open."""
    short = mc.Experiment(mc.Gaussian(2), mc.Replace(), [9, 9, 4], 3)
    assert mc.predict(short).fates["test_log_loss"].rate == "inf from generation 3"
    thin = predict(mc.Accumulate(), n=3, dim=3, generations=2)
    assert thin.fates["test_log_loss"].rate == "inf from generation 1"
    mixed = mc.Experiment(mc.Gaussian(), mc.Replace(), [9, 8, 9], 3)
    assert mc.predict(mixed).fates["test_log_loss"].verdict == "undetermined"


def test_schedules_are_not_guessed():
    """Sizes that differ say nothing of later ones, but where every factor is the same."""
    sizes = [9, 8, 7]

    def fates(workflow, ddof=0, heat=1.0):
        e = mc.Experiment(mc.Gaussian(1, ddof), workflow, sizes, 3, temperature=heat)
        return mc.predict(e).fates

    assert fates(mc.Replace())["variance"].verdict == "undetermined"
    assert fates(mc.Replace(), 0, 0.5)["variance"].verdict == "undetermined"
    assert fates(mc.Replace(), 1)["variance"].verdict == "bounded"
    assert fates(mc.Replace(), 1)["squared_error"].verdict == "undetermined"
    assert fates(mc.Replace(), 1, 0.5)["variance"].rate == "0.5^t"
    assert fates(mc.Accumulate())["squared_error"].verdict == "bounded"
    assert fates(mc.Accumulate(), 1)["variance"].verdict == "undetermined"
    assert fates(mc.AccumulateSubsample())["variance"].verdict == "undetermined"
    assert fates(mc.Replace())["second_moment"].verdict == "bounded"
    assert fates(mc.Replace(), 0, 0.5)["second_moment"].verdict == "undetermined"


@pytest.mark.parametrize(
    ("workflow", "heat"), [(mc.KeepReal(0.05), 5.0), (mc.KeepReal(), 4.0), (mc.Accumulate(), 3.0)]
)
def test_nothing_typical_is_said_where_variances_explode(workflow, heat):
    """Real rows that keep their weight bound a variance from below alone."""
    e = mc.Experiment(mc.Gaussian(), workflow, 10, 50, temperature=heat)
    p = mc.predict(e)

    assert p.fates["variance"].verdict == "diverges"
    assert "variance" not in p.typical
    assert mc.predict(mc.Experiment(mc.Gaussian(), workflow, 10, 50)).typical["variance"]


def test_fresh_rows_mend_a_singular_fit():
    """Three rows in four dimensions, then twelve a generation: the plain loop's ranks."""
    e = mc.Experiment(mc.Gaussian(4), mc.FreshData(10, 2), 3, 4)
    p = mc.predict(e)
    runs = mc.simulate(e, 50, extra=["test_log_loss", "log_pivots"])

    assert "log_determinant" not in p
    assert p.fates["test_log_loss"].verdict == "bounded"
    assert np.isinf(runs["log_determinant"][:, 0]).all()
    assert np.isfinite(runs["log_determinant"][:, 1:]).all()
    assert np.isfinite(runs["test_log_loss"][:, 1:]).all()
    assert np.isfinite(runs["log_pivots"][:, 1:]).all()


def test_a_small_subset_has_the_pivots_that_it_has():
    """Three rows of a pool in four dimensions have two directions."""
    e = mc.Experiment(mc.Gaussian(4), mc.AccumulateSubsample(3), 8, 3)
    pivots = mc.simulate(e, 20, extra=["log_pivots"])["log_pivots"]

    assert np.isfinite(pivots[..., :2]).all()
    assert np.isneginf(pivots[..., 2:]).all()


@pytest.mark.parametrize(
    ("workflow", "options", "verdicts"),
    [
        (mc.Accumulate(), {}, ("bounded", "bounded", "bounded")),
        (mc.Accumulate(), {"temperature": 1.5}, ("diverges", "diverges", "diverges")),
        (mc.Accumulate(), {"temperature": 0.5}, ("diverges", "diverges", "bounded")),
        (mc.Replace(), {}, ("diverges", "diverges", "bounded")),
        (mc.SlidingWindow(2), {}, ("diverges", "diverges", "bounded")),
        (mc.Edit(rows=3), {}, ("diverges", "diverges", "bounded")),
        (mc.KeepReal(0.3), {}, ("bounded", "bounded", "bounded")),
        (mc.FreshData(9, 9), {}, ("bounded", "bounded", "bounded")),
        (mc.FreshData(4, 9), {}, ("undetermined", "bounded", "bounded")),
        (mc.AccumulateSubsample(), {}, ("undetermined", "undetermined", "bounded")),
    ],
    ids=str,
)
def test_losses_follow_the_variance(workflow, options, verdicts):
    """Vanishing variances make the loss diverge, kept real rows and summable steps bound it."""
    fates = mc.predict(mc.Experiment(mc.Gaussian(2), workflow, 12, 4, **options)).fates
    names = ("test_log_loss", "log_determinant", "w2_squared")
    assert tuple(fates[name].verdict for name in names) == verdicts


@pytest.mark.parametrize("workflow", [mc.SlidingWindow(2), mc.Edit(rows=4), mc.KeepReal(0.3)])
def test_losses_do_what_their_fate_says(workflow):
    """Medians at late generations: they grow without bound, or stay."""
    e = mc.Experiment(mc.Gaussian(), workflow, 8, 400)
    runs = mc.simulate(e, 300, 1, at=[40, 200, 400])["test_log_loss"]
    middle, late, last = np.median(runs, axis=0)
    if mc.predict(e).fates["test_log_loss"].verdict == "diverges":
        assert last > 2 * late > 4 * middle
    else:
        assert last < 2 * middle
