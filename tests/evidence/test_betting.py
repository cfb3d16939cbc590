"""The wealth of the players, in rationals: martingales, false alarms and bounds are exact."""

import itertools
import math
from fractions import Fraction as Q

import numpy as np
import pytest
import scipy.stats

import modelcollapse as mc
from modelcollapse.evidence import betting

PLAYERS = [Q(15, 16), Q(3, 4), *(Q(1, 2**j) for j in range(1, 12))]
# Laws of a difference in [-1, 1], as values and probabilities.
FAIR = {-1: Q(1, 4), 0: Q(1, 2), 1: Q(1, 4)}
ABOVE = {-1: Q(1, 4), 0: Q(1, 8), 1: Q(5, 8)}  # its mean is 3/8
LAWS = [(FAIR, Q(0)), (ABOVE, Q(3, 8))]


def wealth(share, differences, margin):
    """Return the wealth of one player, row by row."""
    return math.prod((1 + share * (d - margin) / (1 + margin) for d in differences), start=Q(1))


def evidence(generations, margin, *, fresh):
    """Return the e-value by its definition: of all players, and of all starts where rows are new.

    Parameters
    ----------
    generations
        The differences of each comparison.
    margin
        A rational number.
    fresh
        Whether the rows are new at each.
    """
    k, total = len(generations), Q(0)
    for s in range(1, k + 1):
        own = generations[s - 1 :] if fresh else generations[s - 1 : s]
        rows = list(itertools.chain(*own))
        mean = sum(wealth(share, rows, margin) for share in PLAYERS) / len(PLAYERS)
        total += Q(1, s * (s + 1)) * mean
    return total + (Q(1, k + 1) if fresh else 0)


def monitored(generations, margin, *, alpha=0.05):
    """Return the monitor that has seen such differences of fresh rows."""
    monitor = mc.Monitor("loss", margin=float(margin), range=(0, 1), fresh=True, alpha=alpha)
    for t, differences in enumerate(generations, 1):
        d = np.array(differences)
        monitor.update(t, losses=(d > 0).astype(float), reference=(d < 0).astype(float))
    return monitor


def paths(law, length):
    """Return all sequences of independent differences, with their probabilities."""
    for path in itertools.product(law, repeat=length):
        yield path, math.prod((law[d] for d in path), start=Q(1))


@pytest.mark.parametrize(("law", "margin"), LAWS)
def test_the_wealth_with_fresh_rows_is_a_martingale_at_the_margin(law, margin):
    """From every past, the expectation after two more rows is what it was: exactly."""
    for past, _ in paths(law, 4):
        before = [past[:2], past[2:]]
        expected = sum(
            p * evidence([*before, rows], margin, fresh=True) for rows, p in paths(law, 2)
        )
        assert expected == evidence(before, margin, fresh=True)
    assert sum(p * evidence([rows], margin, fresh=True) for rows, p in paths(law, 2)) == 1


@pytest.mark.parametrize(("law", "margin"), LAWS)
def test_the_evidence_on_the_same_rows_has_the_expectation_of_its_weights(law, margin):
    """1 - 1/(k + 1) at the margin, however the generations depend on each other."""
    again = lambda rows: [rows, rows, rows[::-1]]  # noqa: E731 - the same rows, in any order
    for k in (1, 2, 3):
        expected = sum(
            p * evidence(again(rows)[:k], margin, fresh=False) for rows, p in paths(law, 3)
        )
        assert expected == 1 - Q(1, k + 1)


@pytest.mark.parametrize(("law", "margin"), LAWS)
def test_below_the_margin_the_expectation_falls(law, margin):
    """The null hypothesis holds more than the boundary."""
    expected = sum(p * evidence([rows], margin + Q(1, 8), fresh=True) for rows, p in paths(law, 3))

    assert expected < 1


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("margin", [Q(0), Q(3, 8)])
def test_the_monitor_is_the_definition(fresh, margin):
    """On all paths of three comparisons with two rows; the same rows with one first generation."""
    for path, _ in paths(FAIR, 6):
        generations = [path[:2], path[2:4], path[4:]]
        both = any({-1, 1} <= {g[i] for g in generations} for i in range(2))
        if both and not fresh:  # the first loss of a row is 0 or 1
            continue
        monitor = mc.Monitor("loss", margin=float(margin), range=(0, 1), fresh=fresh)
        first = [float(any(g[i] < 0 for g in generations)) for i in range(2)]
        if not fresh:
            monitor.update(1, losses=first)
        for t, g in enumerate(generations, 2):
            base = [float(d < 0) for d in g] if fresh else first
            losses = [b + d for b, d in zip(base, g, strict=True)]
            found = monitor.update(t, losses=losses, **({"reference": base} if fresh else {}))
            wanted = evidence(generations[: t - 1], margin, fresh=fresh)
            assert found.e_value == pytest.approx(float(wanted), rel=1e-12)


def test_false_alarms_on_fresh_rows_are_exactly_counted():
    """Over all data of four updates with four fair rows: at most alpha, and not never."""
    n, alpha, ever = 4, 0.8, 0.0
    for ones in itertools.product(range(n + 1), repeat=4):
        monitor = mc.Monitor("loss", margin=0.0, range=(0, 1), fresh=True, alpha=alpha)
        for t, k in enumerate(ones):
            up = np.arange(n) < k
            monitor.update(t, losses=up.astype(float), reference=(~up).astype(float))
        if monitor.alarmed:
            ever += math.prod(scipy.stats.binom.pmf(k, n, 0.5) for k in ones)

    assert 0.1 < ever <= alpha


def test_false_alarms_on_the_same_rows_are_exactly_counted():
    """Over all data of twelve fair rows that serve fifty generations; products would not do."""
    n, alpha = 12, 0.3
    ever, product = 0.0, 0.0
    for k in range(n + 1):
        up = np.arange(n) < k
        monitor = mc.Monitor("loss", margin=0.0, range=(0, 1), fresh=False, alpha=alpha)
        monitor.update(0, losses=np.zeros(n) + ~up)
        for t in range(1, 51):
            monitor.update(t, losses=up.astype(float))
        chance = scipy.stats.binom.pmf(k, n, 0.5)
        ever += chance * monitor.alarmed
        one = betting.log_wealths(np.where(up, 1.0, -1.0), 1.0, 0.0)
        product += chance * any(betting.log_mean(t * one) >= -math.log(alpha) for t in range(1, 51))

    assert 0 < ever <= alpha < product


def test_a_loop_that_reacts_to_the_monitor_gains_nothing():
    """Fresh rows: a law that the past's evidence chooses, all of them fair; counted exactly."""
    alpha = 0.8

    def ever(past):
        monitor = monitored(past, 0, alpha=alpha) if past else None
        if monitor is not None and monitor.alarmed:
            return 1.0
        if len(past) == 3:
            return 0.0
        high = monitor is not None and monitor.status.e_value > 1
        law = {-1: Q(1, 2), 1: Q(1, 2)} if high else FAIR
        return sum(float(p) * ever([*past, rows]) for rows, p in paths(law, 2))

    assert 0 < ever([]) <= alpha


@pytest.mark.parametrize("n", [1, 7, 128, 129, 3000])
def test_wealths_are_their_products(n):
    """Blocks, of which the last is shorter, are added up; nothing underflows."""
    d = np.random.default_rng(n).uniform(-2, 2, n)
    for margin in (0.0, 0.7, -1.9):
        wanted = [np.log1p(f * (d - margin) / (2 + margin)).sum() for f in betting.FRACTIONS]
        assert np.allclose(betting.log_wealths(d, 2.0, margin), wanted, rtol=1e-12, atol=1e-9)
    assert np.isfinite(betting.log_wealths(np.full(n, -2.0), 2.0, 0.0)).all()


@pytest.mark.parametrize("level", [1.0, 7.0, 40.0])
@pytest.mark.parametrize("centre", [-0.9, 0.0, 0.4, 1.0])
def test_the_bound_is_where_the_evidence_ends(level, centre):
    """On the safe side of it, by less than 2e-6 of the width; evidence falls with the margin."""
    rng = np.random.default_rng(5)
    for n in (1, 10, 1000):
        d = np.clip(centre + 0.3 * rng.standard_normal(n), -1, 1)
        found = betting.lower_bound(d, 1.0, level)
        at = lambda m, d=d: betting.log_mean(betting.log_wealths(d, 1.0, m))  # noqa: E731

        assert -1 <= found <= d.mean()
        assert at(max(found, betting.FINEST - 1) + 2e-6) < level
        if found > -1:
            assert at(found) >= level
        values = [at(m) for m in np.linspace(-0.99, 1, 50)]
        assert values == sorted(values, reverse=True)


def test_no_bound_where_nothing_is_seen():
    """All differences at the lower end say nothing of a larger mean."""
    assert betting.lower_bound(np.full(100, -2.0), 2.0, 3.0) == -2.0


@pytest.mark.parametrize("rows", [2, 100, 5000])
def test_a_bound_takes_few_passes_over_the_rows(rows, monkeypatch):
    """At most what halving alone in every fourth turn would take; mostly ten."""
    passes, wealths = [], betting.log_wealths
    monkeypatch.setattr(betting, "log_wealths", lambda *a: passes.append(1) or wealths(*a))
    rng, halvings = np.random.default_rng(rows), math.ceil(math.log2(2 / betting.FINEST))
    found = []
    for centre, level in itertools.product((-0.8, 0.0, 0.3), (3.0, 20.0)):
        betting.lower_bound(np.clip(centre + 0.2 * rng.standard_normal(rows), -1, 1), 1.0, level)
        found.append(len(passes))
        passes.clear()

    assert max(found) <= 5 * halvings
    assert np.mean(found) < halvings
