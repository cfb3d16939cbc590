"""Optimal bandwidths: the gradient, certificates of optimality, and what they must beat."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

import modelcollapse as mc
from modelcollapse.families.kde import control, search
from tests.helpers.kde_tracing import overlap

WORKFLOWS = {
    "replace": mc.Replace(),
    "accumulate": mc.Accumulate(),
    "subsample": mc.AccumulateSubsample(),
    "budget": mc.AccumulateSubsample(15),
}
TRUTHS = {
    "normal": mc.Normal(0.0, 1.0),
    "mixture": mc.NormalMixture([1, 2], [-2.0, 1.0], [0.25, 1.0]),
    "plane": mc.Normal(np.ones(2), 4.0 * np.eye(2)),
}
NAMES = pytest.mark.parametrize("name", WORKFLOWS)
KINDS = pytest.mark.parametrize("kind", TRUTHS)
SIZES = [40, 30, 50, 20, 40]
CALL = {"sum": np.sum, "max": np.max, "final": lambda errors: errors[-1]}


def experiment(name, kind, sizes=SIZES):
    """Return a loop with some bandwidth."""
    truth = TRUTHS[kind]
    return mc.Experiment(
        mc.KDE(1.0, dim=truth.dim), WORKFLOWS[name], sizes, len(sizes), truth=truth
    )


def errors(e, bandwidth):
    """Return the exact errors of the loop with another bandwidth."""
    return mc.predict(replace(e, model=mc.KDE(bandwidth, dim=e.model.dim)))["mise"]


def best(name, kind, objective, sizes=SIZES):
    """Return the optimal schedule."""
    return mc.optimal_bandwidths(TRUTHS[kind], WORKFLOWS[name], sizes, len(sizes), objective)


@settings(max_examples=12)
@given(
    name=st.sampled_from(sorted(WORKFLOWS)),
    kind=st.sampled_from(sorted(TRUTHS)),
    factors=st.lists(st.floats(0.3, 3), min_size=5, max_size=5),
    share=st.lists(st.floats(0, 1), min_size=5, max_size=5),
)
def test_slopes_are_differences(name, kind, factors, share):
    """Derivatives by h_t^2, against central differences with steps of 1e-3 and 2e-3 of it.

    Richardson's combination of the two has an error of 1e-12 times a fifth derivative, and
    roundings of 1e-15 over 1e-3: 1e-9 of the largest value per relative step is left.
    """
    e = experiment(name, kind)
    thumb = control.rule_of_thumb(e)
    path, h, share = control.path_of(e, thumb * 0.3), thumb * factors, np.array(share)
    values, tape = path.errors(h)
    found = path.slopes(tape, share) * h**2

    for t in range(5):
        slopes = []
        for step in (1e-3, 2e-3):
            sides = []
            for sign in (1, -1):
                moved = h.copy()
                moved[t] *= np.sqrt(1 + sign * step)
                sides.append(share @ path.errors(moved)[0])
            slopes.append((sides[0] - sides[1]) / (2 * step))
        difference = (4 * slopes[0] - slopes[1]) / 3
        assert found[t] == pytest.approx(difference, rel=0, abs=1e-9 * values.max())


def plainly(path, h, share):
    """Return the errors, and the slopes of their weighted sum, generation by generation."""
    a, product = np.ones_like(path.power), path.power + (1 - path.power) / path.first
    found, tape = [], []
    for step, width in zip(path.steps, h, strict=True):
        kappa, fit = path.kappa(width), product + step.subsampled * (1 - product)
        found.append(path.weights @ (kappa**2 * fit - 2 * kappa * a * path.power + path.power))
        tape.append((kappa, a, product, fit))
        a, product = control.advanced(step, kappa, a, product, fit)
    slopes, back_a, back = np.empty(len(h)), 0.0 * path.power, 0.0 * path.power
    for t in reversed(range(len(h))):
        step, (kappa, a, product, fit) = path.steps[t], tape[t]
        s, keep, w = step.share, 1 - step.share, share[t] * path.weights
        drawn = s * s * (1 - 1 / step.n)
        by_kappa = back_a * s * a + w * (2 * kappa * fit - 2 * a * path.power)
        by_kappa = by_kappa + back * (2 * s * keep * product + 2 * drawn * kappa * fit)
        by_fit = (back * drawn + w) * kappa**2
        back = back * (keep * keep + 2 * s * keep * kappa) + (1 - step.subsampled) * by_fit
        back_a = back_a * (keep + s * kappa) - 2 * w * kappa * path.power
        slopes[t] = by_kappa @ (-(path.nodes**2) / 2 * kappa)
    return np.array(found), slopes


@NAMES
@KINDS
def test_compiled_passes_are_the_plain_ones(name, kind):
    """Errors and slopes, up to the order of their sums: 1e-13 of the terms, which cancel little."""
    e, share = experiment(name, kind), np.array([0.5, 1.0, 0.0, 2.0, 1.0])
    h = control.rule_of_thumb(e) * [0.8, 1.0, 0.0, 0.7, 1.2]
    path = control.path_of(e, control.rule_of_thumb(e))
    expected, slopes = plainly(path, h, share)
    found, tape = path.errors(h)

    assert found == pytest.approx(expected, rel=1e-12)
    assert path.slopes(tape, share) == pytest.approx(
        slopes, rel=1e-12, abs=1e-13 * np.abs(slopes).max()
    )
    own = path.own_error(*tape[1:4:2, 1])(float(np.log(h[1])))
    assert own == pytest.approx(expected[1], rel=1e-12)


@NAMES
@KINDS
def test_the_path_is_the_prediction(name, kind):
    """The errors on fixed frequencies are the exact ones, to the 1e-9 that they are cut at."""
    e = experiment(name, kind)
    h = control.rule_of_thumb(e) * [0.8, 1.0, 1.5, 0.7, 1.2]

    assert control.path_of(e, h).errors(h)[0] == pytest.approx(errors(e, h), rel=1e-8)


@NAMES
@KINDS
@pytest.mark.parametrize("objective", ["sum", "max"])
def test_it_beats_every_rule(name, kind, objective):
    """Fixed bandwidths, Scott, Silverman, the rule of thumb, and the greedy schedule."""
    e, found, value = experiment(name, kind), best(name, kind, objective), CALL[objective]
    thumb = control.rule_of_thumb(e)
    s = np.sqrt(e.truth.spectrum.mean())
    rules = [thumb, search.greedy(control.path_of(e, thumb), thumb)]
    rules += [thumb[0] * factor for factor in np.geomspace(0.1, 4, 12)]
    rules += [s * (r / thumb[0]) * thumb for r in np.geomspace(0.1, 1, 5)]
    if s == 1:
        rules += ["scott", "silverman"]

    assert found.objective == objective
    assert found.bandwidths.shape == found.mise.shape == (5,)
    assert found.value == pytest.approx(value(found.mise), rel=1e-15)
    # What is returned are the exact errors of the returned schedule.
    assert found.mise == pytest.approx(errors(e, found.bandwidths), rel=1e-12)
    for rule in rules:
        assert found.value <= value(errors(e, rule)) * (1 + 1e-9)


@NAMES
@KINDS
def test_the_sum_is_stationary(name, kind):
    """No derivative is left, and no schedule close by or drawn at random is better."""
    e, found = experiment(name, kind), best(name, kind, "sum")
    h = found.bandwidths
    path = control.path_of(e, h)
    slopes = path.slopes(path.errors(h)[1], np.ones(5)) * 2 * h**2
    # L-BFGS-B stops at a gradient of 1e-9 or when a step gains less than 1e-13 of the sum; at a
    # relative gain g, slopes are up to the root of 2 g times a curvature near one: 1e-6.
    assert np.abs(slopes).max() <= 1e-6 * found.value
    rng = np.random.default_rng(0)
    for spread in (0.01, 0.1, 0.5):
        for _ in range(5):
            other = path.errors(h * np.exp(spread * rng.normal(size=5)))[0].sum()
            assert found.value <= other * (1 + 1e-9)


@NAMES
@KINDS
def test_the_maximum_has_multipliers(name, kind):
    """Karush, Kuhn and Tucker: equal errors, and weights >= 0 that cancel all derivatives.

    Error t depends on h_1, ..., h_t: the weights follow backwards from the last one.
    """
    e, found = experiment(name, kind), best(name, kind, "max")
    h = found.bandwidths
    # The level is found to 1e-9, and each bandwidth's logarithm to 1e-10.
    assert found.mise == pytest.approx(np.full(5, found.value), rel=1e-8)
    path = control.path_of(e, h)
    tape = path.errors(h)[1]
    J = np.array([path.slopes(tape, row) for row in np.eye(5)]) * 2 * h**2 / found.value
    # One fit binds: the level is its least error, but for a share of LEVEL. An error of the form
    # A h^-d + B h^4 has the relative curvature 4 d there. Later fits have rows to spare.
    binding = int(np.abs(np.diag(J)).argmin())
    assert abs(J[binding, binding]) < 2 * np.sqrt(8 * e.model.dim * search.LEVEL)
    weights = np.zeros(5)
    weights[binding] = 1.0
    for t in range(binding - 1, -1, -1):
        weights[t] = -(weights[t + 1 :] @ J[t + 1 :, t]) / J[t, t]
    assert (weights >= 0).all()


@pytest.mark.parametrize("T", [1, 2, 7])
@pytest.mark.parametrize(
    ("name", "kind"), [("replace", "normal"), ("replace", "mixture"), ("accumulate", "normal")]
)
def test_the_final_error_resamples(name, kind, T):
    """No noise before the last fit; then a plain estimate of 1 / (1 - p) independent rows.

    p is the probability that two rows of the last fit have different ancestors. It is a theorem
    for any truth under replace, and for a normal one under accumulate.
    """
    n, truth = 30, TRUTHS[kind]
    found = mc.optimal_bandwidths(truth, WORKFLOWS[name], n, T, "final")
    j = np.arange(1, T + 1)
    p = (1 - 1 / n) ** T if name == "replace" else np.prod(1 - 1 / (n * j**2))

    def plain(log_h):
        v = np.exp(2 * log_h)
        same = (1 - p) / np.sqrt(4 * np.pi * v)
        return same + p * overlap(truth, 2 * v) - 2 * overlap(truth, v) + overlap(truth, 0.0)

    expected = minimize_scalar(plain, bounds=(-3, 1), method="bounded", options={"xatol": 1e-9})
    assert (found.bandwidths[:-1] == 0).all()
    assert np.isinf(found.mise[:-1]).all()
    assert found.value == found.mise[-1] == pytest.approx(expected.fun, rel=1e-9)


@NAMES
@pytest.mark.parametrize("kind", ["normal", "plane"])
def test_nothing_is_better_in_the_end(name, kind):
    """For a normal truth no schedule ends with a smaller error than resampled rows do."""
    e, found = experiment(name, kind), best(name, kind, "final")
    thumb, rng = control.rule_of_thumb(e), np.random.default_rng(1)
    path = control.path_of(e, thumb * 0.1)

    for spread in (0.001, 0.03, 0.5):
        for _ in range(10):
            h = found.bandwidths + spread * thumb * rng.random(5)
            assert found.value <= path.errors(h)[0][-1] * (1 + 1e-9)
    for objective in ("sum", "max"):
        assert found.value <= best(name, kind, objective).mise[-1] * (1 + 1e-9)


@pytest.mark.parametrize("objective", ["sum", "max", "final"])
def test_the_unit_does_not_matter(objective):
    """Bandwidths scale with the truth, errors with its d-th power; a shift changes nothing."""
    here = best("accumulate", "mixture", objective)
    w, m, S = TRUTHS["mixture"].components
    wide = mc.NormalMixture(w, 50 * m - 300, 2500 * S)
    there = mc.optimal_bandwidths(wide, mc.Accumulate(), SIZES, 5, objective)

    # A minimum that is flat to 1e-13 is found to the root of that.
    assert there.bandwidths == pytest.approx(50 * here.bandwidths, rel=1e-5)
    assert there.value == pytest.approx(here.value / 50, rel=1e-9)


@pytest.mark.parametrize("gap", [10.0, 30.0])
def test_modes_far_apart(gap):
    """Each of two distant modes is a problem of its own, with half of the rows.

    With gaps of over 60 deviations the modes do not meet: with w = 1/2 each, the error is half
    of that of a single mode seen through n/2 rows, up to what a random number of rows changes;
    so the best bandwidth is of the size of a single mode's, not of the whole spread.
    """
    s = 0.1
    truth = mc.NormalMixture([1, 1], [-gap, gap], [s**2, s**2])
    found = mc.optimal_bandwidths(truth, mc.Accumulate(), 200, 1)

    def plain(h):  # two modes: every overlap is half of one mode's
        def one(v):
            return 0.5 / np.sqrt(2 * np.pi * (2 * s * s + v))

        same = 1 / np.sqrt(4 * np.pi * h * h) / 200
        return same + (1 - 1 / 200) * one(2 * h * h) - 2 * one(h * h) + one(0.0)

    expected = minimize_scalar(plain, bounds=(0.001, 0.2), method="bounded")
    assert found.value == pytest.approx(expected.fun, rel=1e-8)
    for objective in ("sum", "max"):
        longer = mc.optimal_bandwidths(truth, mc.Replace(), 200, 2, objective)
        for h in np.geomspace(0.2, 2, 8) * expected.x:
            e = mc.Experiment(mc.KDE(h), mc.Replace(), 200, 2, truth=truth)
            assert longer.value <= CALL[objective](mc.predict(e)["mise"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"truth": np.eye(2)}, "is a data set and has no density"),
        ({"truth": [1.0, 2.0]}, "is a data set and has no density"),
        ({"truth": mc.Normal(np.zeros(2), [[2.0, 0.0], [0.0, 1.0]])}, "isotropic"),
        ({"workflow": mc.KeepReal()}, "workflow = KeepReal(share=None): give Replace()"),
        ({"workflow": mc.SlidingWindow(2)}, "give Replace(), Accumulate() or Accum"),
        ({"workflow": mc.Replace}, "workflow = Replace is a class: give an object, Replace"),
        ({"workflow": "replace"}, "workflow = 'replace'"),
        ({"objective": "mean"}, "unknown objective 'mean'; "),
        ({"objective": "finale"}, "did you mean final"),
        ({"objective": None}, "unknown objective None"),
        ({"generations": 0}, "generations = 0 is not valid"),
        ({"samples": 0}, "samples = 0 is not valid"),
        ({"samples": [5, 5]}, "the schedule has 2 sizes"),
    ],
)
def test_wrong_input(changes, message):
    """Each error names the argument, shows its value and says what is allowed."""
    arguments = {"truth": None, "workflow": mc.Replace(), "samples": 9, "generations": 3}
    with pytest.raises(mc.InvalidInput) as caught:
        mc.optimal_bandwidths(**{**arguments, **changes})

    assert message in str(caught.value)
