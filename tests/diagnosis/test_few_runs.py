"""Diagnoses of 3 to 30 runs: power, false alarms, intervals, plans, and runs that died.

Rates are counted over many sets of runs and held against an exact binomial bound, which a correct
test passes but with probability 1e-9, under any seed.
"""

import math

import numpy as np
import polars as pl
import pytest
import scipy.stats

import modelcollapse as mc
from modelcollapse import evidence
from modelcollapse.diagnosis import diagnose
from modelcollapse.diagnosis.bars import Bar
from modelcollapse.diagnosis.comparing import betting_test, paired_test, sign_test, steps_test
from tests.helpers.toys import Failing, fail

SEEDS = 5
ALPHA = 0.05


def sets(runs, runs_of_each=SEEDS):
    """Return values of shape (sets, runs of each, generations)."""
    return runs.reshape(-1, runs_of_each, runs.shape[-1])


def replaced(generations, replicates, seed):
    """Return simulated Gaussian loops that replace 100 rows."""
    loop = mc.Experiment(mc.Gaussian(), mc.Replace(), 100, generations)
    return mc.simulate(loop, replicates, seed)


def rose(values):
    """Return whether five runs are said to rise, as the definition does it."""
    return sign_test(values[:, 1:] > values[:, :1], ALPHA).verdict == "holds"


def fell(values):
    """Return whether five runs' variances are shown to fall, as the definition does it.

    Where Hoeffding's bound of the p-value is far below alpha, the p-value is not computed.
    """
    steps = -np.diff(np.log(values), axis=1)
    bound = math.exp(-(max(steps.sum(), 0.0) ** 2) / 2 / (steps**2).sum())
    return bound < ALPHA / 2 or steps_test(-np.log(values), ALPHA).p_value <= ALPHA


def assert_power(rejected, least):
    """Assert that the true rate is above `least`: a lower rate would be told from this count."""
    count, n = int(np.sum(rejected)), len(rejected)
    assert evidence.frequency(count, n, least, side="above").rejected


def assert_level(rejected, alpha=ALPHA):
    """Assert that the count is one that a rate of at most alpha gives."""
    count, n = int(np.sum(rejected)), len(rejected)
    found = evidence.frequency(count, n, alpha, side="above")
    assert found.decidable
    assert not found.rejected


@pytest.mark.parametrize(
    ("generations", "column", "test", "least", "number"),
    [
        (20, "test_log_loss", rose, 0.75, 2000),
        (100, "test_log_loss", rose, 0.9, 1000),
        (100, "variance", fell, 0.9, 12_000),
    ],
)
def test_power_of_five_runs_of_replace(generations, column, test, least, number, seed):
    """At alpha = 0.05: a loss that rises by 20 generations, a variance that falls by 100."""
    runs = sets(replaced(generations, SEEDS * number, seed)[column])
    assert_power([test(one) for one in runs], least)
    definition = "variance_collapse" if column == "variance" else "any_risk"
    for one in runs[:20]:
        found = diagnose({column: one})[definition]
        assert (found.p_value <= ALPHA) == test(one)
        assert (found.verdict == "holds") == (test(one) and column != "variance")


def test_false_alarms_where_every_generation_is_new_real_rows(seed):
    """The generations of such a loop are alike and independent: its loss does not rise."""
    loop = mc.Experiment(mc.Gaussian(), mc.Replace(), 30, 1)
    loss = mc.simulate(loop, 6000 * 10, seed)["test_log_loss"].reshape(-1, 10)
    for runs_of_each in (5, 12):
        assert_level([rose(one) for one in sets(loss[: 6000 // 60 * 60], runs_of_each)])
    pairs = sets(loss[:, :2])
    assert_level([paired_test(one, ALPHA).p_value <= ALPHA for one in pairs])
    assert_level([steps_test(one, ALPHA).p_value <= ALPHA for one in sets(loss)[:600]])


def test_false_alarms_of_steps_that_are_fair(seed):
    """The fitted mean of replaced normal data is a random walk with symmetric steps."""
    loop = mc.Experiment(mc.NormalMean(), mc.Replace(), 20, 12)
    means = sets(mc.simulate(loop, 3 * 2000, seed)["mean"], 3)
    p = np.array([steps_test(one, ALPHA).p_value for one in means])
    for alpha in (0.01, 0.05, 0.3):
        assert_level(p <= alpha, alpha)
    assert_power(p <= 0.3, 0.2)  # the level is used up


def test_false_alarms_of_bets(seed):
    """Fair coins do not rise in the mean; what two outcomes have lost, from 0 to 1/2, does."""
    loop = mc.Experiment(mc.Discrete(2), mc.Replace(), 10, 6, truth=[0.5, 0.5])
    lost = 0.5 - mc.simulate(loop, 40 * 100, seed)["heterozygosity"]
    fair = np.random.default_rng(seed).random((2000, 8, 6)) < 0.5
    assert_level([betting_test(one * 1.0, Bar(), (0, 1), ALPHA).verdict == "holds" for one in fair])
    risen = [betting_test(one, Bar(), (0, 0.5), ALPHA).verdict for one in sets(lost, 40)]
    assert_power([word == "holds" for word in risen], 0.5)


def test_a_bet_by_its_definition():
    """The mean wealth over 13 shares, weighted over the generations; p is one over it."""
    rng = np.random.default_rng(0)
    values = rng.random((4, 3))
    shares = [15 / 16, 3 / 4, *(2.0**-j for j in range(1, 12))]
    gaps = values[:, 1:] - values[:, :1]

    def wealth(column):
        return np.mean([np.prod(1 + f * column) for f in shares])

    found = betting_test(values, Bar(), (0, 1), ALPHA)
    e = wealth(gaps[:, 0]) / 3 + wealth(gaps[:, 1]) * 2 / 3
    assert math.exp(found.log_e) == pytest.approx(e)
    assert found.p_value == pytest.approx(min(1, 1 / e))
    opposite = min(wealth(-gaps[:, j]) for j in range(2))
    assert found.opposite == pytest.approx(min(1, 1 / opposite))


@pytest.mark.parametrize(("runs", "way"), [(2, "steps"), (4, "steps"), (5, "sign"), (30, "sign")])
def test_which_test_is_done_depends_on_numbers_of_runs_alone(runs, way):
    """Four runs that all rise have p = 1/16 at the best; their steps may show more."""
    rising = np.linspace(2.0, 3.0, 7) + np.arange(runs)[:, None]
    found = diagnose({"loss": rising})["any_risk"]
    assert (found.verdict, found.basis) == ("holds", "test")
    assert ("sign test" if way == "sign" else "steps") in found.threshold
    p = 0.5 ** (6 * runs) if way == "steps" else 0.5**runs * 3 / 2
    assert found.p_value == pytest.approx(p)
    assert ("as likely down as up" in found.null) == (way == "steps")


@pytest.mark.parametrize("sign", [1, -1])
def test_tests_that_are_asked_for(sign):
    """Each has its null hypothesis, and its p-value from the same five runs."""
    rng = np.random.default_rng(3)
    values = sign * np.cumsum(rng.normal(0.2, 0.3, (SEEDS, 8)), axis=1)
    name = "loss" if sign > 0 else "-loss"
    found = {
        t: diagnose({"loss": values}, risk=name, test=t)["any_risk"]
        for t in ("sign", "paired", "steps")
    }
    worse = sign * values
    assert found["sign"].p_value == sign_test(worse[:, 1:] > worse[:, :1], ALPHA).p_value
    assert found["paired"].p_value == paired_test(worse, ALPHA).p_value
    assert found["steps"].p_value == steps_test(worse, ALPHA).p_value
    side = "above" if sign > 0 else "below"
    assert f"is loss {side} that of generation 1 in more than half" in found["sign"].null
    assert "loss of a run changes by x as often as by -x" in found["paired"].null
    ways = "down as up" if sign > 0 else "up as down"
    assert f"every step of loss, of every run, is as likely {ways}" in found["steps"].null
    with pytest.raises(mc.InvalidInput, match="unknown test 'sing'; did you mean sign"):
        diagnose({"loss": values}, test="sing")


def test_signs_of_changes_need_most_runs():
    """One run that rises much, and two that fall a little: no rise is told of, nor a fall."""
    one = np.column_stack([2 + 0.3 * np.arange(6), *[2 - 0.02 * np.arange(6)] * 2]).T
    for test in ("auto", "steps", "paired"):
        found = diagnose({"loss": one}, test=test)["any_risk"]
        assert (found.verdict, found.p_value) == ("undetermined", 1.0)
    strange = np.tile([1.0, 0.99], (30, 1))
    strange[:10, 1] = 3.0
    assert diagnose({"loss": strange}, test="paired")["any_risk"].p_value == 1.0


@pytest.mark.parametrize("test", ["paired", "steps"])
def test_a_bar_other_than_generation_1_is_tested_by_signs(test):
    """The signs of changes are about changes from generation 1."""
    rising = 7.0 * np.array([1.0, 1.5, 2.5, 4.8]) + np.arange(6)[:, None] / 10
    found = diagnose({"loss": rising}, catastrophe=4, test=test)["catastrophic_risk"]
    assert found.verdict == "holds"
    assert found.statistic.startswith("above 4 times that of generation 1 in 6 of 6 runs")
    assert f"{test} is for finite values" in found.threshold


def test_a_dead_run_is_as_bad_as_the_bounds_allow():
    """And not worse: half of the runs improve by as much as death can cost the others."""
    first, last = np.full(60, 0.9), np.where(np.arange(60) < 30, 0.8, np.nan)
    frame = pl.DataFrame(
        {
            "seed": np.repeat(np.arange(60), 2),
            "generation": np.tile([1, 2], 60),
            "error": np.column_stack([first, last]).ravel(),
        }
    ).with_columns(pl.col("error").fill_nan(None))
    found = diagnose(frame, risk="error", bounds=(0, 1), ended="worse")["any_risk"]
    assert found.verdict == "undetermined"
    assert "mean difference +0 to" in found.statistic or "mean difference -" in found.statistic


def test_what_is_left_out_is_not_denied():
    """Seven of eight runs explode after the eighth has ended; nothing is said not to hold."""
    loss = np.tile([2.0, 1.9, 1.8, 1.85, 3.0, 5.0], (8, 1)) + np.arange(8)[:, None] / 100
    loss[3, 4:] = np.nan
    frame = pl.DataFrame(
        {
            "seed": np.repeat(np.arange(8), 6),
            "generation": np.tile(np.arange(1, 7), 8),
            "loss": loss.ravel(),
        }
    ).with_columns(pl.col("loss").fill_nan(None))
    found = diagnose(frame)
    assert found["any_risk"].verdict == "undetermined"
    assert "up to generation 4 it does not hold, and 2 later generations left out" in (
        found["any_risk"].reason
    )
    assert "at generation 4, the last that every run has, than" in found.sentence
    assert "so a rise is excluded up to generation 4 at" in found.sentence
    assert diagnose(frame, ended="worse")["any_risk"].verdict == "holds"


def test_the_sentence_names_the_generation_of_its_p_value():
    """Up at generation 2 in all runs, down at the end."""
    loss = np.tile([2.0, 3.0, 1.0], (10, 1))
    found = diagnose({"loss": loss})
    assert found["any_risk"].at == 2
    assert found.sentence.endswith(
        f"; p = {3 * 0.5**10:.2g}, so a rise at generation 2 is shown at alpha = 0.05."
    )


def test_copies_are_noted():
    """Two runs with the same numbers are one."""
    loss = np.array([[1.0, 2.0, 3.0], [1.0, 2.5, 3.0], [1.0, 2.0, 3.0]])
    assert any("runs 0 and 2 have the same values" in n for n in diagnose({"loss": loss}).notes)
    assert not any("same values" in n for n in diagnose({"loss": loss[:2]}).notes)


def test_a_ratio_needs_a_sign_that_stays():
    """From 0.5 to -2 is no ratio."""
    found = diagnose({"loss": np.tile([0.5, -2.0], (5, 1))})["any_risk"].effect
    assert (found.ratio, found.change) == (None, -2.5)


def test_what_overflows_is_no_error():
    """Differences of the largest numbers are taken in their scale."""
    huge = np.array([[-1e308, 1e308, 1.1e308]] * 3)
    found = diagnose({"loss": huge})["any_risk"]
    assert found.p_value == pytest.approx(0.5**6)
    assert found.effect.change == math.inf


def test_a_rise_that_is_small_is_said_to_be_so():
    """Accumulate raises the loss; the diagnosis says by how much."""
    loop = mc.Experiment(mc.Gaussian(), mc.Accumulate(), 100, 30)
    runs = mc.simulate(loop, 2000, 1)
    excess = runs["test_log_loss"] - 0.5 * math.log(2 * math.pi * math.e)
    found = diagnose({"excess": excess})["any_risk"]
    assert found.verdict == "holds"
    assert 1 < found.effect.ratio_low < found.effect.ratio < found.effect.ratio_high < 2
    assert f"median ratio {found.effect.ratio:.3g} (" in diagnose({"excess": excess}).sentence


@pytest.mark.parametrize("n", [2, 5, 6, 17, 100])
@pytest.mark.parametrize("alpha", [1e-9, 0.05])
def test_intervals_are_those_of_order_statistics(n, alpha):
    """The shortest of those at 1 - alpha, or the widest there is, with its confidence."""
    rng = np.random.default_rng(n)
    values = np.exp(rng.normal(size=(n, 2)))
    found = diagnose({"loss": values}, alpha=alpha)["any_risk"].effect
    inside = [scipy.stats.binom.cdf(j - 1, n, 0.5) for j in range(1, n // 2 + 2)]
    k = max(1, sum(tail <= alpha / 2 for tail in inside))
    assert found.confidence == pytest.approx(1 - 2 * inside[k - 1])
    changes = np.sort(values[:, 1] - values[:, 0])
    assert (found.change_low, found.change_high) == (changes[k - 1], changes[-k])
    ratios = np.sort(values[:, 1] / values[:, 0])
    assert (found.ratio_low, found.ratio_high) == (ratios[k - 1], ratios[-k])
    assert found.ratio == ratios[(n - 1) // 2]


@pytest.mark.parametrize("alpha", [0.05, 1e-4])
def test_factors_and_shares_that_would_hold(alpha):
    """The number that is named is where the verdict turns."""
    rng = np.random.default_rng(5)
    loss = np.exp(np.cumsum(rng.normal(0.3, 0.1, (20, 6)), axis=1))
    data = {"loss": loss, "variance": 1 / loss}
    found = diagnose(data, alpha=alpha)
    text = found["catastrophic_risk"].needed
    factor = float(text.split("each FACTOR below ")[1])
    share = float(found["variance_collapse"].needed.split("each SHARE above ")[1].split(";")[0])
    for value, word in [(0.999, "holds"), (1.001, "undetermined")]:
        at = diagnose(data, catastrophe=factor * value, alpha=alpha)["catastrophic_risk"]
        assert at.verdict == word
        at = diagnose(data, vanished=share / value, alpha=alpha)["variance_collapse"]
        assert at.verdict == word


def test_a_plan_is_kept():
    """With as many runs as it says, of which as large a part rises, it holds; with fewer not."""
    values = np.tile([1.0, 2.0], (10, 1))
    values[:2] = values[:2, ::-1]
    found = diagnose({"loss": values})["any_risk"]
    assert found.verdict == "undetermined"
    assert f"it holds from alpha = {found.p_value:.2g} on" in found.needed
    runs = int(found.needed.split("it would with ")[1].split()[0])
    for n, word in [(runs, "holds"), (runs - 1, "undetermined")]:
        more = np.tile([1.0, 2.0], (n, 1))
        more[: n - 8 * n // 10] = [2.0, 1.0]
        assert diagnose({"loss": more})["any_risk"].verdict == word
    assert diagnose({"loss": values}, alpha=found.p_value)["any_risk"].verdict == "holds"


def test_a_run_whose_fit_died_is_an_outcome():
    """It is worse than any that lives, in the count and in the interval."""
    rows = np.random.default_rng(0).normal(size=(40, 1))
    runs = [mc.run(mc.Gaussian(), rows, mc.Replace(), 40, 6, seed) for seed in range(4)]
    dead = [mc.run(Failing("fit", 4, fail), rows, mc.Replace(), 40, 6, seed) for seed in (4, 5)]
    assert not dead[0].completed
    found = diagnose([*runs, *dead], risk="second_moment", test="sign")
    effect = found["any_risk"].effect
    values = np.array([run["second_moment"][[0, -1]] for run in runs])
    assert effect.died == 2
    assert effect.worse == 2 + (values[:, 1] > values[:, 0]).sum()
    assert effect.change_high == math.inf
    assert effect.generations == (1, 6)
    assert "(2 runs died)" in found.sentence
    assert sum("died after generation 3" in note for note in found.notes) == 2
    left = diagnose([*runs, *dead], risk="second_moment", ended="left out")
    assert left["any_risk"].effect.generations == (1, 3)
    falls = diagnose([*runs, *dead], variance="central_variance")["variance_collapse"].effect
    assert falls.ratio_low == 0
    assert falls.last >= 0


def test_runs_of_a_table_end_as_the_user_says():
    """NaN after the last generation may be a death, or a run that is not finished."""
    table = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, np.nan], [1.0, 0.5, 0.4]])
    frame = {
        "seed": np.repeat([0, 1, 2], 3),
        "generation": np.tile([1, 2, 3], 3),
        "loss": table.ravel(),
    }
    rows = pl.DataFrame(frame).with_columns(pl.col("loss").fill_nan(None))
    found = diagnose(rows)
    assert found["any_risk"].effect.generations == (1, 2)
    assert any("ended='worse' counts it as worse" in note for note in found.notes)
    worse = diagnose(rows, ended="worse")
    assert worse["any_risk"].effect.worse == 2
    assert worse["any_risk"].effect.died == 1
    with pytest.raises(mc.InvalidInput, match="unknown ended 'best'"):
        diagnose(rows, ended="best")


def test_the_sentence_is_made_of_the_findings():
    """A count, both medians, the ratio with its interval, and what follows at alpha."""
    loss = np.array([2.0, 2.5, 3.7]) + 0.05 * np.arange(SEEDS)[:, None]
    found = diagnose({"eval_loss": loss, "variance": 1 / loss}, risk="eval_loss")
    first, second = found.sentence[:-1].split("; variance ")
    assert first == (
        "eval_loss is higher at generation 3 than at generation 1 in 5 of 5 runs: median 3.8 after "
        "2.1, median ratio 1.81 (93.75 % interval 1.77 to 1.85); p = 0.047, so a rise is shown at "
        "alpha = 0.05"
    )
    assert second.startswith("is lower at generation 3 than at generation 1 in 5 of 5 runs")
    strict = diagnose({"eval_loss": loss}, risk="eval_loss", alpha=0.01, test="sign").sentence
    assert strict.endswith("p = 0.047, so a rise is not shown at alpha = 0.01.")
    falls = diagnose({"loss": loss[:, ::-1], "variance": 1 / loss}, vanished=0.9).sentence
    assert "p = 0.031, so a rise is excluded at alpha = 0.05; variance" in falls
    assert falls.endswith("p = 0.031, so a fall below that share is shown at alpha = 0.05.")
    one = diagnose({"loss": [1.0, 2.0]}).sentence
    assert one == "loss rose in the one run, from 1 to 2."
    assert diagnose({"other": [1.0, 2.0]}).sentence == (
        "Of no column is it known what it measures: name one."
    )
    theory = diagnose(mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 20)).sentence
    assert theory.startswith("squared_error: expected 0.1 at generation 1")
