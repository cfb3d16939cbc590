"""Selected Gaussian loops: exact moments, check values, and the laws of what is simulated."""

import json
import pickle
from fractions import Fraction
from itertools import product

import mpmath as mp
import numpy as np
import pytest
from scipy.special import ndtr

import modelcollapse as mc
from modelcollapse.families.gaussian import selected
from modelcollapse.loop.selection import Cumulants
from modelcollapse.testing import assert_law, assert_mean, assert_same_law
from tests.helpers.plain_loops import bare
from tests.helpers.toys import Reservoir

SELECTIONS = (mc.BestOf(2), mc.BestOf(5), mc.KeepTop(0.3), mc.Pairwise(1.0), mc.Pairwise(4.0))
WORKFLOWS = (
    mc.Replace(),
    mc.Accumulate(),
    mc.AccumulateSubsample(4),
    mc.SlidingWindow(2),
    mc.KeepReal(0.4),
    mc.FreshData(3, 4),
    mc.Web(2, 3),
)


def loop(workflow, n, T, how, **options):
    """Return a selected loop."""
    return mc.Experiment(mc.Gaussian(**options), workflow, n, T, sampling=how)


class TestNoise:
    """What a selection makes of a standard normal row."""

    def test_the_best_of_k_has_the_normal_law_to_the_power_k(self, seed):
        """Also of very many."""
        for k in (2, 5, 10**6):
            drawn = mc.BestOf(k).noise(np.random.default_rng(seed), 4000)
            assert_law(drawn, lambda y, k=k: np.exp(k * np.log(ndtr(y))))

    def test_the_top_is_a_truncated_normal_law(self, seed):
        """A half, and a share that is hardly ever drawn."""
        for share in (0.5, 1e-12):
            drawn = mc.KeepTop(share).noise(np.random.default_rng(seed), 4000)
            assert_law(drawn, lambda y, s=share: np.clip(1 - ndtr(-y) / s, 0, 1))

    def test_a_step_as_preference_is_the_better_of_two(self, seed):
        """Whatever its height at 0 is."""
        how = mc.Pairwise(lambda u: (np.sign(u) + 1) / 2)
        drawn = how.noise(np.random.default_rng(seed), 4000)
        assert_law(drawn, lambda y: ndtr(y) ** 2)
        assert how.cumulants() == pytest.approx(mc.BestOf(2).cumulants(), rel=1e-12)

    @pytest.mark.parametrize("k", [2, 3, 5, 100, 10**6])
    def test_cumulants_of_the_best_of_k(self, k):
        """Against quadrature with 30 digits."""
        with mp.workdps(30):
            density = lambda y: k * mp.npdf(y) * mp.ncdf(y) ** (k - 1)  # noqa: E731
            edges = [-12, -4, -2, 0, 1, 2, 3, 4, 5, 6, 7, 9, 14]
            raw = [mp.quad(lambda y, j=j: y**j * density(y), edges) for j in (1, 2, 3, 4)]
            exact = [float(x) for x in _cumulants(raw)]
        # Sums of 6,657 terms of order 1 to 30^4 in the mean, moments that cancel to cumulants.
        assert mc.BestOf(k).cumulants() == pytest.approx(exact, rel=1e-9, abs=1e-10)

    @pytest.mark.parametrize("share", [0.9, 0.5, 0.01, 1e-6])
    def test_cumulants_of_the_top(self, share):
        """Against quadrature with 40 digits."""
        with mp.workdps(40):
            z = mp.sqrt(2) * mp.erfinv(1 - 2 * mp.mpf(share))
            raw = [
                mp.quad(lambda y, j=j: y**j * mp.npdf(y) / share, [z, z + 1, z + 4, z + 20])
                for j in (1, 2, 3, 4)
            ]
            exact = [float(x) for x in _cumulants(raw)]
        assert mc.KeepTop(share).cumulants() == pytest.approx(exact, rel=1e-7, abs=1e-10)

    @pytest.mark.parametrize("beta", [0.5, 1.0, 4.0, 300.0])
    def test_cumulants_of_a_rater(self, beta):
        """Against a double integral's one-dimensional form with 30 digits; q is 1."""
        with mp.workdps(30):
            tilt = lambda u: mp.tanh(beta * u / 2) * mp.exp(-u * u / 4) / mp.sqrt(4 * mp.pi)  # noqa: E731
            edges = [0, 1e-3, 1e-2, 0.1, 1, 3, 10, 40]
            first, third = (mp.quad(lambda u, j=j: 2 * u**j * tilt(u), edges) for j in (1, 3))
            exact = [float(x) for x in _cumulants([first / 2, 1, third / 8 + 3 * first / 4, 3])]
        Y = mc.Pairwise(beta).cumulants()
        assert pytest.approx(exact, rel=1e-11, abs=1e-12) == Y
        assert pytest.approx(1.0, abs=4e-16) == Y.square

    def test_constants(self):
        """Closed forms of the best of 2 to 5, and of the upper shares."""
        two, three = mc.BestOf(2).cumulants(), mc.BestOf(3).cumulants()
        assert two[:2] == pytest.approx((1 / np.sqrt(np.pi), 1 - 1 / np.pi), rel=1e-14)
        assert three.mean == pytest.approx(1.5 / np.sqrt(np.pi), rel=1e-14)
        assert three.square - 1 == pytest.approx(np.sqrt(3) / (2 * np.pi), rel=1e-13)
        assert mc.BestOf(4).cumulants().square - 1 == pytest.approx(np.sqrt(3) / np.pi, rel=1e-13)
        assert mc.KeepTop(0.5).cumulants().square == pytest.approx(1.0, abs=4e-16)
        for share, q in ((0.75, 0.7142172785), (0.25, 1.8573481645)):
            assert mc.KeepTop(share).cumulants().square == pytest.approx(q, abs=5e-11)


def _cumulants(raw):
    m1, m2, m3, m4 = raw
    k2, k3 = m2 - m1**2, m3 - 3 * m1 * m2 + 2 * m1**3
    return m1, k2, k3, m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4 - 3 * k2**2


LAW = [(Fraction(-1), Fraction(1, 4)), (Fraction(0), Fraction(1, 4)), (Fraction(3), Fraction(1, 2))]


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_moments_of_a_batch_are_those_of_all_its_values(n):
    """By listing every batch of a law on three values, in rationals."""
    totals = dict.fromkeys(selected.Batch._fields, Fraction(0))
    for chosen in product(LAW, repeat=n):
        chance = np.prod([p for _, p in chosen])
        rows = [y for y, _ in chosen]
        mean = sum(rows) / n
        s2 = sum((y - mean) ** 2 for y in rows) / n
        each = (s2, s2**2, mean**2, mean**4, s2 * mean**2)
        for name, value in zip(totals, each, strict=True):
            totals[name] += chance * value
    raw = [sum(p * y**j for y, p in LAW) for j in (1, 2, 3, 4)]
    found = selected.Batch.of(Fraction(n), Cumulants(*_cumulants(raw)))

    assert [float(x) for x in found] == pytest.approx([float(x) for x in totals.values()])


def rational(n, T, raw, *, pooled):
    """Return E v_t by raw moments of Y alone, in rationals: row by row, without cumulants."""
    n = Fraction(n)
    spread = (1 - 1 / n) * (raw[1] - raw[0] ** 2)
    square = raw[0] ** 2 + (raw[1] - raw[0] ** 2) / n
    values, pool = [1 - 1 / n], n
    for _ in range(T - 1):
        after = pool + n
        step = (
            pool / after + n / after * spread + pool * n / after**2 * square if pooled else spread
        )
        values.append(values[-1] * step)
        pool = after
    return values


@pytest.mark.parametrize("pooled", [False, True])
def test_the_variance_is_the_rational_recursion(pooled):
    """For rational moments of Y, which no selection needs to have."""
    raw = [Fraction(1, 2), Fraction(5, 4), Fraction(2), Fraction(6)]
    e = loop(mc.Accumulate() if pooled else mc.Replace(), 5, 9, mc.BestOf(2))
    found = selected.moments(e, Cumulants(*map(float, _cumulants(raw)))).first

    exact = [float(v) for v in rational(5, 9, raw, pooled=pooled)]
    assert found == pytest.approx(exact, rel=1e-14)


@pytest.mark.parametrize(
    ("how", "n", "expected"),
    [
        (mc.BestOf(2), 10, (0.9, 0.813042248, 0.7230194369, 0.6995802002, 0.6971643456)),
        (mc.BestOf(2), 100, (0.99, 0.9095311201, 0.8242006090, 0.8016665494, 0.7993369958)),
        (mc.BestOf(3), 10, (0.9, 0.8503166095, 0.9985574180, 1.7384035425, 3.251866658)),
    ],
)
def test_check_values_of_accumulate(how, n, expected):
    """At t = 1, 2, 10, 100 and 1000, to ten digits."""
    found = mc.predict(loop(mc.Accumulate(), n, 1000, how))["variance"]
    assert found[[0, 1, 9, 99, 999]] == pytest.approx(expected, rel=2e-10)


def test_limits_and_constants_of_replace():
    """Variances of accumulate in the limit, and the largest gains of replace."""
    for n, limit in ((10, 0.6968950929), (100, 0.7990772820), (5, 0.5912827893)):
        found = mc.predict(loop(mc.Accumulate(), n, 3, mc.BestOf(2))).limits["variance"]
        assert found == pytest.approx(limit, abs=1e-10)
    for k, gain in ((2, 3.2358719913), (3, 3.3579435741), (5, 3.5132741938)):
        p = mc.predict(loop(mc.Replace(), 10**9, 3, mc.BestOf(k)))
        assert p.limits["reward_gain_upper"] == pytest.approx(gain, rel=1e-8)  # n is finite
        long = mc.predict(loop(mc.Replace(), 10, 400, mc.BestOf(k)))
        assert long["reward_gain_upper"][-1] == pytest.approx(long.limits["reward_gain_upper"])
        assert long.limits["reward_gain_upper"] < gain
    assert mc.predict(loop(mc.Accumulate(), 9, 3, mc.BestOf(5))).limits["variance"] == np.inf
    assert mc.predict(loop(mc.Accumulate(), 9, 3, mc.KeepTop(0.9))).limits["variance"] == 0.0


@pytest.mark.parametrize(
    ("workflow", "how"),
    list(zip(WORKFLOWS, [*SELECTIONS, *SELECTIONS[1:3]], strict=True)),
    ids=repr,
)
@bare()
def test_the_simulation_is_the_plain_loop(workflow, how, seed):
    """One law of the variance and of the squared error, in 300 runs of the plain loop."""
    e = loop(workflow, 5, 4, how)
    there = mc.simulate(e, 4000 if e.schedule.kind == "subset" else 20_000, seed)  # row by row
    here = mc.run(e.model, e.truth, workflow, 5, 4, seed, sampling=how, replicates=300)

    for name in ("variance", "squared_error"):
        assert_same_law(here[name][:, -1], there[name][:, -1])


@pytest.mark.parametrize("workflow", [mc.Replace(), mc.KeepReal(0.4)], ids=repr)
@bare()
def test_more_dimensions_are_the_plain_loop(workflow, seed):
    """Two columns, an oblique reward, a truth with a slope."""
    how = mc.BestOf(3, reward=[1.0, -2.0])
    truth = mc.Normal([1.0, 2.0], [[2.0, 0.7], [0.7, 1.0]])
    e = mc.Experiment(mc.Gaussian(), workflow, 6, 3, truth, sampling=how)
    there = mc.simulate(e, 20_000, seed, extra=["w2_squared"])
    here = mc.run(
        e.model,
        truth,
        workflow,
        6,
        3,
        seed,
        sampling=how,
        replicates=300,
        metrics={
            "gain": lambda model, truth: (model.mean_ - truth.mean) @ [1.0, -2.0] / np.sqrt(3.2),
            "reward": lambda model: np.array([1, -2]) @ model.covariance_ @ [1, -2] / 3.2,
            "across": lambda model: (
                np.linalg.det(model.covariance_)
                / (np.array([1, -2]) @ model.covariance_ @ [1, -2])
                * 5
                / (1.51 / 3.2 * 5)
            ),
        },
    )
    for mine, theirs in (
        ("variance", "variance"),
        ("squared_error", "squared_error"),
        ("gain", "reward_gain"),
        ("reward", "reward_variance"),
        ("across", "variance_across"),
    ):
        assert_same_law(here[mine][:, -1], there[theirs][:, -1])


def test_rows_of_any_workflow_in_more_dimensions(seed):
    """The path that picks rows is the one that merges batches."""
    how = mc.KeepTop(0.4, reward=[1.0, 1.0])

    class Pooled:
        """Accumulate, which says only which rows it takes."""

        def training_rows(self, sizes, _):
            return np.arange(sum(sizes))

    named = mc.Experiment(mc.Gaussian(2), mc.Accumulate(), 6, 3, sampling=how)
    own = mc.Experiment(mc.Gaussian(2), Pooled(), 6, 3, sampling=how)
    there, here = mc.simulate(named, 4000, seed), mc.simulate(own, 4000, seed + 1)
    for name in ("reward_gain", "reward_variance", "variance_across", "log_determinant"):
        assert_same_law(here[name][:, -1], there[name][:, -1])


@pytest.mark.parametrize(
    ("workflow", "ddof", "how"),
    [
        (mc.Replace(), 0, mc.KeepTop(0.3)),
        (mc.Replace(), 1, mc.Pairwise(4.0)),
        (mc.Accumulate(), 0, mc.BestOf(5)),
        (mc.Accumulate(), 1, mc.KeepTop(0.3)),
    ],
    ids=repr,
)
def test_means_and_variances_are_the_simulations(workflow, ddof, how, seed):
    """Unequal batches; rows that are not normal."""
    truth = np.random.default_rng(0).exponential(size=(40, 1))
    e = mc.Experiment(mc.Gaussian(ddof=ddof), workflow, [9, 5, 7, 6], 4, truth, sampling=how)
    p, runs = mc.predict(e), mc.simulate(e, 50_000, seed)
    for t in (0, 1, 3):
        assert_mean(runs["variance"][:, t], p["variance"][t], p.variances["variance"][t])
    assert (runs["reward_gain"].mean(axis=0) <= p["reward_gain_upper"] + 0.02)[1:].all()
    assert p["reward_gain_lower"].tolist() == [0.0] * 4


def test_a_direction_is_a_loop_in_one_dimension():
    """Its length changes nothing, its sign the gain's; the others are not looked at."""
    truth = np.random.default_rng(2).gamma(2.0, size=(30, 3))
    w = np.array([1.0, -2.0, 0.5])
    line = mc.Experiment(mc.Gaussian(), mc.Accumulate(), 7, 5, truth @ w, sampling=mc.BestOf(3))
    e = mc.Experiment(mc.Gaussian(), mc.Accumulate(), 7, 5, truth, sampling=mc.BestOf(3, reward=w))
    here, there = mc.predict(line), mc.predict(e)
    assert there["reward_variance"] == pytest.approx(here["variance"], rel=1e-12)
    spread = there.variances["reward_variance"]
    assert spread == pytest.approx(here.variances["variance"], rel=1e-9)
    longer = mc.Experiment(
        mc.Gaussian(), mc.Accumulate(), 7, 5, truth, sampling=mc.BestOf(3, reward=9 * w)
    )
    assert mc.predict(longer)["reward_variance"] == pytest.approx(there["reward_variance"])
    for reward in (w, 9 * w):
        runs = mc.simulate(replaced(e, reward), 50, 1)
        assert runs["reward_gain"] == pytest.approx(mc.simulate(e, 50, 1)["reward_gain"])
    for name, why in (
        ("variance", "turned towards it"),
        ("reward_gain", "no closed form"),
        ("variance_across", "known for replace"),
        ("squared_error", "E x sqrt"),
    ):
        with pytest.raises(mc.NoClosedForm, match=why):
            there[name]


def replaced(e, reward):
    """Return the loop with another direction."""
    how = mc.BestOf(3, reward=reward)
    return mc.Experiment(e.model, e.workflow, 7, 5, e.truth, sampling=how)


FLAT = (mc.BestOf(2, reward=[1.0, 0.0, 0.0]), mc.KeepTop(0.2, reward=[0, 1, 1]))


@pytest.mark.parametrize("how", FLAT)
def test_collapse_is_data(how):
    """Fewer rows than columns, data in a plane, and a long loop under replace."""
    truth = np.random.default_rng(1).normal(size=(20, 3))
    truth[:, 2] = truth[:, 0]
    for rows in (truth, None):
        e = mc.Experiment(mc.Gaussian(3), mc.Replace(), 3, 300, rows, sampling=how)
        runs = mc.simulate(e, 20, 0)
        assert all(np.isfinite(runs[name]).all() for name in ("reward_gain", "reward_variance"))
        assert (runs["reward_variance"][:, -1] < 1e-12).all()
    assert (mc.predict(e)["reward_variance"][:-1] > mc.predict(e)["reward_variance"][1:]).all()


def test_fates():
    """One number decides under accumulate; replace clumps, with a bounded gain."""
    found = {
        how: mc.predict(loop(workflow, 10, 5, how)).fates
        for workflow in (mc.Accumulate(),)
        for how in (mc.BestOf(2), mc.BestOf(3), mc.KeepTop(0.75), mc.Pairwise(0.7))
    }
    verdicts = {how: (f["variance"].verdict, f["reward_gain"].verdict) for how, f in found.items()}
    assert list(verdicts.values()) == [
        ("bounded", "diverges"),
        ("diverges", "diverges"),
        ("clumps", "bounded"),
        ("bounded", "diverges"),
    ]
    fates = mc.predict(loop(mc.Replace(), 10, 5, mc.BestOf(2))).fates
    assert fates["variance"].verdict == "clumps"
    assert fates["reward_gain"].verdict == "bounded"
    other = mc.predict(loop(mc.SlidingWindow(2), 10, 5, mc.BestOf(2)))
    assert other.fates["variance"].verdict == "undetermined"
    with pytest.raises(mc.NoClosedForm, match="known for replace and accumulate"):
        other["variance"]


def test_the_real_share_of_a_selected_loop():
    """Critical shares and fixed points to ten digits; a rater's is e/(1 + e)."""
    for how, share in (
        (mc.BestOf(2), 0.3606913059),
        (mc.BestOf(3), 0.4988140268),
        (mc.BestOf(5), 0.6197495088),
        (mc.Pairwise(0.5), 0.1834224088),
        (mc.Pairwise(1.0), 0.2664113928),
    ):
        assert mc.mixed.selection_critical_share(how) == pytest.approx(share, abs=5e-11)
    for beta in (0.1, 4.0, 50.0):
        e = mc.Pairwise(beta).cumulants().mean
        found = mc.mixed.selection_critical_share(mc.Pairwise(beta))
        assert found == pytest.approx(e / (1 + e), rel=1e-13)
    for share, x, v in (
        (0.365, 5.1313770015, 27.3310299315),
        (0.4, 1.5885760781, 3.5235739560),
        (0.6, 0.4059348476, 1.1647831005),
    ):
        point = mc.mixed.selected_fixed_point(share, mc.BestOf(2))
        assert point == pytest.approx((x, v), rel=1e-8)
    assert mc.mixed.selected_fixed_point(0.36, mc.BestOf(2)) == (np.inf, np.inf)
    for bad in (0.0, 1.0, "a"):
        with pytest.raises(mc.InvalidInput, match="share"):
            mc.mixed.selected_fixed_point(bad, mc.BestOf(2))
    with pytest.raises(mc.InvalidInput, match="give BestOf"):
        mc.mixed.selection_critical_share(2)


class TestValues:
    """Selections are values: equal, described, built again, copied."""

    @pytest.mark.parametrize("how", [*SELECTIONS[:4], mc.BestOf(2, reward=[1.0, 2.0])], ids=repr)
    def test_described(self, how):
        """As JSON, from which the experiment is built again; other ones are others."""
        dim = 1 if how.reward is None else 2
        e = mc.Experiment(mc.Gaussian(dim), mc.Replace(), 9, 3, sampling=how)
        told = json.loads(json.dumps(mc.described(e)))
        assert mc.Experiment.from_dict(told) == e
        assert pickle.loads(pickle.dumps(e)) == e  # noqa: S301 - our own
        assert e != mc.Experiment(mc.Gaussian(dim), mc.Replace(), 9, 3)
        assert e.temperature == 1.0
        assert mc.verify_experiment(e, effect=0.2)[0].verdict == "holds"

    @pytest.mark.parametrize("how", [mc.BestOf(1), mc.KeepTop(1.0), mc.Pairwise(0.0)], ids=repr)
    def test_what_selects_nothing_is_plain_sampling(self, how):
        """The same experiment, with the same bits."""
        assert loop(mc.Replace(), 9, 3, how) == loop(mc.Replace(), 9, 3, None)

    def test_a_preference_of_ones_own_is_known_by_its_code(self):
        """And has to be given again."""
        e = loop(mc.Replace(), 9, 3, mc.Pairwise(lambda u: ndtr(1 * u)))
        assert e == loop(mc.Replace(), 9, 3, mc.Pairwise(lambda u: ndtr(1 * u)))
        assert e != loop(mc.Replace(), 9, 3, mc.Pairwise(lambda u: ndtr(2 * u)))
        with pytest.raises(mc.InvalidInput, match="preference"):
            mc.Experiment.from_dict(mc.described(e))
        assert mc.predict(e)["variance"][1] == pytest.approx(
            mc.predict(loop(mc.Replace(), 9, 3, mc.Pairwise(1.702)))["variance"][1], rel=0.01
        )  # the logistic law that is within 0.01 of the normal one (Camilli, 1994)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mc.BestOf(0), "k = 0"),
        (lambda: mc.BestOf(2.5), "k = 2.5"),
        (lambda: mc.KeepTop(0), "share = 0"),
        (lambda: mc.KeepTop(1.5), "share = 1.5"),
        (lambda: mc.Pairwise("strong"), "preference = 'strong'"),
        (lambda: mc.Pairwise(lambda u: np.clip(u, 0, 1)), "F(u) + F(-u) is not 1"),
        (lambda: mc.Pairwise(lambda u: 2.0 * (u > 0)), "return a probability"),
        (lambda: mc.Pairwise(1.0, scaled=1), "scaled = 1"),
        (lambda: mc.BestOf(2, reward=[0.0, 0.0]), "not all 0"),
        (lambda: mc.BestOf(2, reward=[np.nan]), "finite numbers"),
        (lambda: mc.BestOf(2, reward="up"), "reward = 'up'"),
        (lambda: loop(mc.Replace(), 9, 3, mc.BestOf(2), dim=2), "give a direction, one number for"),
        (lambda: loop(mc.Replace(), 9, 3, mc.BestOf(2, reward=[1.0, 0])), "have dim = 1"),
        (lambda: loop(mc.Replace(), 9, 3, mc.BestOf(2, reward=len)), "along a direction"),
        (lambda: loop(mc.Replace(), 9, 3, "best"), "BestOf(k), KeepTop(share)"),
        (lambda: mc.Experiment(mc.KDE(1.0), mc.Replace(), sampling=mc.BestOf(2)), "Gaussian alone"),
        (
            lambda: mc.Experiment(
                mc.Gaussian(2),
                mc.Replace(),
                9,
                3,
                [[0.0, 1], [0, 2], [0, 5]],
                sampling=mc.BestOf(2, reward=[1.0, 0.0]),
            ),
            "the truth does not vary along it",
        ),
    ],
)
def test_wrong_input(call, message):
    """Each names itself and what is allowed."""
    with pytest.raises(mc.InvalidInput) as caught:
        call()
    assert message in str(caught.value)


class TestAnyEstimator:
    """Selection in the plain loop, for models whose law nobody knows."""

    rows = np.random.default_rng(6).normal(size=(60, 2))

    def test_the_best_of_k_by_a_function(self):
        """Each kept row is the best of the k that were drawn for it."""

        class Counts:
            def fit(self, _):
                return self

            def sample(self, n, random_state):
                return np.random.default_rng(random_state).permutation(n)[:, None] * [1.0, -1.0]

        how = mc.BestOf(3, reward=lambda rows: rows[:, 1])
        run = mc.run(Counts(), self.rows, mc.Replace(), 4, 2, sampling=how)
        drawn = run.batches[1][:, 0]
        assert len(np.unique(drawn)) == 4
        assert drawn.min() == 0  # the smallest of all is the best of its three
        assert (drawn <= 9).all()  # and two are above each

    def test_a_function_is_its_direction(self):
        """The same rows, to the last bit; of tables too."""
        import polars as pl
        from sklearn.mixture import GaussianMixture

        along = mc.BestOf(2, reward=[1.0, 0.0])
        own = mc.BestOf(2, reward=lambda rows: rows[:, 0])
        here, there = (
            mc.run(
                GaussianMixture(2, reg_covar=0.0), self.rows, mc.Accumulate(), 20, 4, sampling=how
            )
            for how in (along, own)
        )
        assert np.array_equal(here.batches[3], there.batches[3])
        framed = mc.run(
            mc.KDE(0.4),
            pl.DataFrame(self.rows, schema=["a", "b"]),
            mc.Replace(),
            20,
            3,
            sampling=mc.BestOf(2, reward=lambda rows: rows["a"]),
        )
        plain = mc.run(mc.KDE(0.4), self.rows, mc.Replace(), 20, 3, sampling=along)
        assert np.array_equal(framed.batches[2], plain.batches[2])

    def test_pairs_in_the_rewards_own_unit(self, seed):
        """A step keeps the better of two, whatever the unit is: one law with BestOf(2)."""
        step = mc.Pairwise(lambda u: (np.sign(u) + 1) / 2, scaled=False, reward=[1.0, 0.0])
        best = mc.BestOf(2, reward=[1.0, 0.0])
        here, there = (
            mc.run(mc.KDE(0.4), self.rows, mc.Replace(), 400, 2, seed + i, sampling=how).batches[1]
            for i, how in enumerate((step, best))
        )
        assert_same_law(here[:, 0], there[:, 0])

    @pytest.mark.parametrize(
        ("how", "message"),
        [
            (mc.KeepTop(0.5, reward=[1.0, 0.0]), "KDE has no reward_quantile"),
            (mc.Pairwise(1.0, reward=[1.0, 0.0]), "give Pairwise(..., scaled=False)"),
            (mc.BestOf(2), "give a direction, one number for each of 2"),
            (mc.BestOf(2, reward=lambda rows: rows), "reward(rows) returned shape"),
            (mc.BestOf(2, reward=lambda rows: ["a"] * len(rows)), "reward(rows)"),
        ],
    )
    def test_what_cannot_be_selected(self, how, message):
        """It says what is missing, and what to do."""
        with pytest.raises(mc.InvalidInput) as caught:
            mc.run(mc.KDE(0.4), self.rows, mc.Replace(), 9, 3, sampling=how)
        assert message in str(caught.value)

    def test_a_workflow_of_ones_own_keeps_rows(self):
        """Selection and a reservoir go together."""
        how = mc.BestOf(2, reward=[1.0, 0.0])
        run = mc.run(mc.Gaussian(), self.rows, Reservoir(9), 9, 4, sampling=how)
        assert run.completed


def test_the_command_line(capsys):
    """Selections in predict and run, and in a sweep's cells."""
    from modelcollapse import sweep
    from modelcollapse.cli import main

    given = ["--samples", "9", "--generations", "4", "--json"]
    assert main(["predict", "gaussian", "--selection", "best-of:2", *given]) == 0
    told = json.loads(capsys.readouterr().out)
    expected = mc.predict(mc.Experiment(mc.Gaussian(), mc.Replace(), 9, 4, sampling=mc.BestOf(2)))
    assert told["expected"]["variance"] == expected["variance"].tolist()
    assert told["experiment"]["sampling"] == {"name": "best-of", "k": 2, "reward": None}
    along = ["--selection", "keep-top:0.5", "--reward", "1,0", "--dim", "2"]
    assert main(["predict", "gaussian", *along, *given]) == 0
    assert json.loads(capsys.readouterr().out)["experiment"]["sampling"]["reward"] == [1.0, 0.0]
    reward = ",".join(["1", *["0"] * 12])
    options = ["--selection", "pairwise:2", "--reward", reward, "--generations", "3", "--json"]
    assert main(["run", "--estimator", "gaussian", "--data", "wine", *options]) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "completed"
    for wrong, said in (
        (["--selection", "best:2"], "unknown selection 'best'"),
        (["--selection", "best-of:x"], "give best-of:2"),
        (["--reward", "1"], "there is no selection"),
        (["--selection", "best-of:2", "--temperature", "2"], "give one of them"),
    ):
        assert main(["predict", "gaussian", *wrong]) == 2
        assert said in capsys.readouterr().err
    table = {
        "model": {"family": "gaussian", "selection": ["best-of:2", "keep-top:0.5"]},
        "workflow": {"name": "accumulate"},
        "samples": 9,
        "generations": 3,
        "replicates": 5,
    }
    cells = sweep.Sweep.of(table).cells
    assert [cell.experiment().sampling for cell in cells] == [mc.BestOf(2), mc.KeepTop(0.5)]


def test_the_picture(tmp_path):
    """It is drawn, whole or not at all."""
    from modelcollapse.reproduce.figures import selection

    selection.draw(tmp_path / "selection.png", samples=5, replicates=50)
    assert (tmp_path / "selection.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(mc.InvalidInput, match="no folder"):
        selection.draw(tmp_path / "nowhere" / "selection.png")
