"""Bandwidth schedules: powers, rules and sequences, as the loop passes the generation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc

ROWS = np.random.default_rng(0).normal(size=(6, 2))


class Noted:
    """A KDE that notes, over all copies, the generation and the bandwidth of each fit."""

    def __init__(self, inner):
        self.inner, self.seen = inner, []

    def __deepcopy__(self, memo):
        twin = Noted(self.inner)
        twin.seen = self.seen
        return twin

    def fit(self, X, sample_weight=None, generation=1):
        """Fit, and note what is used."""
        self.inner.fit(X, None, sample_weight, generation)
        self.seen.append((generation, self.inner.bandwidth_, self.inner.scoring_bandwidth_))
        return self

    def sample(self, n, rng):
        """Sample from the fit."""
        return self.inner.sample(n, rng)


@pytest.mark.parametrize(
    ("bandwidth", "expected"),
    [
        (0.3, [0.3, 0.3, 0.3]),
        ([0.5, 0.0, 0.25, 9.0], [0.5, 0.0, 0.25]),
        (np.array([0.5, 0.25, 0.125]), [0.5, 0.25, 0.125]),
        (lambda t: 1 / t, [1.0, 0.5, 1 / 3]),
        (mc.PowerBandwidth(2.0, 0.5), [2.0, 2 / np.sqrt(2), 2 / np.sqrt(3)]),
        ("scott", [8**-0.2, 12**-0.2, 22**-0.2]),
        ("silverman", [6**-0.2, 9**-0.2, 16.5**-0.2]),
        ("scipy-scott", [8**-0.2, 12**-0.2, 22**-0.2]),
    ],
    ids=["number", "list", "array", "function", "power", "scott", "silverman", "scipy"],
)
def test_run_passes_the_generation(bandwidth, expected):
    """Generation t is fitted with h_t; accumulate trains on 8, 12 and 22 rows."""
    for pair, column in ((mc.KDE(bandwidth), 1), (mc.KDE(9.0, scoring_bandwidth=bandwidth), 2)):
        estimator = Noted(pair)
        mc.run(estimator, mc.Normal(0.0, 1.0), mc.Accumulate(), [8, 4, 10], 3)

        assert [seen[0] for seen in estimator.seen] == [1, 2, 3]
        assert [seen[column] for seen in estimator.seen] == pytest.approx(expected, rel=1e-14)


def test_rules_count_effective_rows():
    """With weights w that sum to 1 the rows count 1 / sum w^2, as in SciPy."""
    weights = [4.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    model = mc.KDE("scott", dim=2).fit(ROWS, None, weights)

    assert model.bandwidth_ == pytest.approx((36 / 18) ** (-1 / 6), rel=1e-14)
    prediction = mc.predict(mc.Experiment(mc.KDE("scott"), mc.KeepReal(0.25), [4, 8], 2))
    # Generation 2: 4 rows of weight 1/16, 8 rows of weight 3/32.
    effective = 1 / (4 / 16**2 + 8 * (3 / 32) ** 2)
    by_number = mc.KDE([4**-0.2, effective**-0.2])
    other = mc.predict(mc.Experiment(by_number, mc.KeepReal(0.25), [4, 8], 2))
    assert prediction["mise"] == pytest.approx(other["mise"], rel=1e-13)


@given(scale=st.floats(1e-3, 1e3), a=st.floats(-3, 3), b=st.floats(-3, 3), t=st.integers(1, 10**9))
def test_powers(scale, a, b, t):
    """h_t = scale t^-a (1 + log t)^-b, and h_1 is the scale."""
    rule = mc.PowerBandwidth(scale, a, b)

    assert rule(1) == scale
    # Rounded logarithms times exponents up to 3 * log(1e9) = 62: 1e-13 relative.
    exact = np.exp(np.log(scale) - a * np.log(t) - b * np.log1p(np.log(t)))
    assert rule(t) == pytest.approx(exact, rel=1e-13)


def test_powers_take_whole_exponents():
    """Python's and NumPy's integers are numbers too."""
    assert mc.PowerBandwidth(1, 1)(4) == mc.PowerBandwidth(1.0, np.int64(1))(4) == 0.25
    assert mc.PowerBandwidth(1.0, 0, np.int64(-1))(1) == 1.0
    for number in (1, np.int64(1), np.float32(1)):
        values = vars(mc.PowerBandwidth(number, number, number)).values()
        assert [(type(value), value) for value in values] == [(float, 1.0)] * 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0.2), "scale = 0 is not valid: give a number above 0"),
        ((-1.0, 0.2), "scale = -1.0"),
        (("1", 0.2), "scale = '1'"),
        ((np.inf, 0.2), "scale = inf"),
        ((1.0, np.nan), "exponent = nan is not valid: give a finite number"),
        ((1.0, True), "exponent = True"),
        ((1.0, "0.2"), "exponent = '0.2'"),
        ((1.0, None), "exponent = None"),
        ((1.0, [1.0]), "exponent = [1.0]"),
        ((1.0, 1 + 0j), "exponent = (1+0j)"),
        ((1.0, 0.2, np.inf), "log_exponent = inf"),
    ],
)
def test_wrong_powers(arguments, message):
    """A scale above zero and finite exponents."""
    with pytest.raises(mc.InvalidInput) as caught:
        mc.PowerBandwidth(*arguments)

    assert message in str(caught.value)
