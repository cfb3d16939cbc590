"""Every number in a diagnosis's sentences is one that the data have."""

import math
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.diagnosis import diagnose

N = r"([+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|inf)\b)"
BAR = rf"(that of generation 1|{N} times that of generation 1|{N})"
PLAIN = (
    *("a limit of 0 is", "a variance that is 0", "has not reached 0", "is not above 0"),
    "FACTOR of generation 1's risk",
)
COLUMNS = {
    "catastrophic_risk": "loss",
    "any_risk": "loss",
    "variance_collapse": "variance",
    "tail_loss": "tail",
}


class Told:
    """The numbers of one column, recomputed; the sentences of a finding are held against them."""

    def __init__(self, values, sign, alpha, bounds):
        self.values, self.sign, self.alpha, self.bounds = values, sign, alpha, bounds
        self.runs, self.later = values.shape[0], values.shape[1] - 1

    def bar(self, text):
        """Return the bar that a text names, for each run."""
        first = self.values[:, :1]
        factor = re.fullmatch(rf"{N} times that of generation 1", text)
        if factor:
            return float(factor[1]) * first
        return first if text == "that of generation 1" else np.full_like(first, float(text))

    def worse(self, side, text):
        """Return how many runs are on that side of the bar, at each later generation."""
        gaps = self.values[:, 1:] - self.bar(text)
        return (gaps > 0 if side == "above" else gaps < 0).sum(axis=0)

    def counted(self, side, text, at_most, count, runs, t):
        """Check "above that of generation 1 in 3 of 40 runs at generation 2"."""
        worse = self.worse(side, text)
        assert side == ("above" if self.sign > 0 else "below")
        assert bool(at_most) == (t is None)
        assert int(count) == (worse.max() if t is None else worse[int(t) - 2])
        assert int(runs) == self.runs

    def middle(self, value, t):
        """Check "median 3 at generation 2"."""
        column = np.sort(self.values[:, int(t) - 1])
        assert value == f"{column[(self.runs - 1) // 2]:.5g}"

    def mean(self, value, text, t):
        """Check "mean difference +3 to 5 at generation 2"."""
        gaps = (self.values[:, 1:] - self.bar(text)).mean(axis=0)
        assert float(value) == pytest.approx(gaps[int(t) - 2], rel=1e-4, abs=1e-12)

    def mean_is(self, side, text, t):
        """Check "its mean is above 5 at generation 2", or at every later one."""
        gaps = (self.values[:, 1:] - self.bar(text)).mean(axis=0)
        chosen = gaps if t is None else gaps[int(t) - 2]
        assert (chosen > 0 if side == "above" else chosen < 0).all()

    def reach(self, factor=1.0, level=None):
        """Return the bounds of the differences that Hoeffding's inequality is about."""
        if self.bounds is None:
            return None
        a, b = sorted(self.sign * end for end in self.bounds)
        if level is not None:
            return [end - self.sign * level for end in (a, b)]
        return [a - factor * b, b - factor * a]

    def became_infinite(self, t, count, runs):
        """Check "infinite at generation 2 in 3 of 40 runs"."""
        new = np.isinf(self.values[:, 1:]).sum(axis=0)
        assert new[: int(t) - 2].sum() == 0 < int(count) == new[int(t) - 2]
        assert int(runs) == self.runs

    def level(self):
        """Return what the last generation has of alpha."""
        return Fraction(self.alpha) * (1 if self.later == 1 else Fraction(2, 3))

    def least(self, number, reach):
        """Check the fewest runs by which a rise is told: of a sign test, or a bet's."""
        n = int(number)
        if reach is None:
            assert Fraction(1, 2) ** n <= self.level() < Fraction(1, 2) ** (n - 1)
        else:
            assert wealth(n, reach) >= 1 / self.level() > wealth(n - 1, reach)

    def passed(self, factor):
        """Check that so large a factor is passed in as many runs as a sign test needs."""
        ratios = self.values[:, -1] / self.values[:, 0]
        count = int((ratios >= float(factor) * (1 - 1e-3)).sum())
        tail = sum(math.comb(self.runs, k) for k in range(count, self.runs + 1))
        assert Fraction(tail, 2**self.runs) <= self.level()

    def moved(self, value, steps):
        """Check "loss moves by +3 on average in 4 steps"."""
        assert int(steps) == self.later
        mean = (self.values[:, -1] - self.values[:, 0]).mean()
        assert float(value) == pytest.approx(mean, rel=1e-4, abs=1e-12)


def wealth(n, reach):
    """Return the mean wealth after n differences of the largest size, in rationals."""
    low, high = map(Fraction, reach)
    shares = [Fraction(15, 16), Fraction(3, 4), *(Fraction(1, 2**j) for j in range(1, 12))]
    return sum((1 + f * high / -low) ** n for f in shares) / len(shares)


def _stated(*_):
    """Leave a number unchecked: another sentence of the finding has it too."""


def check(told, finding, reach):
    """Check each number of a finding's sentences, and that there is no other number in them."""
    n = told.runs
    rules = [
        (
            rf"at generation (\d+) it is (above|below) {BAR} in (\d+) of (\d+) runs?\b",
            lambda t, side, bar, _f, _l, k, runs: told.counted(side, bar, "", k, runs, t),
        ),
        (
            rf"at every later generation it is (above|below) {BAR} in at most (\d+) of (\d+) runs?",
            lambda side, bar, _f, _l, k, runs: told.counted(side, bar, "most", k, runs, None),
        ),
        (
            rf"(above|below) {BAR} in (\d+) of (\d+) runs? at generation (\d+)",
            lambda side, bar, _f, _l, k, runs, t: told.counted(side, bar, "", k, runs, t),
        ),
        (r"infinite at generation (\d+) in (\d+) of (\d+) runs?\b", told.became_infinite),
        (r"becomes infinite at generation \d+", _stated),
        (
            rf"mean difference {N} to {BAR} at generation (\d+)",
            lambda value, bar, _f, _l, t: told.mean(value, bar, t),
        ),
        (
            rf"its mean is (above|below) {BAR} at (?:generation (\d+)|every later generation)",
            lambda side, bar, _f, _l, t: told.mean_is(side, bar, t),
        ),
        (rf"its mean is not shown to be above or below {BAR}", _stated),
        (rf"{N} at generation (\d+)", told.middle),
        (
            rf"differences in \[{N}, {N}\]",
            lambda a, b: _same([float(a), float(b)], pytest.approx(reach, rel=1e-4)),
        ),
        (rf"moves by {N} on average in (\d+) steps?", told.moved),
        (rf"independent runs: five or more, at least {N} for", lambda k: told.least(k, reach)),
        (rf"it holds from alpha = {N} on", lambda p: _same(p, f"{finding.p_value:.2g}")),
        (rf"it would with {N} runs like these", lambda k: _more(k, n)),
        (rf"it holds for each FACTOR below {N}", told.passed),
        (rf"{N} to tell that it holds", lambda k: _more(k, n)),
        (rf"{N} to tell that it does not", lambda k: _more(k, n)),
        (r"at generation \d+", _stated),
    ]
    for text in (finding.statistic, finding.reason, finding.threshold, finding.needed):
        assert not re.search(r"\b1 runs|\b(?!1 )\d+ run\b", text), text
        for phrase in PLAIN:
            text = text.replace(phrase, "")  # noqa: PLW2901
        for pattern, rule in rules:
            for match in re.finditer(pattern, text):
                rule(*match.groups())
            text = re.sub(pattern, "", text)  # noqa: PLW2901
        assert not re.search(r"\d", text), text


def _same(a, b):
    assert a == b


def _more(needed, runs):
    assert int(needed) > runs


def consistent(told, finding):
    """Check the words that say how a count compares with one half, and why it is open."""
    found = re.search(r"in (?:at most )?(\d+) of (\d+) runs?", finding.reason)
    if not found:
        return
    k, n = map(int, found.groups())
    level = Fraction(told.alpha)
    few = Fraction(1, 2) ** n > (told.level() if 2 * k >= n else level)
    assert ("more than half of all" in finding.reason) == (finding.verdict == "holds")
    assert ("less than half of all" in finding.reason) == (finding.verdict == "does not hold")
    assert ("too few" in finding.reason) == (finding.verdict == "undetermined" and few)
    assert ("too near" in finding.reason) == (finding.verdict == "undetermined" and not few)
    assert 2 * k > n or finding.verdict != "holds"
    assert 2 * k < n or finding.verdict != "does not hold"
    if finding.verdict == "undetermined" and few:
        assert "at least" in finding.needed


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from([1, 2, 7, 20, 29, 30, 31, 40, 64, 1200]),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]),
    st.sampled_from([1, -1]),
    st.sampled_from([{}, {"catastrophe": 1.25}, {"ceiling": 1.4}, {"ceiling": 0.7}]),
    st.sampled_from([None, (0.0, 5.0)]),
    st.sampled_from([None, 0.75]),
    st.sampled_from([1e-9, 1e-2]),
    st.booleans(),
    st.integers(0, 10**6),
)
def test_every_number_is_one_of_the_data(
    runs, later, share, sign, options, bounds, vanished, alpha, infinite, seed
):
    """Parsed, recomputed from the values and compared; what is not accounted for is no digit."""
    rng = np.random.default_rng(seed)
    first = 1 + np.arange(runs)[:, None] / (4 * runs)
    steps = np.where(rng.random((runs, later)) < share, 1.5, rng.choice([0.5, 1.0]))
    values = np.column_stack([first, first * steps])
    if sign < 0:
        values = values[:, :1] ** 2 / values  # a column that falls where the other one rises
    elif infinite and bounds is None:
        values[:, -1] = np.where(rng.random(runs) < 0.3, np.inf, values[:, -1])
    name = "loss" if sign > 0 else "-loss"
    data = {"loss": values, "variance": values, "tail": values}
    found = diagnose(
        data,
        risk=name,
        tail=name.replace("loss", "tail"),
        vanished=vanished,
        bounds=bounds,
        alpha=alpha,
        **options,
    )
    for definition, column in COLUMNS.items():
        if definition == "variance_collapse":
            if np.isinf(values).any():
                continue
            assert found[definition].effect.worse == (values[:, -1] < values[:, 0]).sum()
            last = np.column_stack([values[:, 0], values[:, -1]])
            told = Told(last, -1, alpha, None)  # the last generation alone is looked at
            text = found[definition].statistic.replace(f"at generation {later + 1}", "generation 2")
            if runs > 1:
                bar = (
                    "that of generation 1"
                    if vanished is None
                    else "0.75 times that of generation 1"
                )
                count = (last[:, 1] < (vanished or 1) * last[:, 0]).sum()
                said = f"below {bar} in {count} of {runs} runs"
                assert text.startswith(said if vanished else "log variance moves by ")
            if vanished is not None:
                consistent(told, found[definition])
            continue
        told = Told(values, sign, alpha, None if column == "tail" else bounds)
        catastrophic = definition == "catastrophic_risk"
        level = options.get("ceiling") if catastrophic else None
        factor = options.get("catastrophe", 1.0) if catastrophic else 1.0
        check(told, found[definition], told.reach(factor, level))
        consistent(told, found[definition])


@pytest.mark.parametrize("sign", [1, -1])
def test_a_level_is_the_columns_own(sign):
    """An accuracy that falls from 0.9 to 0.6 is below 0.7, and not below 0.5; a loss is above."""
    column = "accuracy" if sign < 0 else "inaccuracy"
    name = f"-{column}" if sign < 0 else column
    accuracy = np.tile([0.9, 0.6], (64, 1)) if sign < 0 else np.tile([0.1, 0.4], (64, 1))
    for bounds in (None, (0.0, 1.0)):
        runs = accuracy if bounds is None else np.tile(accuracy, (100, 1))
        near, far = (0.7, 0.5) if sign < 0 else (0.3, 0.5)
        side = "below" if sign < 0 else "above"
        said = diagnose({column: runs}, risk=name, ceiling=near, bounds=bounds)
        assert said["catastrophic_risk"].verdict == "holds"
        assert f"{side} {near}" in said["catastrophic_risk"].reason
        open_ = diagnose({column: runs}, risk=name, ceiling=far, bounds=bounds)
        assert open_["catastrophic_risk"].verdict == "does not hold"


def test_a_multiple_of_what_falls_is_no_threshold():
    """A risk of -accuracy is below 0."""
    falls = {"accuracy": np.tile([0.9, 0.3], (64, 1))}
    found = diagnose(falls, risk="-accuracy", catastrophe=2)["catastrophic_risk"]
    assert found.verdict == "undetermined"
    assert "not above 0" in found.reason


def test_runs_that_all_rise_and_too_few_of_them():
    """Of 40 runs all 40 rise; of 20 all 20 do, and no 20 runs would be enough at 1e-9."""
    for runs, word in [(40, "holds"), (20, "undetermined")]:
        rising = np.tile([1.0, 2.0], (runs, 1))
        found = diagnose({"loss": rising}, test="sign", alpha=1e-9)["any_risk"]
        assert found.verdict == word
        assert found.statistic.startswith(
            f"above that of generation 1 in {runs} of {runs} runs at generation 2"
        )
        assert f"in {runs} of {runs} runs" in found.reason
        assert ("too few to be told from one half" in found.reason) == (runs == 20)
        assert "too near" not in found.reason
    assert found.needed == (
        "more runs; it holds from alpha = 9.5e-07 on; it would with 30 runs like these; at this "
        "alpha it takes at least 30 to tell that it holds, 30 to tell that it does not"
    )


def test_the_number_of_runs_that_a_bounded_mean_needs():
    """It is the bet's, not the sign test's, with differences in [-1, 1]."""
    rising = np.tile([0.1, 0.9], (4, 1))
    found = diagnose({"loss": rising}, bounds=(0, 1), alpha=1e-9)["any_risk"]
    needed = next(n for n in range(1, 100) if wealth(n, (-1, 1)) >= 10**9)
    assert f"at least {needed} to tell that it holds, {needed} to" in found.needed
    alike = int(re.search(rf"it would with {N} runs like these", found.needed)[1])
    assert (
        diagnose({"loss": rising[:1].repeat(alike, 0)}, bounds=(0, 1), alpha=1e-9)[
            "any_risk"
        ].verdict
        == "holds"
    )
    assert (
        diagnose({"loss": rising[:1].repeat(alike - 1, 0)}, bounds=(0, 1), alpha=1e-9)[
            "any_risk"
        ].verdict
        == "undetermined"
    )


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([1, 2, 31, 40, 63]),
    st.integers(1, 3),
    st.sampled_from([0.0, 0.25]),
    st.integers(0, 10**6),
)
def test_the_exponents_change_is_that_of_the_pairs(runs, later, margin, seed):
    """The median lies between the two in the middle, at the generation where it is largest."""
    rng = np.random.default_rng(seed)
    small, large = (np.exp(rng.normal(size=(runs, later + 1))) for _ in range(2))
    sizes = {10: {"loss": small}, 1000: {"loss": large}}
    found = diagnose(sizes[10], scaling=sizes, margin=margin, alpha=1e-9)["scaling_law"]
    change = -np.diff([np.log(x / x[:, :1])[:, 1:] for x in (small, large)], axis=0)[0] / math.log(
        100
    )
    ordered = np.sort(change, axis=0)
    low, high = ordered[(runs - 1) // 2], ordered[runs // 2]
    said = re.fullmatch(
        rf"the exponent changes by {N} \((one|median of {N}) pairs? of runs\) at generation (\d+), "
        r"between 10 and 1000 samples",
        found.statistic,
    )
    t = int(said[4]) - 2
    assert low[t] - 1e-4 * abs(low[t]) <= float(said[1]) <= high[t] + 1e-4 * abs(high[t])
    assert np.abs(high[t]) >= max(np.minimum(np.abs(low), np.abs(high)))
    assert (said[2] == "one") == (runs == 1)
    assert runs == 1 or said[3] == str(runs)
    assert ("or a margin above 0" in found.needed) == (runs > 1 and margin == 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_share_of_samples_moves_as_it_is_said(tmp_path, sign):
    """By the move in the run where it rises least, of the share that is worse."""
    good = np.array([[90, 60, 20], [90, 70, 10]])
    lines = [f"{seed},{t + 1},{good[seed, t] / 100},100" for seed in range(2) for t in range(3)]
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(["seed,generation,grammatical,sampled", *lines]) + "\n")
    role = {"hallucinated": "-grammatical"} if sign < 0 else {"tail": "grammatical"}
    found = diagnose(path, **role)["hallucination" if sign < 0 else "tail_loss"]
    worse = "not " if sign < 0 else ""
    move = (1, "+0.7") if sign < 0 else (0, "-0.3")
    assert found.statistic == (
        f"the share of samples that are {worse}grammatical moves by {move[1]} to generation "
        f"{move[0] + 2} in the run where it rises least; median 0.9 at generation 1, 0.1 at "
        "generation 3"
    )


@pytest.mark.parametrize("T", [2, 7])
def test_exact_expectations_are_said_once_each(T):
    """The first, the largest and the last, which may be one."""
    loop = mc.Experiment(mc.Gaussian(), mc.Replace(), 10, T)
    curve = mc.predict(loop)["squared_error"]
    found = diagnose(loop)["any_risk"]
    said = re.findall(rf"{N} at generation (\d+)", found.statistic)
    assert said == [(f"{curve[t - 1]:.5g}", str(t)) for t in dict.fromkeys((1, 2, T))]
    assert found.reason == "its exact expectation is above that of generation 1 at generation 2"
