"""A floor under every fitted variance: the fit, the loops, and what they settle at."""

import mpmath as mp
import numpy as np
import pytest
from scipy import stats
from sklearn.mixture import GaussianMixture

import modelcollapse as mc
from modelcollapse.testing import assert_law, assert_mean
from tests.helpers.toys import FLOORED

EPS = np.finfo(float).eps
LINE = mc.Normal(2.0, 3.0)
# kappa of n, to ten digits: the root of (2/n)^k Gamma((n-1)/2 + k)/Gamma((n-1)/2) = 1.
TAILS = {
    2: "2.36514966",
    3: "2.21111578",
    5: "2.11469101",
    10: "2.05348562",
    20: "2.02585147",
    50: "2.01013446",
    100: "2.00503347",
}


def loop(workflow, n, T, floor, **options):
    """Return a loop in one dimension, or of another model."""
    model = mc.Gaussian(options.pop("dim", 1), options.pop("ddof", 0), floor)
    return mc.Experiment(model, workflow, n, T, **options)


class TestEstimator:
    """The fit is S + floor I, as scikit-learn's."""

    rows = np.random.default_rng(1).normal(size=(9, 3)) @ np.array(
        [[2.0, 0, 1], [0, 1, 0], [0, 0, 3]]
    )

    def test_the_fit_is_that_of_a_mixture_of_one(self):
        """scikit-learn's reg_covar, its covariance and its log-densities."""
        ours = mc.Gaussian(floor=0.25).fit(self.rows)
        theirs = GaussianMixture(1, reg_covar=0.25).fit(self.rows)

        assert ours.covariance_ == pytest.approx(theirs.covariances_[0], rel=1e-13)
        assert ours.mean_ == pytest.approx(theirs.means_[0], rel=1e-13)
        score = ours.score_samples(self.rows)
        assert score == pytest.approx(theirs.score_samples(self.rows), rel=1e-12)

    @pytest.mark.parametrize("ddof", [0, 1])
    def test_it_comes_on_top_of_the_divisor(self, ddof):
        """And of row weights."""
        weights = np.arange(1.0, 10.0)
        plain = mc.Gaussian(ddof=ddof).fit(self.rows, sample_weight=weights)
        raised = mc.Gaussian(ddof=ddof, floor=2.0).fit(self.rows, sample_weight=weights)

        assert raised.covariance_ == pytest.approx(plain.covariance_ + 2 * np.eye(3), rel=1e-14)
        assert np.array_equal(raised.mean_, plain.mean_)

    def test_few_rows_have_a_density_everywhere(self, seed):
        """Two equal rows give N(x, floor I), of full rank."""
        fit = mc.Gaussian(floor=0.25).fit(np.ones((2, 3)))
        drawn = fit.sample(4000, seed)

        assert fit.rank_ == 3
        assert np.isfinite(fit.score_samples(np.zeros((1, 3)))).all()
        for column in drawn.T:
            assert_law(column, stats.norm(1.0, 0.5).cdf)
        hot = fit.sample(4000, seed, temperature=4.0)
        assert hot - 1 == pytest.approx(2 * (drawn - 1), rel=1e-12)

    @pytest.mark.parametrize("wrong", [-1e-9, np.nan, np.inf, True, "0.1", None])
    def test_wrong_floors(self, wrong):
        """They are named, by a fit and by an experiment."""
        for call in (
            lambda: mc.Gaussian(floor=wrong).fit(self.rows),
            lambda: loop(mc.Replace(), 5, 2, wrong),
        ):
            with pytest.raises(mc.InvalidInput, match=r"floor = .*give 0 or a finite number above"):
                call()

    def test_a_truth_has_to_vary_in_every_direction(self):
        """The floor would add variance where the simulation has no coordinate."""
        flat = np.c_[self.rows[:, 0], 2 * self.rows[:, 0]]
        with pytest.raises(mc.InvalidInput, match=r"floor = 0\.1 .* all 2 directions"):
            loop(mc.Replace(), 5, 2, 0.1, dim=2, truth=flat)

    def test_without_a_floor_a_loop_is_what_it_was(self):
        """Its identity says nothing of it, so that what was stored is found."""
        assert "floor" not in mc.described(loop(mc.Replace(), 5, 2, 0.0))["model"]
        assert mc.described(loop(mc.Replace(), 5, 2, 0.5))["model"]["floor"] == 0.5


class TestReplace:
    """v' = A v + floor."""

    @pytest.mark.parametrize(("n", "floor"), [(5, 1.0), (20, 0.01), (10**12, 1e-12)])
    def test_closed_forms(self, n, floor):
        """E v_t = n e + (1 - 1/n)^(t-1) (E v_1 - n e), in 50 digits; and the mean's error."""
        T, s2 = 40, 3.0
        p = mc.predict(loop(mc.Replace(), n, T, floor, truth=LINE))
        with mp.workdps(50):
            e, r = mp.mpf(floor) / s2, 1 - mp.mpf(1) / n
            mean = [n * e + r**t * (r + e - n * e) for t in range(T)]
            error = [mp.mpf(1) / n + mp.fsum(mean[:t]) / n for t in range(T)]
            first = 2 * (n - 1) / mp.mpf(n) ** 2
            spread = [first]
            for v in mean[:-1]:
                spread.append((1 - mp.mpf(1) / n**2) * spread[-1] + first * v**2)
        slack = 64 * T * EPS
        assert p["variance"] == pytest.approx([float(v) for v in mean], rel=slack)
        assert p["squared_error"] == pytest.approx([float(v) for v in error], rel=slack)
        assert p.variances["variance"] == pytest.approx([float(v) for v in spread], rel=slack)

    def test_a_value(self):
        """reg_covar = 0.01 and n = 5 after 30 generations, when what there was is nearly gone."""
        p = mc.predict(loop(mc.Replace(), 5, 30, 0.01))
        assert f"{p['variance'][-1]:.4f}" == "0.0512"

    @pytest.mark.parametrize("n", [2, 5, 20])
    def test_where_it_settles(self, n):
        """At n floor, with sqrt(2n - 2) times that over replicates, whatever the truth was."""
        far = loop(mc.Replace(), n, 40 * n * n, 0.5, truth=mc.Normal(0.0, 7.0))
        p = mc.predict(far)
        settled = n * 0.5 / 7.0

        assert p.limits["variance"] == pytest.approx(settled, rel=1e-14)
        assert p["variance"][-1] == pytest.approx(settled, rel=1e-12)
        assert p.variances["variance"][-1] == pytest.approx((2 * n - 2) * settled**2, rel=1e-12)
        # The mean walks on, by eps in each generation.
        assert p.limits["squared_error"] == np.inf
        assert np.diff(p["squared_error"])[-1] == pytest.approx(0.5 / 7.0, rel=1e-9)
        assert f"{np.sqrt(2 * n - 2):.6g} times" in p.fates["variance"].reason

    def test_unbiased_it_grows_for_ever(self):
        """E A = 1: each generation adds the floor, and the mean's error grows like t^2."""
        p = mc.predict(loop(mc.Replace(), 7, 30, 0.25, ddof=1))

        assert p["variance"] == pytest.approx(1 + 0.25 * np.arange(1, 31), rel=1e-13)
        assert (p.fates["variance"].verdict, p.fates["variance"].rate) == ("diverges", "0.25 t")
        assert p.fates["squared_error"].rate == "t^2"

    def test_what_follows_from_the_variance(self):
        """Log-determinant, W2 and loss: orders alone, as they have other units."""
        fates = mc.predict(loop(mc.Replace(), 5, 2, 0.5)).fates
        assert fates["squared_error"].rate == "0.5 t"
        for name in ("w2_squared", "test_log_loss"):
            assert (fates[name].verdict, fates[name].rate) == ("diverges", "t")
        assert fates["log_determinant"].verdict == "bounded"

    def test_the_loss_on_new_data(self, seed):
        """E m^2/v >= (t - 1) floor/(n E v), and at most E m^2/floor: it grows like t.

        Given all variances m_t is normal with the variance sum v_s/n, which is at least that.
        """
        T, floor = 40, 0.5
        e = loop(mc.Replace(), 5, T, floor)
        runs, p = mc.simulate(e, 20_000, seed, at=[T]), mc.predict(e)
        log_v = runs["log_variance"][:, 0]
        scaled = 2 * runs["test_log_loss"][:, 0] - np.log(2 * np.pi) - log_v  # (1 + m^2)/v
        error = p["squared_error"][-1]
        square = (1 + 2 * error + error**2 + p.variances["squared_error"][-1]) / floor**2

        assert (scaled <= (1 + runs["squared_error"][:, 0]) / floor * (1 + 1e-9)).all()
        assert_mean(scaled, (T - 1) * floor / 5 / p["variance"][-1], square, side="below")

    @FLOORED
    def test_scikit_learns_mixture_obeys(self, seed):
        """n = 5 and reg_covar = 0.01 at a truth of that variance, against none: 2.95 for 0.51."""
        runs = mc.run(
            *(GaussianMixture(1, reg_covar=0.01, init_params="random"), mc.Normal(0.0, 0.01)),
            *(mc.Replace(), 5, 3, seed),
            replicates=250,
            metrics={"fitted": lambda model: model.covariances_[0, 0, 0] / 0.01},
        )
        spread = mc.predict(loop(mc.Replace(), 5, 3, 0.01, truth=mc.Normal(0.0, 0.01))).variances
        for t in (1, 2, 3):
            claimed = 5 + 0.8 ** (t - 1) * (1.8 - 5)
            found = assert_mean(runs["fitted"][:, t - 1], claimed, spread["variance"][t - 1])
        assert found.detectable < claimed - 0.8**3


class TestWarning:
    """What `run` says of an estimator with a `reg_covar`."""

    rows = np.random.default_rng(2).normal(size=(60, 1))

    @pytest.mark.parametrize("options", [{}, {"replicates": 3}, {"replicates": 2, "jobs": 2}])
    def test_it_is_said_once(self, options):
        """What is added, what follows, and what to do; however many runs there are."""
        mixture = GaussianMixture(1, reg_covar=0.25)
        with pytest.warns(UserWarning, match="GaussianMixture adds") as caught:
            mc.run(mixture, self.rows, mc.Replace(), 20, 2, **options)
        text = str(caught.pop().message)

        assert not caught.list
        for part in ("reg_covar = 0.25", "near n * reg_covar", "reg_covar=0", "floor=0.25"):
            assert part in text

    @pytest.mark.parametrize(
        "estimator", [GaussianMixture(1, reg_covar=0.0), mc.Gaussian(floor=0.25)], ids=repr
    )
    def test_who_asked_for_it_is_not_told(self, estimator):
        """Warnings are errors here."""
        assert mc.run(estimator, self.rows, mc.Replace(), 20, 2).completed


class TestTail:
    """Its exponent."""

    @pytest.mark.parametrize("n", TAILS)
    def test_a_table(self, n):
        """To nine digits."""
        assert f"{mc.gaussian.tail_exponent(n):.8f}" == TAILS[n]

    @pytest.mark.parametrize("n", [2, 3, 7, 36, 37, 40, 1000, 10**6, 10**9, 10**12])
    def test_it_solves_the_equation_in_sixty_digits(self, n):
        """Where lgamma in floats would lose all of them; between 2 and 3, about 2 + 1/(2n)."""
        kappa = mc.gaussian.tail_exponent(n)
        with mp.workdps(60):

            def excess(x):
                half = mp.mpf(n - 1) / 2
                return x * mp.log(mp.mpf(2) / n) + mp.loggamma(half + x) - mp.loggamma(half)

            slack = 4 * EPS
            assert excess(mp.mpf(kappa) - slack) < 0 < excess(mp.mpf(kappa) + slack)
        assert 2 < kappa < 3
        assert kappa - 2 == pytest.approx(1 / (2 * n), rel=1.4 / n + 2 * EPS * 2 * n)


POOLS = [
    *(mc.Replace(), mc.Accumulate(), mc.AccumulateSubsample(), mc.AccumulateSubsample(4)),
    *(
        mc.SlidingWindow(2),
        mc.KeepReal(),
        mc.KeepReal(0.3),
        mc.Weighted([[1], [0.25, 0.75], [0.5, 0.2, 0.3]]),
    ),
]


@pytest.mark.parametrize("workflow", POOLS, ids=repr)
def test_a_kernel_density_has_the_same_moments(workflow):
    """Rows of both have the covariance S_t + h^2 I: two rooms, one recursion."""
    h, sizes = 0.7, [5, 6, 4]
    ours = mc.predict(mc.Experiment(mc.Gaussian(floor=h**2), workflow, sizes, 3, truth=LINE))
    theirs = mc.predict(mc.Experiment(mc.KDE(h), workflow, sizes, 3, truth=LINE))

    central = ours["variance"] - h**2 / 3.0
    assert central == pytest.approx(theirs["central_variance"], rel=1e-13)
    both = central + ours["squared_error"]
    assert both == pytest.approx(theirs["second_moment"], rel=1e-13)


# Loops that settle, how many generations that takes, and how near they are then: what is left is
# geometric, or a few times T^a of the start's distance where a pool accumulates.
SETTLING = {
    "replace-warm": (loop(mc.Replace(), 4, 300, 0.5, ddof=1, temperature=0.8), 1e-12),
    "accumulate-cold": (loop(mc.Accumulate(), 4, 100_000, 0.5, temperature=0.5), 4 * 1e5**-0.5),
    "subsample-cold": (
        loop(mc.AccumulateSubsample(6), 9, 100_000, 0.5, temperature=0.4),
        4 * 1e5 ** (0.4 - 1 + 1 / 6),
    ),
    "fresh": (loop(mc.FreshData(3, 5), 3, 300, 0.5), 1e-12),
    "fresh-weighted": (loop(mc.FreshData(3, 5, 0.4), 3, 300, 0.5, ddof=1), 1e-12),
    "keep-real": (loop(mc.KeepReal(0.3), 6, 300, 0.5), 1e-12),
    "keep-real-share": (loop(mc.KeepReal(), 6, 300, 0.5, dim=2, temperature=0.9), 1e-12),
    "edited": (loop(mc.Edit(2), 6, 1500, 0.5), 1e-12),
    "edited-share": (loop(mc.Edit(share=0.4), 6, 1500, 0.5, temperature=0.9), 1e-12),
}


@pytest.mark.parametrize("name", SETTLING)
def test_limits_are_where_the_recursion_goes(name):
    """Within what is left of where it started."""
    e, slack = SETTLING[name]
    p = mc.predict(e)

    assert p.fates["variance"].verdict == "bounded"
    assert p["variance"][-1] == pytest.approx(p.limits["variance"], rel=slack)
    if (error := p.limits.get("squared_error")) is None:
        assert "not derived" in p.limits.reasons["squared_error"]
    elif np.isfinite(error):
        assert p["squared_error"][-1] == pytest.approx(error, rel=slack)
    else:  # a line
        rate = float(p.fates["squared_error"].rate.removesuffix(" t"))
        assert np.diff(p["squared_error"])[-1] == pytest.approx(rate, rel=1e-5)


@pytest.mark.parametrize(
    ("workflow", "ddof", "slope"),
    [
        (mc.Accumulate(), 0, 1.0),
        (mc.Accumulate(), 1, 1.0),
        (mc.AccumulateSubsample(5), 0, 0.8),
    ],
    ids=repr,
)
def test_what_accumulates_grows_like_a_logarithm(workflow, ddof, slope):
    """By the floor, less a subset's share, in each e-fold of t; the pool's mean stays."""
    T = 20_000
    p = mc.predict(loop(workflow, 8, T, 0.5, ddof=ddof))
    gained = np.diff(p["variance"][[T // 2 - 1, T - 1]])[0]

    # What is left out is of the order V log t/(n t).
    assert gained == pytest.approx(0.5 * slope * np.log(2), rel=2e-3)
    assert p.fates["variance"].verdict == "diverges"
    assert p.fates["variance"].rate == f"{0.5 * slope:.6g} log t"
    subset = workflow != mc.Accumulate()
    assert p.fates["squared_error"].verdict == ("diverges" if subset else "bounded")
    assert p.limits["variance"] == np.inf


GROWING = {
    "hot-replace": (loop(mc.Replace(), 5, 4, 0.5, temperature=1.5), "1.2^t", "1.2^t"),
    "hot-accumulate": (loop(mc.Accumulate(), 5, 4, 0.5, temperature=1.5), "t^0.5", None),
    "twice-as-hot": (loop(mc.Accumulate(), 5, 4, 0.5, temperature=2.0), "t^1", "log t"),
    "hotter": (loop(mc.Accumulate(), 5, 4, 0.5, temperature=3.0), "t^2", "t^1"),
    "subset": (loop(mc.AccumulateSubsample(5), 5, 4, 0.5, ddof=1), "t^0.2", "t^0.2"),
    "fresh": (loop(mc.FreshData(1, 9), 9, 4, 0.5, temperature=2.0), "1.8^t", "1.8^t"),
    "edited": (loop(mc.Edit(5), 5, 4, 0.5, ddof=1), "0.5 t", "t^2"),
}


@pytest.mark.parametrize("name", GROWING)
def test_what_explodes(name):
    """At the rate that is told."""
    e, variance, error = GROWING[name]
    fates = mc.predict(e).fates
    assert fates["variance"].verdict == "diverges"
    if name != "fresh":  # whose factor is of a matrix
        assert fates["variance"].rate == variance
        assert fates["squared_error"].rate == (error or "")
    assert fates["squared_error"].verdict == ("diverges" if error else "bounded")
    assert fates["second_moment"].verdict == "diverges"


OPEN = {
    "window": loop(mc.SlidingWindow(2), 5, 4, 0.5),
    "sizes": loop(mc.Replace(), [5, 6, 5], 3, 0.5),
    "selection": loop(mc.Replace(), 5, 4, 0.5, sampling=mc.BestOf(2)),
}


@pytest.mark.parametrize("name", OPEN)
def test_what_is_open_says_so(name):
    """Fates, limits, and what needs the law of the logarithm."""
    p = mc.predict(OPEN[name])
    assert {fate.verdict for fate in p.fates.values()} == {"undetermined"}
    for quantity in ("log_determinant", "w2_squared", "test_log_loss"):
        with pytest.raises(mc.NoClosedForm, match="simulate it"):
            p[quantity]
    with pytest.raises(mc.NoClosedForm, match="with a floor"):
        p.limits["variance"]
    assert ("variance" in p) == (name != "selection")


def test_spreads_that_are_open_say_so():
    """Random sets; and fresh rows of a truth whose axes differ."""
    random = mc.predict(loop(mc.AccumulateSubsample(), 5, 4, 0.5))
    truth = mc.Normal([0.0, 0.0], [[2.0, 0.0], [0.0, 1.0]])
    fresh = mc.predict(loop(mc.FreshData(3, 4), 7, 4, 0.5, dim=2, truth=truth))
    for p, why in ((random, "where sets are random"), (fresh, r"in dim = 1, or where")):
        with pytest.raises(mc.NoClosedForm, match=why):
            p.variances["variance"]
    alike = mc.predict(loop(mc.FreshData(3, 4), 7, 4, 0.5, dim=2))
    assert np.isfinite(alike.variances["variance"]).all()


def test_far_out_in_time():
    """10^5 generations, by recursion and by simulation, at a floor that is no ordinary float."""
    T = 100_000
    e = loop(mc.Replace(), 3, T, 1e-200, truth=mc.Normal(0.0, 1e-100))
    runs, p = mc.simulate(e, 40, at=[T]), mc.predict(e)

    assert p["variance"][-1] == pytest.approx(3e-100, rel=1e-10)
    assert (runs["variance"] > 1e-100 * (1 - 8 * EPS)).all()
    assert np.isfinite(runs["log_variance"]).all()
