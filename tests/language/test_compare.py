"""Comparisons of two models on the same rows: the bound's formula, its sign and its power."""

import math

import numpy as np
import pytest

from modelcollapse._support.errors import InvalidInput
from modelcollapse.evidence import frequency
from modelcollapse.language.compare import Pair, compare, compare_workflows
from modelcollapse.language.results import Results
from tests.helpers.language_folders import generation, losses, real_batch, run_folder, small_run

ALPHA = 1e-9


def maurer_pontil(differences, width, d):
    """Return the radius of Theorem 4, one-sided with probability of error d."""
    n, log = len(differences), math.log(2 / d)
    mean = sum(differences) / n
    variance = sum((x - mean) ** 2 for x in differences) / (n - 1)
    return math.sqrt(2 * variance * log / n) + 7 * width * log / (3 * (n - 1))


def two(seed, n=500):
    """Return the losses of two models that agree on most of each row."""
    rng = np.random.default_rng(seed)
    shared = rng.exponential(20.0, n)
    return shared + rng.exponential(1.0, n), shared + rng.exponential(1.0, n)


def test_radius_is_the_papers(seed):
    """The radius is Theorem 4's at d = 2 alpha/3, between one side and the union of two."""
    a, b = two(seed)
    found = compare(a, b, 2.0, ALPHA)
    differences = np.clip(a - b, -2, 2)
    radius = found.high - found.mean
    assert found.mean == pytest.approx(differences.mean())
    assert found.mean - found.low == pytest.approx(radius, rel=1e-9)
    assert radius == pytest.approx(maurer_pontil(differences, 4, 2 * ALPHA / 3), rel=1e-9)
    one_side = maurer_pontil(differences, 4, ALPHA)
    assert one_side < radius < maurer_pontil(differences, 4, ALPHA / 2)


def test_known_case():
    """Two rows' worth of numbers by hand: differences 1 and 0 alternate."""
    n = 10_000
    found = compare([3.0, 2.0] * (n // 2), [2.0] * n, 4.0, 0.03)
    log = math.log(100)
    radius = math.sqrt(2 * log / (4 * (n - 1))) + 7 * 8 * log / (3 * (n - 1))
    assert (found.mean, found.rows, found.clip, found.alpha) == (0.5, n, 4.0, 0.03)
    assert found.low == pytest.approx(0.5 - radius)
    assert found.high == pytest.approx(0.5 + radius)
    assert found.verdict == "first worse"


def test_differences_are_clipped():
    """Differences count up to the clip, infinite ones too, and two infinite losses are equal."""
    found = compare([1.0, 50.0, math.inf, 3.0], [2.0, 10.0, math.inf, math.inf], 5.0)
    assert found.mean == pytest.approx((-1 + 5 + 0 - 5) / 4)
    assert found.clipped == 2
    assert compare([4.0, 9.0], [4.0, 4.0], 5.0).clipped == 0


def test_interval_stays_within_the_bounds():
    """No expected difference is beyond the clip."""
    found = compare([1.0, 2.0], [2.0, 0.0], 3.0)
    assert (found.low, found.high) == (-3.0, 3.0)


def test_swapping_flips_signs(seed):
    """The other way round the interval and the verdict are mirrored."""
    a, b = two(seed, 3000)
    there, back = compare(a + 20, b, 90.0), compare(b, a + 20, 90.0)
    assert back.mean == -there.mean
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))
    assert (there.verdict, back.verdict) == ("first worse", "second worse")


def test_order_of_rows_does_not_matter(seed):
    """Rows are exchangeable, as pairs."""
    a, b = two(seed)
    order = np.random.default_rng(seed).permutation(len(a))
    there, shuffled = compare(a, b, 90.0), compare(a[order], b[order], 90.0)
    assert shuffled.mean == pytest.approx(there.mean)
    assert shuffled.low == pytest.approx(there.low)


def test_identical_models_are_undecided(seed):
    """A model is not worse than itself."""
    a, _ = two(seed)
    found = compare(a, a, 60.0)
    assert (found.mean, found.verdict) == (0.0, "undecided")
    assert found.high == -found.low > 0


def test_power(seed):
    """A shift larger than twice the radius is decided, either way."""
    a, b = two(seed, 3000)
    small = np.minimum(a, 30), np.minimum(b, 30)
    found = compare(*small, 100.0)
    shift = 2.01 * (found.high - found.mean) + abs(found.mean)
    assert compare(small[0] + shift, small[1], 100.0).verdict == "first worse"
    assert compare(small[0], small[1] + shift, 100.0).verdict == "second worse"


def test_coverage(seed):
    """The interval misses the truth no more often than alpha allows."""
    rng, alpha, runs, miss = np.random.default_rng(seed), 0.2, 2000, 0
    for _ in range(runs):
        a = (rng.random(500) < 0.02).astype(float)  # a rare loss: what the last term is for
        found = compare(a, np.zeros(500), 1.0, alpha)
        miss += not found.low <= 0.02 <= found.high
    assert not frequency(miss, runs, alpha, side="above").rejected


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
        compare(first, second, clip, alpha)


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
    expected = compare(losses("mine", 3, 3), losses("replace", 3, 3))
    assert pairs[-1].comparison == expected


def test_workflows_with_given_clip(tmp_path):
    """Clip and level are the caller's where they are given."""
    results = Results.read(small_run(tmp_path / "run"))
    (pair,) = compare_workflows(results, clip=12.0, alpha=0.5)
    expected = compare(losses("accumulate", 0, 3), losses("replace", 0, 3), 12.0, 0.5)
    assert pair.comparison == expected


def test_pair_is_a_line(tmp_path):
    """A pair says what was compared, by how much, and what follows."""
    comparison = compare([9.0] * 1000, [1.0] * 1000, 10.0, 0.01)
    pair = Pair(seed=4, generation=3, first="replace", second="mine", comparison=comparison)
    radius = 14 * 10 * math.log(300) / (3 * 999)
    assert str(pair) == (
        "seed 4, generation 3: replace less mine: 8.000 nats per row; 8.000 with each row clipped "
        f"to 10 (0 of 1000 are), within {8 - radius:.3f} to {min(10, 8 + radius):.3f} but for "
        "probability 0.01: replace is worse"
    )
    (undecided,) = compare_workflows(Results.read(small_run(tmp_path / "run")))
    assert str(undecided).endswith(f": undecided on {undecided.comparison.rows} held-out rows")
    back = compare([1.0] * 1000, [9.0] * 1000, 10.0, 0.01)
    turned = Pair(seed=4, generation=3, first="replace", second="mine", comparison=back)
    assert str(turned).endswith(": mine is worse")
    endless = Pair(
        seed=4,
        generation=3,
        first="replace",
        second="mine",
        comparison=compare([math.inf, 1.0], [1.0, 1.0], 10.0, 0.01),
    )
    assert ": inf nats per row; 5.000 with each row clipped to 10 (1 of 2 are)" in str(endless)
    assert str(endless).endswith(": undecided on 2 held-out rows")


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
