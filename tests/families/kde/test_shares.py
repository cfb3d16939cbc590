"""Real rows that keep a share of the weight: closed forms, limits and fates."""

import numpy as np
import pytest
from scipy.stats import norm

import modelcollapse as mc
from modelcollapse.families.kde.fates import QUANTITIES
from modelcollapse.testing import assert_mean

REAL, SAMPLED, H, T = 6, 14, 0.5, 40
SHARE, W = 0.3, 1.3
NAMES = ("second_moment", "central_variance", "mise")
MIXTURE = mc.NormalMixture([1, 2], [-2.0, 1.0], [0.25, 1.0])
FRESH = mc.FreshData(REAL, SAMPLED)
LOOPS = {
    "fresh": (FRESH, 20),
    "weighted": (mc.FreshData(3, 1, 0.2), 5),
    "kept": (mc.KeepReal(0.3), 7),
    "pooled": (mc.KeepReal(), [5, *[9] * 149]),
}


def predict(workflow, model, n, generations=3, truth=None):
    """Return the predictions of a loop."""
    return mc.predict(mc.Experiment(model, workflow, n, generations, truth=truth))


def powers(a, b=0.0):
    """Return the bandwidths t^-a (1 + log t)^-b / 2."""
    return mc.KDE(mc.PowerBandwidth(H, a, b))


def by_row(seed, replicates=20_000):
    """Return a row of the last training set of each run, one row drawn after the other."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(replicates, REAL + SAMPLED))
    for _ in range(T - 1):
        new = [rng.normal(size=replicates) for _ in range(REAL)]
        for _ in range(SAMPLED):
            parents = rows[np.arange(replicates), rng.integers(rows.shape[1], size=replicates)]
            new.append(parents + H * rng.normal(size=replicates))
        rows = np.stack(new, axis=1)
    return rows


def test_fresh_rows_by_the_definition(seed):
    """At t = 40: 1.58333 for the second moment, .24077 for the fit's transform at 1.3."""
    found = predict(FRESH, mc.KDE(H), REAL + SAMPLED, T)
    rest = (1 - SHARE) ** (T - 1)
    second = 1 + H**2 * (1 - SHARE) / SHARE * (1 - rest)
    kappa = np.exp(-((H * W) ** 2) / 2)
    a = SHARE / (1 - (1 - SHARE) * kappa)
    ratio = ((1 - SHARE) * kappa) ** (T - 1)
    wave = np.exp(-(W**2) / 2) * kappa * (a * (1 - ratio) + ratio)

    assert found["second_moment"][-1] == pytest.approx(second, rel=1e-13)
    law = found.laws["density"][-1]
    assert law.characteristic_function(W) == pytest.approx(wave, rel=1e-12)
    assert (round(second, 5), round(wave, 5)) == (1.58333, 0.24077)
    rows = by_row(seed)
    assert_mean((rows**2).mean(axis=1), second, found.variances["second_moment"][-1])
    assert_mean(np.cos(W * rows).mean(axis=1), wave / kappa, 1.0)  # of a mean within [-1, 1]


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("model", [mc.KDE(0.5), mc.KDE("scott")], ids=repr)
def test_limits_are_where_curves_end(name, model):
    """After 150 generations, of which (4/5)^149 = 4e-15 is remembered."""
    workflow, n = LOOPS[name]
    found = predict(workflow, model, n, 150, MIXTURE)

    for quantity in NAMES:
        # The integrals are good to 1e-12, the moments to rounding.
        assert found[quantity][-1] == pytest.approx(found.limits[quantity], rel=1e-11)
        assert found.fates[quantity].verdict == "bounded"
    densities, x = found.laws["density"], np.linspace(-9, 9, 101)
    limit = densities.limit
    assert limit.generation is None
    assert limit.pdf(x) == pytest.approx(densities[-1].pdf(x), abs=1e-12)
    assert limit.cdf(x) == pytest.approx(densities[-1].cdf(x), abs=1e-12)
    assert (limit.mean, limit.variance) == pytest.approx(
        (densities[-1].mean, densities[-1].variance), rel=1e-12
    )


def test_the_limit_is_a_geometric_mixture_of_blurs():
    """Of the truth blurred k + 1 times with chance a (1 - a)^k; scored wider, once of that."""
    x, k = np.linspace(-8, 8, 101), np.arange(200)
    chances = SHARE * (1 - SHARE) ** k
    for scored in (None, 0.75):
        found = predict(FRESH, mc.KDE(H, scoring_bandwidth=scored), 20).laws["density"].limit
        widths = np.sqrt(1 + k * H**2 + (scored or H) ** 2)
        expected = norm.pdf(x[:, None] / widths) / widths @ chances
        assert found.pdf(x) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("kernel", ["gaussian", "epanechnikov"])
@pytest.mark.parametrize("dim", [1, 2])
def test_limits_of_any_kernel_in_the_plane(kernel, dim):
    """In any dimension the curve ends at the limit, for fresh and for kept rows."""
    model = mc.KDE(0.9, kernel, dim)
    for workflow in (mc.FreshData(4, 3, 0.9), mc.KeepReal(0.9)):
        found = predict(workflow, model, 5, 14)
        # (1/10)^13 is left, beside the integrals' 1e-12.
        for name in NAMES:
            assert found[name][-1] == pytest.approx(found.limits[name], rel=1e-11)


def test_kept_rows_have_the_density_of_fresh_ones_and_more_error():
    """Of as many rows: the same expectations, another variance and a larger error."""
    sizes = [REAL, *[SAMPLED] * 9]
    kept = predict(mc.KeepReal(SHARE), mc.KDE(H), sizes, 10)
    fresh = predict(FRESH, mc.KDE(H), REAL, 10)

    for name in ("second_moment", "mise_bias"):
        assert kept[name] == pytest.approx(fresh[name], rel=1e-11)
    assert (kept["mise"][1:] > fresh["mise"][1:]).all()
    assert (kept["central_variance"][1:] < fresh["central_variance"][1:]).all()


@pytest.mark.parametrize("workflow", [FRESH, mc.KeepReal(SHARE)], ids=repr)
def test_bandwidths_that_vanish_bring_the_truth_back(workflow):
    """The second moment tends to 1 like h_t^2, the density to the truth; the error clumps."""
    found = predict(workflow, powers(1.0), 20, 300)

    limits = [found.limits[name] for name in NAMES]
    assert limits[0] == 1.0
    assert limits[2] == np.inf
    left = H**2 / 300**2 * (1 - SHARE) / SHARE
    # h_{t-1}^2 / h_t^2 is 1 + 2/t, and 1/alpha generations are remembered.
    assert found["second_moment"][-1] - 1 == pytest.approx(left, rel=20 / 300)
    assert found["central_variance"][-1] == pytest.approx(limits[1], abs=2 * left)
    x = np.linspace(-4, 4, 81)
    assert found.laws["density"].limit.pdf(x) == pytest.approx(norm.pdf(x), abs=1e-13)
    assert found.laws["density"][-1].pdf(x) == pytest.approx(norm.pdf(x), abs=2 * left)
    volumes = found["mise"] * H / np.arange(1, 301)
    assert volumes[-1] == pytest.approx(volumes[-101], rel=0.05)
    words = [found.fates[name].verdict for name in QUANTITIES]
    assert words == ["bounded", "bounded", "clumps", "clumps"]
    assert [found.fates[name].rate for name in QUANTITIES[2:]] == ["t", "t^2"]


def test_bandwidths_that_grow():
    """The moments grow like h_t^2; the density flattens, and the error is that of knowing none."""
    found = predict(FRESH, powers(-0.5), 20, 2000)

    assert [found.fates[name].verdict for name in QUANTITIES] == [
        *("diverges", "diverges", "bounded", "diverges"),
    ]
    assert [found.fates[name].rate for name in QUANTITIES] == ["t", "t", "", "log t"]
    assert found.limits["second_moment"] == found.limits["central_variance"] == np.inf
    assert found.limits["mise"] == pytest.approx(1 / np.sqrt(4 * np.pi), rel=1e-14)
    slope = H**2 * (1 - SHARE) / SHARE
    assert found["second_moment"][-1] / 2000 == pytest.approx(slope, rel=0.01)
    with pytest.raises(mc.NoClosedForm, match="flattens out"):
        _ = found.laws["density"].limit
    assert predict(FRESH, powers(0.0, -1.0), 20).fates["test_log_loss"].rate == "log log t"


def test_without_noise_rows_are_resampled():
    """At bandwidth 0 the density stays the truth's and the moments settle."""
    found = predict(FRESH, mc.KDE(0.0), 20, 400)

    for name in NAMES[:2]:
        assert found.fates[name].verdict == "bounded"
        assert found[name][-1] == pytest.approx(found.limits[name], rel=1e-12)
    assert found.fates["mise"].verdict == "undetermined"
    # Gaussian fits have the same error of the mean, and no noise is added to either.
    mean = mc.predict(mc.Experiment(mc.Gaussian(), FRESH, 20, 400))["squared_error"]
    assert 1 - found["central_variance"] == pytest.approx(mean, rel=1e-9)


def test_losses_and_what_has_no_limit():
    """Between bounds that converge; data sets, other bandwidths and workflows are refused."""
    found = predict(FRESH, mc.KDE(H), 20, 200)
    lower, upper = (found[f"test_log_loss_{end}"][-1] for end in ("lower", "upper"))
    assert lower < upper
    assert found.fates["test_log_loss"].verdict == "bounded"
    rows = predict(FRESH, powers(1.0), 20, truth=[1.0, 2.0, 4.0])
    assert rows.fates["test_log_loss"].verdict == "undetermined"
    assert predict(FRESH, mc.KDE(H, "tophat"), 20).fates["test_log_loss"].verdict == "diverges"
    assert "known where real rows" in reason(mc.Accumulate(), mc.KDE(H))
    assert "constant bandwidths" in reason(FRESH, mc.KDE([0.5, 0.4, 0.3]))
    assert found.typical["second_moment"].verdict == "bounded"
    with pytest.raises(mc.NoClosedForm, match="arbitrary schedule"):
        _ = predict(FRESH, mc.KDE([0.5, 0.4, 0.3]), 20).limits["mise"]


def reason(workflow, model):
    """Return why the expected density has no limit."""
    with pytest.raises(mc.NoClosedForm) as caught:
        _ = predict(workflow, model, 20).laws["density"].limit
    return str(caught.value)
