"""What becomes of a loop: verdicts, rates and limits against long finite curves and closed sums."""

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse.families.kde.fates import QUANTITIES
from tests.helpers.replay import Bootstrap

R, A, S = mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample()
ALL = pytest.mark.parametrize("workflow", [R, A, S, mc.AccumulateSubsample(7)], ids=repr)
NORM = 1 / np.sqrt(4 * np.pi)  # the integral of a squared standard normal density


def predict(workflow, bandwidth, generations=3, n=5, kernel="gaussian", dim=1, **options):
    """Return the predictions of a loop around the standard normal."""
    model = mc.KDE(bandwidth, kernel, dim, options.pop("scored", None))
    return mc.predict(mc.Experiment(model, workflow, n, generations, **options))


def power(a, b=0.0, c=0.5):
    """Return the schedule c t^-a (1 + log t)^-b."""
    return mc.PowerBandwidth(c, a, b)


# (a, b): second moment, central variance and error of replace; second moment and error of
# accumulate. B: bounded, D: diverges, C: clumps. The central variance of the pooled workflows
# goes with their second moment, and accumulate-subsample clumps whenever h shrinks.
TABLE = {
    (-0.5, 0.0): "DDB DB",
    (0.0, -1.0): "DDB DB",
    (0.0, 0.0): "DBB DB",
    (0.0, 0.25): "DCC DB",
    (0.0, 0.5): "DCC DB",
    (0.0, 1.0): "DCC BB",
    (0.2, 0.0): "DCC BB",
    (0.5, 0.25): "DCC BB",
    (0.5, 0.5): "DCC BB",
    (0.5, 1.0): "BCC BB",
    (1.0, -2.0): "BCC BB",
    (1.0, -1.0): "BCC BC",
    (1.0, 0.0): "BCC BC",
    (2.0, 0.0): "BCC BC",
}
WORD = {"B": "bounded", "D": "diverges", "C": "clumps"}


@pytest.mark.parametrize(("a", "b"), TABLE)
def test_verdicts(a, b):
    """The theorems' table for h_t = c t^-a (1 + log t)^-b in one dimension."""
    replace, pooled = TABLE[a, b].split()
    names = QUANTITIES[:3]
    fates = predict(R, power(a, b)).fates
    assert [fates[name].verdict for name in names] == [WORD[letter] for letter in replace]
    second, error = (WORD[letter] for letter in pooled)
    fates = predict(A, power(a, b)).fates
    assert [fates[name].verdict for name in names] == [second, second, error]
    fates = predict(S, power(a, b)).fates
    shrinks = a > 0 or (a == 0 and b > 0)
    error = "clumps" if shrinks else "bounded"
    assert [fates[name].verdict for name in names] == [second, second, error]
    assert all(fate.reason for fate in (fates[name] for name in names))


@pytest.mark.parametrize(
    ("workflow", "a", "b", "quantity", "rate"),
    [
        (R, 0.0, 0.0, "second_moment", "t"),
        (R, 0.25, 0.0, "second_moment", "t^0.5"),
        (R, 0.25, 1.0, "second_moment", "t^0.5 (log t)^-2"),
        (R, 0.5, 0.0, "second_moment", "log t"),
        (R, 0.5, 0.25, "second_moment", "(log t)^0.5"),
        (R, 0.5, 0.5, "second_moment", "log log t"),
        (R, 0.25, 0.0, "central_variance", "t^-0.5"),
        (R, -0.5, 0.5, "central_variance", "t (log t)^-1"),
        (R, 0.25, 0.0, "mise", "t^0.25"),
        (A, -0.5, 0.0, "second_moment", "t"),
        (A, 0.0, 0.0, "second_moment", "log t"),
        (A, 0.0, 0.5, "second_moment", "log log t"),
        (A, 2.0, 0.0, "mise", "t"),
        (A, 1.0, 0.0, "mise", "log t"),
        (A, 1.0, -1.0, "mise", "log log t"),
        (A, 1.5, 1.0, "mise", "t^0.5 log t"),
        (S, 1.0, 1.0, "mise", "t log t"),
    ],
)
def test_rates(workflow, a, b, quantity, rate):
    """How fast: the order of the sums, written out."""
    found = predict(workflow, power(a, b)).fates[quantity].rate

    assert found.replace("(log t)", "log t") == rate.replace("(log t)", "log t")


@pytest.mark.parametrize(
    ("workflow", "a", "dim", "quantity", "rate"),
    [
        # The rows of t batches lie t^(-1/d) apart: that, squared, over h^2 is the loss at least.
        (A, 1.0, 2, "test_log_loss", "at least t, at most t^2"),
        (A, 1.0, 4, "test_log_loss", "at least t^1.5, at most t^2"),
        (A, 2.0, 1, "test_log_loss", "at least t^2, at most t^4"),
        (R, 0.25, 2, "mise", "t^0.5"),  # one over n h^d
        (A, 1.0, 3, "mise", "t^2"),  # one over t n h^d
        (R, 0.25, 3, "second_moment", "t^0.5"),
    ],
)
def test_rates_in_any_dimension(workflow, a, dim, quantity, rate):
    """How fast, where the number of columns counts."""
    assert predict(workflow, power(a), dim=dim).fates[quantity].rate == rate


@pytest.mark.parametrize("kernel", ["gaussian", "tophat", "epanechnikov"])
@pytest.mark.parametrize("n", [3, 5, 40])
@pytest.mark.parametrize("rule", ["scipy-scott", "scipy-silverman"])
def test_scipys_rules_multiply_the_variance(kernel, n, rule):
    """Replace: by 1 - 1/n + f^2 k, with k the kernel's variance; what that is decides the fate."""
    prediction = predict(R, rule, 40, n, kernel)
    central = prediction["central_variance"]
    k = {"gaussian": 1, "tophat": 1 / 3, "epanechnikov": 1 / 5}[kernel]
    rows = n * 3 / 4 if rule == "scipy-silverman" else n
    factor = 1 - 1 / n + rows**-0.4 * k

    assert central[1:] / central[:-1] == pytest.approx([factor] * 39, rel=1e-12)
    fate = prediction.fates["central_variance"]
    assert fate.rate == f"{factor:.6g}^t"
    assert fate.verdict == ("diverges" if factor > 1 else "clumps")
    verdict = prediction.fates["second_moment"].verdict
    assert verdict == ("diverges" if factor > 1 else "bounded")


def test_scipys_rules_explode_to_infinity():
    """Beyond the largest number: infinite, not undefined."""
    prediction = predict(R, "scipy-scott", 4000, 10)

    assert prediction["second_moment"][-1] == prediction["central_variance"][-1] == np.inf


def test_one_subsampled_row_has_no_variance():
    """A budget of one row: its central variance is 0 whatever the bandwidth is."""
    for h in (0.0, 0.5, power(0.3)):
        prediction = predict(mc.AccumulateSubsample(1), h, 50, scored=0.5)
        assert prediction["central_variance"].tolist() == [0.0] * 50
        assert prediction.fates["central_variance"].verdict in ("bounded", "clumps")


def test_what_is_undetermined():
    """Other workflows, sizes, schedules and kernels: no verdict, and a reason."""
    cases = [
        predict(mc.SlidingWindow(2), 0.5),
        predict(mc.KeepReal(), 0.5, n=[5, 4, 6]),
        predict(mc.Web(2, 3), 0.5),
        predict(mc.FreshData(2, 3), [0.5, 0.4, 0.3]),
        predict(mc.FreshData(2, 3), "scipy-scott"),
        predict(Bootstrap(), 0.5),
        predict(R, 0.5, n=[5, 4, 5]),
        predict(R, 0.5, n=1),
        predict(R, [0.5, 0.4, 0.3]),
        predict(R, lambda t: 1 / t),
    ]
    for prediction in cases:
        for name in QUANTITIES:
            fate = prediction.fates[name]
            assert (fate.verdict, fate.rate) == ("undetermined", "")
            assert fate.reason
        for name in ("second_moment", "mise", "central_variance"):
            with pytest.raises(mc.NoClosedForm):
                prediction.limits[name]
    assert predict(R, 0.5, scored=0.3).fates["mise"].verdict == "undetermined"
    assert predict(R, 0.5, truth=[1.0, 2.0]).fates["mise"].verdict == "undetermined"
    compact = predict(A, 0.5, kernel="tophat").fates
    assert compact["mise"].verdict == "undetermined"
    assert compact["test_log_loss"].verdict == "diverges"


def test_the_critical_bandwidth():
    """Replace keeps the variance: (1 - 1/n)(V + h^2 k) = V at V = (1 - 1/n) s^2."""
    for kernel, dim in (("gaussian", 1), ("tophat", 2), ("epanechnikov", 3)):
        n, s = 9, 1.5
        h = mc.kde.critical_bandwidth(n, s, kernel=kernel, dim=dim)
        truth = mc.Normal(np.zeros(dim), s**2 * np.eye(dim))
        curve = predict(R, h, 50, n, kernel, dim, truth=truth)["central_variance"]
        assert curve == pytest.approx([1 - 1 / n] * 50, rel=1e-13)
    # By default the kernel is Gaussian and the truth standard, in one dimension.
    assert mc.kde.critical_bandwidth(9) == 1 / 3
    assert mc.kde.critical_bandwidth(9, kernel="tophat") == pytest.approx(3**0.5 / 3, rel=1e-15)
    with pytest.raises(mc.InvalidInput, match="samples = 0 is"):
        mc.kde.critical_bandwidth(0)
    with pytest.raises(mc.InvalidInput, match=r"deviation = -1\.0"):
        mc.kde.critical_bandwidth(5, -1.0)
