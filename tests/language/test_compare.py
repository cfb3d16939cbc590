"""Comparisons of two models on the same rows, and of workflows across seeds: sizes and tests."""

import math
from fractions import Fraction

import numpy as np
import pytest
import scipy.stats

from modelcollapse._support.errors import InvalidInput
from modelcollapse.evidence import frequency
from modelcollapse.evidence.symmetry import directions
from modelcollapse.language.compare import (
    Pair,
    compare,
    compare_across_seeds,
    compare_workflows,
)
from modelcollapse.language.results import Results
from tests.helpers.language_folders import (
    HELD_OUT,
    TOKENS,
    generation,
    losses,
    parquet,
    real_batch,
    run_folder,
    small_run,
)

ALPHA = 1e-9


def wealth(differences, bound, margin):
    """Return the mean wealth of bets on a mean above the margin, in rationals."""
    shares = [Fraction(15, 16), Fraction(3, 4), *(Fraction(1, 2**j) for j in range(1, 12))]
    bets = [(Fraction(d) - Fraction(margin)) / (bound + Fraction(margin)) for d in differences]
    return sum(math.prod(1 + f * bet for bet in bets) for f in shares) / len(shares)


def two(seed, n=500):
    """Return the losses of two models that agree on most of each row."""
    rng = np.random.default_rng(seed)
    shared = rng.exponential(20.0, n)
    return shared + rng.exponential(1.0, n), shared + rng.exponential(1.0, n)


def test_interval_is_a_bet():
    """At its lower end the wealth is 4 over alpha, and a little above that it is less."""
    a, b = two(1, 60)
    found = compare(a, b, clip=2.0, alpha=0.1)
    differences = np.clip(a - b, -2, 2)
    assert found.mean == pytest.approx(differences.mean())
    for end, sign in [(found.low, 1), (-found.high, -1)]:
        assert wealth(sign * differences, 2, end) >= 40
        assert wealth(sign * differences, 2, end + 1e-5) < 40


def test_rows_count_by_their_tokens():
    """A difference is per token of its row before it is clipped; the sign test has no clip."""
    tokens = np.array([10, 2, 4, 5])
    found = compare([11.0, 5.0, 1.0, 3.0], [1.0, 1.0, 2.0, 3.0], tokens, clip=1.5)
    assert found.mean == pytest.approx((1 + 1.5 - 0.25 + 0) / 4)
    assert (found.clipped, found.unit) == (1, "token")
    assert (found.worse, found.better, found.rows) == (2, 1, 4)
    assert found.difference == pytest.approx((10 + 4 - 1 + 0) / 4)
    assert found.p_value == pytest.approx(1.0)
    with pytest.raises(InvalidInput, match="tokens"):
        compare([1.0, 2.0], [1.0, 2.0], [1, 0])
    with pytest.raises(InvalidInput, match="tokens"):
        compare([1.0, 2.0], [1.0, 2.0], [1, 2, 3])


def test_the_sign_test_is_scipys(seed):
    """Two-sided, of the rows that differ; with its median and interval."""
    a, b = two(seed, 41)
    a[:7] = b[:7]
    found = compare(a, b, alpha=0.05)
    expected = scipy.stats.binomtest(found.worse, found.worse + found.better)
    assert found.worse + found.better == 34
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.median == np.sort(a - b)[20]
    assert found.median_low <= found.median <= found.median_high
    assert found.confidence > 0.95


def test_differences_are_clipped():
    """Differences count up to the clip, infinite ones too, and two infinite losses are equal."""
    found = compare([1.0, 50.0, math.inf, 3.0], [2.0, 10.0, math.inf, math.inf], clip=5.0)
    assert found.mean == pytest.approx((-1 + 5 + 0 - 5) / 4)
    assert found.clipped == 2
    assert compare([4.0, 9.0], [4.0, 4.0], clip=5.0).clipped == 0


def test_interval_stays_within_the_bounds():
    """No expected difference is beyond the clip."""
    found = compare([1.0, 2.0], [2.0, 0.0], clip=3.0, alpha=ALPHA)
    assert -3 <= found.low < found.high <= 3


def test_swapping_flips_signs(seed):
    """The other way round the interval and the verdict are mirrored."""
    a, b = two(seed, 300)
    there, back = (compare(*pair, clip=90.0, alpha=ALPHA) for pair in ((a + 20, b), (b, a + 20)))
    assert back.mean == -there.mean
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))
    assert (there.verdict, back.verdict) == ("first worse", "second worse")
    assert (back.worse, back.better, back.p_value) == (there.better, there.worse, there.p_value)


def test_identical_models_are_undecided(seed):
    """A model is not worse than itself."""
    a, _ = two(seed)
    found = compare(a, a)
    assert (found.mean, found.verdict, found.p_value) == (0.0, "undecided", 1.0)
    assert found.high == -found.low > 0


def test_what_a_clip_in_nats_of_a_row_could_not_decide(seed):
    """A hundred rows of 17 tokens, 94 of them worse by 17 nats: decided at 1e-9, by their signs."""
    rng = np.random.default_rng(seed)
    a = rng.normal(100.0, 10.0, 99)
    b = a - np.where(np.arange(99) < 94, 1.0, -1.0) * rng.uniform(10, 24, 99)
    found = compare(a, b, np.full(99, 17), alpha=ALPHA)
    assert (found.worse, found.better, found.verdict) == (94, 5, "first worse")
    assert found.p_value == pytest.approx(scipy.stats.binomtest(94, 99).pvalue)


def test_most_rows_and_the_mean_may_disagree():
    """Most rows get a little worse and some much better: nothing is said."""
    a = np.where(np.arange(1000) < 900, 1.0, 0.0)
    b = np.where(np.arange(1000) < 900, 0.999, 1.0)
    found = compare(a, b)
    assert found.p_value < 1e-9
    assert found.high < 0
    assert found.verdict == "undecided"


def test_false_verdicts(seed):
    """Of alike models one is called worse no more often than alpha allows."""
    rng, alpha, runs = np.random.default_rng(seed), 0.2, 800
    wrong = sum(
        compare(rng.exponential(1.0, 40), rng.exponential(1.0, 40), alpha=alpha).verdict
        != "undecided"
        for _ in range(runs)
    )
    assert not frequency(wrong, runs, alpha, side="above").rejected


@pytest.mark.parametrize(
    ("first", "second", "clip", "alpha", "message"),
    [
        ([1.0, 2.0], [1.0, 2.0, 3.0], 5.0, 0.1, "the same rows"),
        ([1.0, math.nan], [1.0, 2.0], 5.0, 0.1, "first = 'NaN'"),
        ([1.0], [1.0], 5.0, 0.1, "two or more"),
        ([1.0, 2.0], [[1.0], [2.0]], 5.0, 0.1, "second"),
        ([1.0, 2.0], ["x", "y"], 5.0, 0.1, "second"),
        ([1.0, 2.0], [1.0, 2.0], 0.0, 0.1, "clip"),
        ([1.0, 2.0], [1.0, 2.0], math.inf, 0.1, "clip"),
        ([1.0, 2.0], [1.0, 2.0], 5.0, 1.0, "alpha"),
    ],
)
def test_wrong_input(first, second, clip, alpha, message):
    """Each argument is named."""
    with pytest.raises(InvalidInput, match=message):
        compare(first, second, clip=clip, alpha=alpha)


def test_workflows_seed_by_seed(tmp_path):
    """All pairs, in the last generation that all workflows of the seed have finished."""
    names = ("accumulate", "mine", "replace")
    folder = small_run(tmp_path / "run", seeds=(0, 3), workflows=names)
    generation(folder, "mine", 3, 4)
    generation(folder, "replace", 0, 4, hopeless="sampling is hopeless")
    pairs = compare_workflows(Results.read(folder))
    named = [("accumulate", "mine"), ("accumulate", "replace"), ("mine", "replace")]
    assert [(p.seed, p.first, p.second) for p in pairs] == [(s, *n) for s in (0, 3) for n in named]
    assert {p.generation for p in pairs} == {3}
    expected = compare(losses("mine", 3, 3), losses("replace", 3, 3), TOKENS)
    assert pairs[-1].comparison == expected


def test_workflows_with_given_clip(tmp_path):
    """Clip and level are the caller's where they are given."""
    results = Results.read(small_run(tmp_path / "run"))
    (pair,) = compare_workflows(results, clip=12.0, alpha=0.5)
    expected = compare(losses("accumulate", 0, 3), losses("replace", 0, 3), TOKENS, 12.0, 0.5)
    assert pair.comparison == expected


def test_pair_is_a_line(tmp_path):
    """A pair says what was compared, by how much, and what follows."""
    comparison = compare([9.0] * 50, [1.0] * 50, [10] * 50, 2.0, 0.01)
    pair = Pair(seed=4, generation=3, first="replace", second="mine", comparison=comparison)
    assert str(pair) == (
        "seed 4, generation 3: replace less mine: 8.000 nats per row, worse on 50 and better on 0 "
        f"of 50 held-out rows (p = {2 * 0.5**50:.2g}); mean 0.8000 nats per token (within "
        f"{comparison.low:.4f} to {comparison.high:.4f} at 99.5 %), clipped to 2 on 0 rows: "
        "replace is worse"
    )
    (undecided,) = compare_workflows(Results.read(small_run(tmp_path / "run")), alpha=ALPHA)
    assert str(undecided).endswith(": undecided")
    back = compare([1.0] * 50, [9.0] * 50)
    turned = Pair(seed=4, generation=3, first="replace", second="mine", comparison=back)
    assert str(turned).endswith(": mine is worse")
    endless = Pair(
        seed=4,
        generation=3,
        first="replace",
        second="mine",
        comparison=compare([math.inf, 1.0], [1.0, 1.0], clip=10.0, alpha=0.01),
    )
    assert ": inf nats per row, worse on 1 and better on 0 of 2 held-out rows" in str(endless)
    assert str(endless).endswith(": undecided")


def shifted(path, gaps):
    """Write a run where "worse" has that much more nats per token than "plain", seed by seed."""
    folder = run_folder(path)
    for seed, own in enumerate(gaps):
        real_batch(folder, seed)
        generation(folder, "real", seed, 1)
        for t, gap in enumerate(own, start=2):
            for workflow in ("plain", "worse"):
                nats = losses("both", seed, t) + TOKENS * gap * (workflow == "worse")
                place = generation(folder, workflow, seed, t)
                parquet(place / "held_out.parquet", {"nats": nats, "tokens": TOKENS})
    return Results.read(folder)


def test_workflows_across_seeds(tmp_path):
    """With three seeds by the steps of their differences, which begin at 0 in generation 1."""
    gaps = np.array([[0.1, 0.2, 0.3], [0.05, 0.2, 0.25], [0.1, 0.15, 0.3]])
    (found,) = compare_across_seeds(shifted(tmp_path / "run", gaps))
    assert (found.first, found.second) == ("plain", "worse")
    expected = np.column_stack([np.zeros(3), -gaps])
    np.testing.assert_allclose(found.differences, expected, atol=1e-12)
    assert (found.seeds, found.generations) == ((0, 1, 2), (1, 2, 3, 4))
    assert (found.test, found.unit) == ("steps", "token")
    assert found.p_value == pytest.approx(2 * 0.5**9)
    assert found.p_value == pytest.approx(2 * min(directions(np.diff(expected, axis=1))))
    assert found.verdict == "second worse"
    assert found.effect.middle == pytest.approx(-0.3)
    assert str(found) == (
        "across 3 seeds, generation 4: plain less worse: median -0.3000 nats per token (75 % "
        "interval -0.3000 to -0.2500), above 0 in 0 of 3; p = 0.0039 by the steps, if the "
        "workflows are alike: worse is worse"
    )


def test_many_seeds_decide_by_their_signs(tmp_path):
    """Six of six, two-sided: 2^-5; five of six decide nothing."""
    gaps = np.array([[0.1], [0.2], [0.1], [0.3], [0.2], [0.1]])
    (found,) = compare_across_seeds(shifted(tmp_path / "all", gaps))
    assert (found.test, found.p_value) == ("signs of seeds", pytest.approx(0.5**5))
    assert found.verdict == "second worse"
    gaps[0] = -0.2
    (found,) = compare_across_seeds(shifted(tmp_path / "most", gaps))
    assert found.p_value == pytest.approx(2 * 7 / 64)
    assert found.verdict == "undecided"


def test_seeds_that_are_not_enough(tmp_path):
    """One seed is no statement, nor is the shared generation."""
    assert not compare_across_seeds(shifted(tmp_path / "one", [[0.1, 0.2]]))
    folder = small_run(tmp_path / "run", seeds=(0, 1), generations=1)
    assert not compare_across_seeds(Results.read(folder))


def test_runs_without_numbers_of_tokens(tmp_path):
    """Their rows count as one each."""
    folder = small_run(tmp_path / "run")
    for workflow in ("accumulate", "replace"):
        place = folder / "seed-0" / workflow / "generation-003"
        parquet(place / "held_out.parquet", {"nats": losses(workflow, 0, 3)})
    results = Results.read(folder)
    assert results.tokens("replace", 0, 3) is None
    assert len(results.tokens("replace", 0, 2)) == HELD_OUT
    (pair,) = compare_workflows(results)
    assert pair.comparison == compare(losses("accumulate", 0, 3), losses("replace", 0, 3))
    assert pair.comparison.unit == "row"


def test_workflows_that_are_elsewhere(tmp_path):
    """A workflow that a seed does not have is left out there, and one alone has no pair."""
    folder = run_folder(tmp_path / "run")
    for seed in (0, 1):
        real_batch(folder, seed)
        generation(folder, "one", seed, 1)
    generation(folder, "two", 0, 1)
    assert [p.seed for p in compare_workflows(Results.read(folder))] == [0]


def test_shared_generation_is_undecided(tmp_path):
    """Where only the shared generation is common there is one model, and nothing to decide."""
    folder = small_run(tmp_path / "run", workflows=("replace",))
    generation(folder, "accumulate", 1, 2)
    real_batch(folder, 1)
    generation(folder, "real", 1, 1)
    pairs = compare_workflows(Results.read(folder))
    assert {p.generation for p in pairs} == {1}
    assert {p.comparison.verdict for p in pairs} == {"undecided"}
    assert {p.comparison.mean for p in pairs} == {0.0}
