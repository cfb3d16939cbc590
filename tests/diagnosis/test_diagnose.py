"""The eight definitions of model collapse: theorems, facts, exact tests, and their calibration."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

import modelcollapse as mc
from modelcollapse.diagnosis import Diagnosis, Finding, diagnose
from modelcollapse.diagnosis.comparing import shares_test, sign_test
from modelcollapse.diagnosis.outcome import DEFINITIONS
from modelcollapse.families.discrete import Discrete

RUNS = 64
HALF = Fraction(1, 2)


def experiment(model, workflow, samples=10, generations=20, **more):
    """Return an experiment."""
    return mc.Experiment(model, workflow, samples, generations, **more)


def moving(*steps, runs=RUNS):
    """Return runs that start at different positive values and all move by the same steps."""
    first = np.linspace(1.0, 2.0, runs)[:, None]
    return first + np.cumsum([0.0, *steps])


def falling(*factors, runs=RUNS):
    """Return runs that start at different positive values and are multiplied by the same."""
    return np.linspace(1.0, 2.0, runs)[:, None] * np.array([1.0, *factors])


def tail(successes, trials):
    """Return P(Binomial(trials, 1/2) >= successes), exactly."""
    return sum(math.comb(trials, k) for k in range(successes, trials + 1)) * HALF**trials


def gaussian(workflow, ddof=0, **more):
    """Return a Gaussian experiment."""
    return experiment(mc.Gaussian(ddof=ddof), workflow, **more)


# Theorems


@pytest.mark.parametrize(
    ("e", "expected"),
    [
        (
            gaussian(mc.Replace()),
            {"any_risk": "holds", "diverging_risk": "does not hold", "variance_collapse": "holds"},
        ),
        (
            gaussian(mc.Replace(), ddof=1),
            {"any_risk": "holds", "diverging_risk": "holds", "variance_collapse": "holds"},
        ),
        (
            gaussian(mc.Accumulate()),
            {
                "any_risk": "holds",
                "diverging_risk": "does not hold",
                "variance_collapse": "does not hold",
            },
        ),
        (
            gaussian(mc.Accumulate(), ddof=1),
            {
                "any_risk": "holds",
                "diverging_risk": "does not hold",
                "variance_collapse": "does not hold",
            },
        ),
        (
            gaussian(mc.AccumulateSubsample()),
            {"diverging_risk": "does not hold", "variance_collapse": "undetermined"},
        ),
    ],
)
def test_theorems_decide_gaussian_loops(e, expected):
    """The unbiased fit keeps its expected variance under replace, and still collapses."""
    for trajectory in (e, mc.predict(e), mc.simulate(e, 3)):
        found = diagnose(trajectory)
        for name, verdict in expected.items():
            assert found[name].verdict == verdict, name
            assert found[name].basis == ("theorem" if verdict != "undetermined" else "")


def test_collapsing_variance_takes_the_tail_along():
    """A law that tends to a point mass has no tail; one that keeps its variance says nothing."""
    assert diagnose(gaussian(mc.Replace()))["tail_loss"].verdict == "holds"
    assert diagnose(gaussian(mc.Accumulate()))["tail_loss"].verdict == "undetermined"


def test_temperature_between_one_and_the_critical_one_collapses_while_expectations_explode():
    """Lyapunov exponents decide, not expectations, where the two disagree."""
    e = gaussian(mc.Replace(), ddof=1, temperature=1.05)
    assert mc.predict(e).limits["variance"] == np.inf
    assert diagnose(e)["variance_collapse"].verdict == "holds"
    hot = gaussian(mc.Replace(), ddof=1, temperature=1.5)
    assert diagnose(hot)["variance_collapse"].verdict == "does not hold"


@pytest.mark.parametrize(
    ("workflow", "bandwidth", "risk", "verdict"),
    [
        (mc.Replace(), 0.5, "test_log_loss", "holds"),
        (mc.Accumulate(), 0.5, "test_log_loss", "holds"),
        (mc.Accumulate(), mc.PowerBandwidth(0.5, 0.2), "mise", "does not hold"),
        (mc.Replace(), mc.PowerBandwidth(1.0, 1.0), "mise", "holds"),
        (mc.Replace(), [0.5, 0.4, 0.3], "test_log_loss", "undetermined"),
    ],
)
def test_fates_decide_kernel_densities(workflow, bandwidth, risk, verdict):
    """What the room proves of the long run is the verdict on divergence, with its reason."""
    e = experiment(mc.KDE(bandwidth), workflow, generations=3)
    finding = diagnose(e, risk=risk)["diverging_risk"]
    assert finding.verdict == verdict
    if verdict != "undetermined":
        assert mc.predict(e).fates[risk].reason in finding.reason


def test_one_row_has_no_variance_to_lose():
    """A variance of 0 from generation 1 on is neither kept nor lost by the loop."""
    e = experiment(mc.KDE(0.5), mc.AccumulateSubsample(1))
    assert not mc.predict(e)["central_variance"].any()
    assert diagnose(e)["variance_collapse"].verdict == "undetermined"


def test_a_clumping_variance_is_no_diverging_risk():
    """The same fate says that an error explodes and that a variance vanishes."""
    e = experiment(mc.KDE(mc.PowerBandwidth(1.0, 1.0)), mc.Replace())
    assert mc.predict(e).fates["central_variance"].verdict == "clumps"
    found = diagnose(e, risk="central_variance")
    assert found["variance_collapse"].verdict == "holds"
    assert found["diverging_risk"].verdict == "does not hold"


def test_expected_variance_says_nothing_of_a_multiplied_one():
    """SciPy's rule under replace: the mean explodes, of a typical run nothing is proved."""
    e = experiment(mc.KDE("scipy-scott"), mc.Replace(), samples=10)
    assert mc.predict(e).fates["central_variance"].verdict == "diverges"
    assert diagnose(e)["variance_collapse"].verdict == "undetermined"


def test_recorded_loss_of_kernel_densities_diverges_by_theorem():
    """A recorded loss is the risk, and the theorem on it decides."""
    e = experiment(mc.KDE(0.5), mc.Replace(), generations=4)
    found = diagnose(mc.simulate(e, 40, test=5))
    assert found["diverging_risk"].metric == "test_log_loss"
    assert found["diverging_risk"].verdict == "holds"


def test_thresholds_are_held_against_exact_expectations():
    """E squared_error is 1 - (1 - 1/n)^t: a factor of 5 is passed from t = 7 on, 11 never."""
    e = gaussian(mc.Replace(), generations=100)
    curve = 1 - (1 - 0.1) ** np.arange(1, 101)
    t = int(np.argmax(curve > 0.5)) + 1
    found = diagnose(e, catastrophe=5)["catastrophic_risk"]
    assert (found.verdict, found.basis) == ("holds", "theorem")
    assert f"at generation {t}" in found.reason
    assert diagnose(e, catastrophe=11)["catastrophic_risk"].verdict == "does not hold"
    assert diagnose(e, ceiling=0.99)["catastrophic_risk"].verdict == "holds"
    assert diagnose(e, ceiling=1.0)["catastrophic_risk"].verdict == "does not hold"


def test_real_data_that_never_leave_have_no_increase():
    """A loop that weighs only the real batch stays at generation 1: equal is not an increase."""
    only_real = np.tile(np.eye(20)[0], (20, 1))
    found = diagnose(gaussian(mc.Weighted(only_real)))["any_risk"]
    assert (found.verdict, found.basis) == ("does not hold", "theorem")


def test_scaling_law_of_exact_expectations():
    """Between n and 10 n replace loses its exponent 1; at generation 1 the exponent is 1."""
    sizes = {n: gaussian(mc.Replace(), samples=n) for n in (10, 100)}
    finding = diagnose(sizes[10], scaling=sizes)["scaling_law"]
    curve = {n: 1 - (1 - 1 / n) ** np.arange(1, 21) for n in sizes}
    slope = np.log10(curve[10] / curve[100])
    assert (finding.verdict, finding.basis) == ("holds", "theorem")
    assert f"from {slope[0]:.5g} to {slope[-1]:.5g}" in finding.reason
    shift = float(np.abs(slope - slope[0]).max())
    within = diagnose(sizes[10], scaling=list(sizes.items()), margin=shift + 0.01)
    assert within["scaling_law"].verdict == "does not hold"


# Facts


@pytest.mark.parametrize("runs", [1, 3])
def test_infinite_risk_is_data(runs):
    """One infinite value after finite ones is above every bar, in any number of runs."""
    loss = moving(0.1, 0.2, runs=runs)
    loss[0, 2] = np.inf
    found = diagnose({"loss": loss})
    for name in ("catastrophic_risk", "any_risk"):
        assert (found[name].verdict, found[name].basis) == ("holds", "fact")
    assert "generation 3 in 1 of" in found["any_risk"].statistic
    assert found["diverging_risk"].verdict == "undetermined"


def test_risk_that_begins_infinite_has_not_risen():
    """Infinite at generation 1 and later is a tie, which is not an increase."""
    loss = np.full((RUNS, 3), np.inf)
    assert diagnose({"loss": loss})["any_risk"].verdict == "does not hold"


def test_zero_variance_in_all_runs_has_collapsed():
    """A point mass is a collapse; one run that is left keeps the verdict open."""
    spread = falling(0.5, 0.0)
    finding = diagnose({"variance": spread})["variance_collapse"]
    assert (finding.verdict, finding.basis) == ("holds", "fact")
    spread[3, 2] = 1e-300
    assert diagnose({"variance": spread})["variance_collapse"].verdict == "undetermined"
    assert diagnose({"variance": [1.0, 0.0]})["variance_collapse"].verdict == "holds"
    assert diagnose({"variance": [0.0, 0.0]})["variance_collapse"].verdict == "undetermined"


def test_bounded_risk_cannot_diverge():
    """Bounds on the risk decide, whatever the trajectory does."""
    found = diagnose({"loss": moving(0.1)}, bounds=(0, 10))["diverging_risk"]
    assert (found.verdict, found.basis) == ("does not hold", "fact")


# Tests on runs


@pytest.mark.parametrize("column", ["risk", "modes", "tail", "hallucinated"])
@pytest.mark.parametrize(
    ("steps", "verdict"),
    [
        ((-0.1, 0.2), "holds"),
        ((-0.1, -0.2), "does not hold"),
        ((0.0, 0.0), "does not hold"),
    ],
)
def test_tests_give_every_verdict(column, steps, verdict):
    """A rise at any one later generation is a rise; no rise at all of them is none."""
    name = {"risk": "any_risk", "modes": "mode_loss", "tail": "tail_loss"}.get(
        column, "hallucination"
    )
    found = diagnose({"mine": moving(*steps)}, **{column: "mine"})[name]
    assert (found.verdict, found.basis) == (verdict, "test")
    mirrored = diagnose({"mine": -moving(*steps)}, **{column: "-mine"})[name]
    assert (mirrored.verdict, mirrored.metric) == (verdict, "-mine")
    mixed = moving(*steps)
    mixed[::2] = moving(*(-step for step in steps))[::2]
    if any(steps):
        assert diagnose({"mine": mixed}, **{column: "mine"})[name].verdict == "undetermined"


@pytest.mark.parametrize(
    ("role", "column", "definition"),
    [
        ("modes", "modes", "mode_loss"),
        ("tail", "tail_mass", "tail_loss"),
        ("hallucinated", "grammatical", "hallucination"),
    ],
)
def test_a_column_that_gets_worse_as_it_falls(role, column, definition):
    """Found or named, with or without its minus, a known column keeps its direction."""
    fall, rise = 9 - moving(0.1), moving(0.1)
    for options in ({}, {role: column}, {role: f"-{column}"}):
        found = diagnose({column: fall}, **options)[definition]
        assert (found.verdict, found.metric) == ("holds", f"-{column}")
        assert diagnose({column: rise}, **options)[definition].verdict == "does not hold"


def test_increase_without_bounds_is_called_a_median_increase():
    """No test of the mean of an unbounded loss is valid, and the finding says what was tested."""
    assert "median increase" in diagnose({"loss": moving(1.0)})["any_risk"].reason
    assert "mean" in diagnose({"loss": moving(1.0)}, bounds=(0, 3))["any_risk"].threshold


def test_bounds_make_it_a_claim_about_the_mean():
    """Most runs fall a little and some rise much: the median falls while the mean rises."""
    runs = 4000
    loss = np.column_stack([np.full(runs, 0.1), np.zeros(runs)])
    loss[: runs // 3, 1] = 1.0
    assert diagnose({"loss": loss})["any_risk"].verdict == "does not hold"
    assert diagnose({"loss": loss}, bounds=(0, 1))["any_risk"].verdict == "holds"
    assert diagnose({"loss": 1 - loss}, bounds=(0, 1))["any_risk"].verdict == "does not hold"
    few = loss[:: runs // 30]
    assert diagnose({"loss": few}, bounds=(0, 1))["any_risk"].verdict == "undetermined"


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        ({"catastrophe": 2.9}, "holds"),
        ({"catastrophe": 3.1}, "does not hold"),
        ({"ceiling": 2.9}, "holds"),
        ({"ceiling": 6.1}, "does not hold"),
        ({"ceiling": 4.5}, "undetermined"),
        ({"catastrophe": 2.9, "bounds": (0, 6)}, "undetermined"),
        ({}, "undetermined"),
    ],
)
def test_catastrophe_is_the_users_threshold(options, verdict):
    """All runs triple their risk, from between 1 and 2 to between 3 and 6."""
    found = diagnose({"loss": falling(2.0, 3.0)}, **options)["catastrophic_risk"]
    assert found.verdict == verdict
    assert bool(found.needed) == (verdict == "undetermined")


def test_factor_of_a_risk_that_is_not_positive_is_no_threshold():
    """Log-losses of densities may be negative; then only an absolute risk is a threshold."""
    loss = {"loss": moving(5.0) - 1.5}
    assert diagnose(loss, catastrophe=2)["catastrophic_risk"].verdict == "undetermined"
    assert diagnose(loss, ceiling=2)["catastrophic_risk"].verdict == "holds"


@pytest.mark.parametrize(
    ("share", "verdict"), [(0.02, "holds"), (0.009, "does not hold"), (None, "undetermined")]
)
def test_share_that_counts_as_vanished(share, verdict):
    """All runs end with a hundredth of their variance: that is a collapse only if so declared."""
    spread = falling(0.1, 0.01)
    found = diagnose({"variance": spread}, vanished=share)["variance_collapse"]
    assert found.verdict == verdict
    if share is None:
        assert "so far it falls (" in found.reason
        assert "it holds for each SHARE above 0.01;" in found.needed
        assert found.p_value < 1e-9
    mixed = spread.copy()
    mixed[::2] = falling(2.0, 1.0)[::2]
    mixed = diagnose({"variance": mixed}, vanished=0.02)["variance_collapse"]
    assert mixed.verdict == "undetermined"


def test_one_run_is_not_evidence_of_a_loop():
    """Its numbers are shown, and how many runs would do."""
    found = diagnose({"loss": [1.0, 2.0, 4.0], "variance": [1.0, 0.5, 0.25]}, vanished=0.5)
    assert {f.verdict for f in found} == {"undetermined"}
    assert "1 at generation 1, 4 at generation 3" in found["any_risk"].statistic
    assert "median" not in found["any_risk"].statistic
    assert "at least 5 for" in found["any_risk"].needed  # 2^-5 < 2/3 * .05 < 2^-4


def test_scaling_law_of_runs():
    """A plateau at the larger size is a change; the same ratios at both sizes are none."""
    small, large = 1 / falling(1.0, 0.5), 0.1 / falling(1.0, 0.5)
    plateau = large * [1.0, 1.0, 4.0]
    at = {100: {"loss": small}, 1000: {"loss": plateau}}
    found = diagnose(at[100], scaling=at)["scaling_law"]
    assert (found.verdict, found.basis) == ("holds", "test")
    change = -np.log10(4)
    assert f"{change:+.5g}" in found.statistic
    noisy = {"loss": large * np.where(np.arange(RUNS) % 2, 1.01, 0.99)[:, None] ** [0, 1, 1]}
    same = {100: {"loss": small}, 1000: noisy}
    assert diagnose(at[100], scaling=same)["scaling_law"].verdict == "undetermined"
    assert diagnose(at[100], scaling=same, margin=0.1)["scaling_law"].verdict == "does not hold"
    one = {n: {"loss": value["loss"][0]} for n, value in at.items()}
    assert diagnose(one[100], scaling=one)["scaling_law"].verdict == "undetermined"
    negative = {100: {"loss": -small}, 1000: {"loss": -large}}
    assert diagnose(at[100], scaling=negative)["scaling_law"].verdict == "undetermined"


# Calibration


@pytest.mark.parametrize(("n", "alpha"), [(5, 0.1), (31, 1e-9), (40, 1e-9), (64, 1e-3)])
def test_sign_test_is_exact_and_sharp(n, alpha):
    """It rejects at the counts whose exact binomial tail is at most alpha, and at no others."""
    for count in range(n + 1):
        flags = (np.arange(n) < count)[:, None]
        verdict = sign_test(flags, alpha).verdict
        assert (verdict == "holds") == (tail(count, n) <= Fraction(alpha))
        assert (verdict == "does not hold") == (tail(n - count, n) <= Fraction(alpha))
        found = sign_test(flags, alpha)
        assert found.p_value == pytest.approx(float(tail(count, n)))
        assert found.opposite == pytest.approx(float(tail(n - count, n)))


@pytest.mark.parametrize("shared", [True, False])
def test_false_alarms_over_generations_by_enumeration(shared):
    """All patterns of three generations of fair coins, shared or independent, exactly."""
    n, later, alpha = 6, 3, Fraction(1, 5)
    counts = np.ndindex(*(n + 1,) * later)
    wrong = {"holds": Fraction(0), "does not hold": Fraction(0), "undetermined": Fraction(0)}
    for pattern in counts:
        if shared and len(set(pattern)) > 1:
            continue
        drawn = pattern[:1] if shared else pattern
        weight = math.prod(math.comb(n, k) for k in drawn) * HALF ** (n * len(drawn))
        flags = np.arange(n)[:, None] < np.array(pattern)
        wrong[sign_test(flags, float(alpha)).verdict] += weight
    assert sum(wrong.values()) == 1
    assert 0 < wrong["holds"] <= alpha
    assert 0 < wrong["does not hold"] <= alpha


def test_false_alarms_of_shares_by_enumeration():
    """Two generations with the same share of 1/2: all outcomes of 8 + 8 samples, exactly."""
    n, alpha = 8, Fraction(1, 10)
    wrong = {"holds": Fraction(0), "does not hold": Fraction(0), "undetermined": Fraction(0)}
    for one, other in np.ndindex(n + 1, n + 1):
        weight = math.comb(n, one) * math.comb(n, other) * HALF ** (2 * n)
        pair, trials = np.array([[one, other]], dtype=float), np.full((1, 2), float(n))
        wrong[shares_test(pair, trials, float(alpha)).verdict] += weight
    assert 0 < wrong["holds"] <= alpha
    assert 0 < wrong["does not hold"] <= alpha


def test_shares_are_compared_by_fishers_test():
    """SciPy's own, in each run; a rise at all runs of one generation, a fall at all of all."""
    alpha, n, seen = 0.2, 9, set()
    rng = np.random.default_rng(0)
    for table in rng.integers(0, n + 1, (150, 2, 3)):
        up, down = (
            np.array(
                [
                    [
                        stats.fisher_exact([[late, n - late], [row[0], n - row[0]]], side)[1]
                        for late in row[1:]
                    ]
                    for row in table
                ]
            )
            for side in ("greater", "less")
        )
        p = min(1.0, float((up.max(axis=0) / [1 / 3, 2 / 3]).min()))
        found = shares_test(table.astype(float), np.full((2, 3), float(n)), alpha)
        assert found.p_value == pytest.approx(p)
        assert found.opposite == pytest.approx(down.max())
        seen.add(found.verdict)
    assert len(seen) == 3


@pytest.mark.parametrize("later", [1, 3])
def test_scaling_is_tested_on_two_sides_at_half_the_level(later):
    """A change at the last generation's share of alpha/2; none at alpha/2 on either side."""
    n, alpha, seen = 14, 0.1, set()
    for count in range(n + 1):
        large = np.ones((n, later + 1))
        large[:count, -1] = 10.0
        records = {10: {"loss": np.ones((n, later + 1))}, 100: {"loss": large}}
        found = diagnose(records[10], scaling=records, margin=0.5, alpha=alpha)["scaling_law"]
        share = 1 if later == 1 else Fraction(2, 3)
        changed = tail(count, n) <= Fraction(alpha) / 2 * share
        stays = tail(n - count, n) <= Fraction(alpha) / 2
        expected = "holds" if changed else "does not hold" if stays else "undetermined"
        assert found.verdict == expected
        smallest = min(found.p_value, found.opposite)
        assert (smallest <= alpha) == (expected != "undetermined")
        seen.add(expected)
    assert len(seen) == 3


def test_noise_without_trend_is_not_flagged(seed):
    """Exchangeable generations have a median difference of 0: neither word may be said."""
    rng = np.random.default_rng(seed)
    names = ("loss", "variance", "absent", "tail_loss", "hallucinated")
    noise = {name: rng.standard_cauchy((400, 30)) ** 2 for name in names}
    found = diagnose(noise, vanished=0.5, alpha=1e-9)
    for name in ("any_risk", "mode_loss", "tail_loss", "hallucination"):
        assert found[name].verdict == "undetermined", name
    assert found["diverging_risk"].verdict == "undetermined"


@pytest.mark.parametrize(("later", "alpha"), [(1, 1e-9), (49, 1e-9), (2, 0.3), (1, 0.6)])
def test_the_least_runs_are_the_smallest_number(later, alpha):
    """So many runs that all rise, or none, are a verdict, and one less is none."""
    for rising, word, index in [(True, "holds", 0), (False, "does not hold", 1)]:
        n = int(sign_test(np.ones((1, later), dtype=bool), alpha).least[index])
        assert sign_test(np.full((n, later), rising), alpha).verdict == word
        if n > 1:
            fewer = np.full((n - 1, later), rising)
            assert sign_test(fewer, alpha).verdict == "undetermined"


# The result


def test_diagnosis_is_readable():
    """Names, numbers, titles, the summary and plain data."""
    found = diagnose(gaussian(mc.Accumulate()))
    assert isinstance(found, Diagnosis)
    assert [f.name for f in found] == list(found.verdicts) == list(DEFINITIONS)
    assert [f.number for f in found] == list(range(1, 9))
    assert len(found) == 8
    assert all(isinstance(f, Finding) and f.definition == DEFINITIONS[f.name] for f in found)
    assert found.summary == (
        "the definitions disagree: collapsed by 1 of 8 definitions (any_risk), not by 2 "
        "(diverging_risk, variance_collapse), 5 undetermined"
    )
    lines = str(found).splitlines()
    assert len(lines) == 11
    assert lines[0] == found.sentence
    assert lines[1].endswith(found.summary)
    data = found.as_dict()
    assert data["verdicts"]["any_risk"]["basis"] == "theorem"
    assert all(f.needed for f in found if f.verdict == "undetermined")


def test_agreeing_definitions_are_not_said_to_disagree():
    """The sentence says that they disagree only where two of them do."""
    assert diagnose({"loss": [1.0, 2.0]}).summary == (
        "collapsed by 0 of 8 definitions, not by 0, 8 undetermined"
    )


def test_experiment_brings_theorems_to_data():
    """A file or a mapping does not know its loop; told of it, it uses the theorems."""
    e = gaussian(mc.Replace(), generations=3)
    data = {"squared_error": moving(0.1, 0.1)}
    assert diagnose(data)["diverging_risk"].verdict == "undetermined"
    assert diagnose(data, experiment=e)["diverging_risk"].verdict == "does not hold"


def test_discrete_loops():
    """Modes are lost under replace, never under accumulate; nothing is ever invented."""
    model = Discrete(4)
    replaced = diagnose(experiment(model, mc.Replace(), samples=6))
    kept = diagnose(experiment(model, mc.Accumulate(), samples=6))
    assert replaced["mode_loss"].verdict == "holds"
    assert replaced["variance_collapse"].verdict == "holds"
    assert kept["mode_loss"].verdict == "does not hold"
    assert kept["variance_collapse"].verdict == "undetermined"
    assert {d["hallucination"].verdict for d in (replaced, kept)} == {"does not hold"}


@pytest.mark.parametrize(
    ("model", "workflow", "verdict"),
    [
        (mc.Poisson(), mc.Replace(), "holds"),
        (mc.Gamma(0.5), mc.Replace(), "holds"),
        (mc.NegativeBinomial(), mc.Replace(), "holds"),
        (mc.Binomial(2), mc.Replace(), "holds"),
        (mc.NormalMean(), mc.Replace(), "does not hold"),
        (mc.HyperbolicSecant(), mc.Replace(), "does not hold"),
        (mc.Poisson(), mc.Accumulate(), "undetermined"),
        (mc.Gamma(0.1), mc.AccumulateSubsample(), "undetermined"),
        (mc.Poisson(), mc.FreshData(3, 4), "does not hold"),
    ],
    ids=repr,
)
def test_a_variance_in_expectation_is_no_proof_for_typical_runs(model, workflow, verdict):
    """Under replace the mean comes to rest where V = 0, though E V stays or grows."""
    assert diagnose(experiment(model, workflow, samples=5))["variance_collapse"].verdict == verdict


def test_absorbed_loops_are_not_said_to_keep_their_variance():
    """Nine of ten Poisson loops never see a count: their variance is 0 for ever."""
    e = mc.Experiment(mc.Poisson(), mc.Accumulate(), 10, 5, truth=0.01)
    assert mc.predict(e)["absorbed"][-1] > 0.9
    assert mc.predict(e).limits["variance"] == 1
    assert diagnose(mc.simulate(e, 100))["variance_collapse"].verdict == "undetermined"


def test_a_variance_of_zero_that_comes_back_is_no_collapse():
    """With fresh real rows one outcome in all runs is an accident, and a theorem says so."""
    e = mc.Experiment(mc.Discrete(2), mc.FreshData(2, 5), 300, 60, truth=[0.999, 0.001])
    found = diagnose(mc.simulate(e, 3))["variance_collapse"]
    assert (found.verdict, found.basis) == ("does not hold", "theorem")
    e = mc.Experiment(mc.Discrete(2), mc.AccumulateSubsample(2), 5, 60, truth=[0.99, 0.01])
    found = diagnose({"variance": [[0.1, 0.0]] * 3}, experiment=e)["variance_collapse"]
    assert found.verdict == "undetermined"


def test_sizes_that_are_not_those_of_the_trajectories_are_refused():
    """Two truths are not one law of risk against samples; nor are sizes made up."""
    one = mc.Experiment(mc.KDE(0.5), mc.Accumulate(), 100, 4)
    wide = mc.Experiment(mc.KDE(0.5), mc.Accumulate(), 1000, 4, truth=mc.Normal(0.0, 9.0))
    with pytest.raises(mc.InvalidInput, match="truth = "):
        diagnose(one, scaling={100: one, 1000: wide})
    with pytest.raises(mc.InvalidInput, match="given for 7 samples has 100 in batch 1"):
        diagnose(one, scaling={7: one, 1000: wide})


def test_a_size_of_which_nothing_is_known_is_compared():
    """Plain numbers beside trajectories of an experiment: there is nothing that could differ."""
    known = mc.simulate(gaussian(mc.Replace()), 30)
    size = int(known.experiment.sizes[0])
    plain = {name: np.asarray(known[name]) / 4 for name in ("squared_error", "variance")}

    found = diagnose(known, scaling={size: known, 4 * size: plain})["scaling_law"]
    assert found.metric == "squared_error"


def test_a_share_of_what_is_no_variance_is_no_bar():
    """Logarithms are below 0, and a share of them is above."""
    rising = np.tile([-1.0, -0.9, -0.8], (60, 1))
    found = mc.diagnose({"log_variance": rising}, variance="log_variance", vanished=0.5)
    assert found["variance_collapse"].verdict == "undetermined"
    assert "is not above 0" in found["variance_collapse"].reason


@pytest.mark.parametrize("factor", [0.1, 0.3, 0.7])
def test_rounding_is_no_change_of_the_exponent(factor):
    """The same ratios at both sizes."""
    risk = np.tile([1.0, 2.0, 3.0], (60, 1))
    scaling = {100: {"risk": risk}, 1000: {"risk": factor * risk}}
    found = mc.diagnose({"risk": risk}, scaling=scaling)["scaling_law"]
    assert found.verdict != "holds"
    assert mc.diagnose({"risk": risk}, scaling=scaling, margin=0.1)["scaling_law"].verdict == (
        "does not hold"
    )
