"""What the kernel density estimator accepts, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from tests.helpers.conventions import used

ROWS = np.random.default_rng(0).normal(size=(6, 2))
ALLOWED = "finite number, at least 0"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-0.1, f"bandwidth = -0.1 is not valid: a bandwidth is a {ALLOWED}"),
        (np.nan, "bandwidth = nan"),
        (np.inf, "bandwidth = inf"),
        (None, f"bandwidth = None is not valid: give a {ALLOWED}, a rule (scott"),
        (True, f"bandwidth = True is not valid: give a {ALLOWED}"),
        (np.True_, f"bandwidth = {np.True_!r}"),  # NumPy 1 writes True
        (1j, "bandwidth = 1j"),
        (b"1", "bandwidth = b'1'"),
        ({}, "bandwidth = {}"),
        ("0.3", "unknown rule for bandwidth '0.3'; known: scipy-scott, scipy-silverman, scott"),
        ("Scot", "unknown rule for bandwidth 'Scot'; did you mean scott"),
        ("silvermann", "unknown rule for bandwidth 'silvermann'; did you mean silverman"),
        ([], "bandwidth = [] is not valid: the schedule is empty"),
        (np.array([]), "the schedule is empty"),
        ([0.1, -1.0], "bandwidth[1] = -1.0"),
        ([0.1, np.nan], "bandwidth[1] = nan"),
        ([0.1, None], "bandwidth[1] = None"),
        ([True], "bandwidth[0] = True"),
        (["scott"], "bandwidth[0] = 'scott'"),
        ([[0.1]], "bandwidth = [[0.1]]"),
        (np.ones((2, 2)), "bandwidth = array([[1., 1.]"),
    ],
)
def test_wrong_bandwidths(value, message):
    """Both bandwidths: each error names the argument, its value and what is allowed."""
    with pytest.raises(mc.InvalidInput) as caught:
        used(mc.KDE(value))
    assert message in str(caught.value)
    if value is not None:
        with pytest.raises(mc.InvalidInput) as caught:
            used(mc.KDE(0.5, scoring_bandwidth=value))
        assert message.replace("bandwidth", "scoring_bandwidth", 1).split(":")[0] in str(
            caught.value
        )


@pytest.mark.parametrize(
    ("model", "changes", "message"),
    [
        (mc.KDE([0.1, 0.2]), {}, "the schedule has 2 bandwidths and the loop has 3 generations"),
        (mc.KDE(0.1, scoring_bandwidth=[0.1]), {}, "scoring_bandwidth = (0.1,) is not valid"),
        (mc.KDE(lambda t: 2.5 - t), {}, "bandwidth(3) = -0.5"),
        (mc.KDE(lambda t: "wide" if t == 2 else 1.0), {}, "bandwidth(2) = 'wide'"),
        (mc.KDE(mc.PowerBandwidth(1.0, -2000.0)), {}, "bandwidth(2) = inf"),
        (mc.KDE(0.1), {"temperature": 2.0}, "a kernel density has no tempered sampler"),
        (mc.KDE(0.1, dim=1), {"truth": np.eye(3)}, "truth has 3 columns and the model has dim = 1"),
        (mc.KDE("scipy-scott"), {"samples": [1, 5, 5]}, "needs a covariance"),
        (mc.KDE("scipy-scott"), {"samples": [5, 1, 5]}, "needs a covariance"),
        (
            mc.KDE("scipy-scott"),
            {"workflow": mc.AccumulateSubsample(1)},
            "needs a covariance",
        ),
    ],
)
def test_wrong_experiments(model, changes, message):
    """What does not fit together is refused before anything runs."""
    with pytest.raises(mc.InvalidInput) as caught:
        mc.Experiment(
            model, **{"workflow": mc.Replace(), "samples": 5, "generations": 3, **changes}
        )

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        ({"X": ROWS[:, :1]}, "X has 1 column and dim = 2: make them equal"),
        ({"X": np.full((3, 2), np.nan)}, "X[0, 0] = nan"),
        ({"X": np.empty((0, 2))}, "give at least 1 row"),
        ({"sample_weight": [1.0] * 5}, "sample_weight = [1.0, 1.0, 1.0, 1.0, 1.0] is not valid"),
        ({"sample_weight": [1.0] * 5 + [-1.0]}, "give 6 finite weights >= 0, not all zero"),
        ({"sample_weight": [0.0] * 6}, "not all zero"),
        ({"sample_weight": [1.0] * 5 + [np.nan]}, "give 6 finite weights"),
        ({"sample_weight": [1.0] * 5 + [np.inf]}, "give 6 finite weights"),
        ({"sample_weight": "equal"}, "sample_weight = 'equal'"),
        ({"generation": 0}, "generation = 0 is not valid: give a whole number, at least 1"),
        ({"generation": 3}, "the schedule has 2 bandwidths"),
    ],
)
def test_wrong_fits(fit, message):
    """Rows, weights and generation are checked."""
    with pytest.raises(mc.InvalidInput) as caught:
        mc.KDE([0.5, 0.5], dim=2).fit(**{"X": ROWS, **fit})

    assert message in str(caught.value)


@pytest.mark.parametrize(
    "rows",
    [
        np.column_stack([ROWS[:, 0], 2 * ROWS[:, 0]]),
        np.column_stack([ROWS[:, 0], np.full(6, 1e9 / 3)]),
        ROWS[:2],
    ],
    ids=["dependent", "constant", "two rows"],
)
def test_singular_covariances_have_no_density(rows):
    """SciPy's rules need as many directions as columns to score; rows can be drawn without."""
    model = mc.KDE("scipy-scott", dim=2).fit(rows)

    assert model.sample(3, 0).shape == (3, 2)
    with pytest.raises(mc.InvalidInput, match="the training rows' covariance is singular"):
        model.score_samples(rows)
    with pytest.raises(mc.InvalidInput, match="needs at least 2 rows with weight"):
        mc.KDE("scipy-scott", dim=2).fit(rows, None, [1.0] + [0.0] * (len(rows) - 1))


def test_scored_points_are_checked():
    """As many columns as the rows have, and finite."""
    model = mc.KDE(0.5, dim=2).fit(ROWS)

    with pytest.raises(mc.InvalidInput, match="X has 3 features, but KDE is expecting 2 features"):
        model.score_samples(np.eye(3))
    with pytest.raises(mc.InvalidInput, match=r"X\[0, 0\] = inf"):
        model.score_samples([[np.inf, 0.0]])
    with pytest.raises(mc.InvalidInput, match="n_samples = 0"):
        model.sample(0)


def test_distances_that_overflow_are_outside():
    """Squares of distances in bandwidths beyond the largest number: no density, no warning."""
    for kernel in ("tophat", "epanechnikov"):
        tiny = mc.KDE(1e-200, kernel).fit([[0.0], [1.0]])
        assert tiny.score_samples([[0.5], [1e200]]).tolist() == [-np.inf] * 2
    assert mc.KDE(1e-200).fit([[0.0]]).score_samples([[0.5]])[0] == -np.inf


def test_weights_of_any_size():
    """Only ratios count, up to the largest number and down to the smallest."""
    for unit in (1e308, 1e-320, 1.0):
        model = mc.KDE(0.5, dim=2).fit(ROWS, None, np.full(6, unit))
        assert model.weights_ == pytest.approx([1 / 6] * 6, rel=1e-15)


def test_wrong_kernels():
    """Known names, a near one, and a kernel whose sampler returns something else."""
    with pytest.raises(mc.InvalidInput, match="unknown kernel 'gausian'; did you mean gaussian"):
        used(mc.KDE(0.5, "gausian"))
    with pytest.raises(mc.InvalidInput, match="kernel = None is not valid"):
        used(mc.KDE(0.5, None))
    with pytest.raises(mc.InvalidInput, match="dim = 0"):
        used(mc.KDE(0.5, dim=0))
    broken = mc.kde.Kernel("flat", None, lambda n, dim, rng: rng.random(n + dim), None, None)
    with pytest.raises(mc.InvalidInput, match=r"kernel flat: sample\(4, 2, rng\) returned shape"):
        mc.KDE(0.5, broken, 2).fit(ROWS).sample(4, 0)


@given(seed=st.integers(0, 10**6), powers=st.lists(st.integers(-490, 490), min_size=2, max_size=2))
def test_scaled_bandwidths_follow_the_units(seed, powers):
    """In units that are powers of two no bit of a sample changes, and scores by their volume."""
    rows = np.random.default_rng(seed).normal(size=(9, 2)) + 3
    here, there = (mc.KDE("scipy-scott", dim=2).fit(X) for X in (rows, np.ldexp(rows, powers)))
    drawn = here.sample(5, seed)
    moved = there.score_samples(np.ldexp(drawn, powers)) + np.log(2) * sum(powers)

    assert np.array_equal(there.sample(5, seed), np.ldexp(drawn, powers))
    # Two logarithms of about 490 log 2 come and go, and the scorer is good to 1e-10.
    assert moved == pytest.approx(here.score_samples(drawn), abs=1e-9)


def test_a_column_that_others_make_up_is_singular_wherever_it_is():
    """Its rounding is no direction of its own, however far away it is."""
    X = np.column_stack([ROWS, ROWS @ [0.6, 0.8] + 1e8])
    with pytest.raises(mc.InvalidInput, match="the training rows' covariance is singular"):
        mc.KDE("scipy-scott", dim=3).fit(X).score_samples(X)
