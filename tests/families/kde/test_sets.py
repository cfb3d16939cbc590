"""Edited sets, against rows traced back to their ancestors, over all ways to replace rows."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelcollapse as mc
from tests.families.kde.test_rows import BANDWIDTHS, KERNELS, TRUTHS
from tests.helpers import kde_tracing
from theory.weights_loop import Plan, histories

EDITS = {
    "rows": (mc.Edit(rows=[1, 2]), ("rows", (1, 2))),
    "all, none": (mc.Edit(rows=[3, 0]), ("rows", (3, 0))),
    "share": (mc.Edit(share=[0.25, 0.5]), ("share", (Fraction(1, 4), Fraction(1, 2)))),
}
SIZE, T = 3, 3


def averaged(option, bandwidths, values):
    """Return values of a tracing, averaged over the ways in which rows may be replaced."""
    total = 0
    for chance, plan in histories(Plan("edit", (SIZE,) * T, option)):

        def weightings(sizes, t, alive=plan.option):
            firsts = np.cumsum([0, *sizes])
            rows = (
                int(first) + i
                for first, count in zip(firsts, alive[t - 1], strict=False)
                for i in range(count)
            )
            yield Fraction(1), dict.fromkeys(rows, Fraction(1, SIZE))

        tracing = kde_tracing.Tracing(weightings, plan.sizes, bandwidths)
        total = total + Fraction(int(chance.numerator), int(chance.denominator)) * values(tracing)
    return total


@pytest.mark.parametrize("name", EDITS)
@settings(max_examples=8)
@given(
    bandwidths=BANDWIDTHS,
    kernel=st.sampled_from(sorted(KERNELS)),
    axes=st.lists(st.sampled_from([0.25, 1.0, 4.0]), min_size=1, max_size=3),
)
def test_moments_of_an_edited_set_are_the_rationals(name, bandwidths, kernel, axes):
    """Second moment and its variance, central variance: 1e-12 of what they are made of."""
    workflow, option = EDITS[name]
    dim, parts = len(axes), [Fraction(a) for a in axes]
    total = sum(parts)
    fourth = total**2 + 2 * sum(a**2 for a in parts)

    def raw(tracing):
        found = kde_tracing.moments(tracing, total, fourth, KERNELS[kernel](dim))
        return np.array([(q, v, spread + q * q) for q, v, spread in found])

    mean, central, square = averaged(option, bandwidths, raw).T
    truth = mc.Normal(np.arange(dim), np.diag(axes))
    prediction = mc.predict(
        mc.Experiment(mc.KDE(bandwidths, kernel, dim), workflow, SIZE, T, truth=truth)
    )

    scaled = [float(q / total) for q in mean]
    assert prediction["second_moment"] == pytest.approx(scaled, rel=1e-12)
    expected = [float(v / total) for v in central]
    assert prediction["central_variance"] == pytest.approx(expected, rel=1e-12)
    spread = [float((s - q * q) / total**2) for q, s in zip(mean, square, strict=True)]
    gap = np.abs(prediction.variances["second_moment"] - spread)
    assert (gap <= 1e-12 * (np.array(spread) + np.square(scaled))).all()


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("rule", ["scipy-scott", "scipy-silverman"])
def test_an_edited_set_under_scipys_rules(name, rule):
    """Noise of f^2 times the set's own covariance: 1e-12 relative."""
    workflow, option = EDITS[name]
    rows = SIZE * 3 / 4 if rule.endswith("silverman") else SIZE
    factors = [Fraction(rows ** (-2 / 5))] * T

    def raw(tracing):
        return np.array(kde_tracing.scaled_moments(tracing, factors, Fraction(1)))

    expected = averaged(option, [], raw).astype(float).T
    prediction = mc.predict(mc.Experiment(mc.KDE(rule), workflow, SIZE, T))

    for key, values in zip(("second_moment", "central_variance"), expected, strict=True):
        assert prediction[key] == pytest.approx(values, rel=1e-12)


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("truth", ["normal", "mixture", "plane"])
def test_errors_of_an_edited_set(name, truth):
    """Sums of normal densities over all pairs of ancestors, good to 1e-11 of the truth's norm."""
    workflow, option = EDITS[name]
    bandwidths, scored, truth = [0.5, 0.25, 1.0], [0.5, 0.75, 0.25], TRUTHS[truth]

    def raw(tracing):
        _, total = kde_tracing.errors(tracing, truth, scored)
        means = [
            [sum(float(p) * np.exp(-float(v) / 2) for v, p in tracing.fit_single(t).items())]
            for t in range(T)
        ]
        return np.concatenate([total[:, None], means], axis=1)

    total, mean = averaged(option, bandwidths, raw).astype(float).T
    model = mc.KDE(bandwidths, dim=truth.dim, scoring_bandwidth=scored)
    prediction = mc.predict(mc.Experiment(model, workflow, SIZE, T, truth=truth))

    slack = 1e-11 * kde_tracing.overlap(truth, 0.0)
    assert prediction["mise"] == pytest.approx(total, rel=1e-11, abs=slack)
    if truth.dim == 1:
        _, m, covariances = truth.components
        for t, law in enumerate(prediction.laws["density"]):
            own = truth.components[0] @ np.exp(1j * m[:, 0] - covariances[:, 0, 0] / 2)
            expected = mean[t] * own * np.exp(-(scored[t] ** 2) / 2)
            assert law.characteristic_function(1.0) == pytest.approx(expected, rel=1e-12)
