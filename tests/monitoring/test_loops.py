"""False alarms and power on loops whose fate theory knows.

A Gaussian is fitted to its own samples. With all data kept its variance stays, and its loss; with
the data replaced the variance of n rows is multiplied by chi2_{n-1}/n at each generation, and tends
to 0. Counts are held against exact binomial bounds that a correct monitor passes but for 1e-9.
"""

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats

import modelcollapse as mc

RANGE = (0.0, 5.0)
GRID = np.linspace(-9, 9, 6001)
TRUTH = scipy.stats.norm.pdf(GRID) * (GRID[1] - GRID[0])
LEVEL = 1e-9


class Watched:
    """A monitor's stop rule as a metric, which notes what the truth is of each model."""

    def __init__(self, monitor, held_out):
        self.stop = monitor.stop_rule(lambda model: -model.score_samples(held_out))
        self.truths = []

    def __call__(self, model, generation):
        """Return whether to stop."""
        losses = np.clip(-model.score_samples(GRID[:, None]), *RANGE)
        self.truths.append(float(TRUTH @ losses))
        return self.stop(model, generation)


def watch(workflow, sizes, margin, seed, *, rows, alpha, fresh=False):
    """Return the monitor of one loop, and the clipped loss of each generation under the truth."""
    monitor = mc.Monitor("loss", margin=margin, range=RANGE, fresh=fresh, alpha=alpha)
    held_out = np.random.default_rng([seed, 1]).standard_normal((rows, 1))
    watched = Watched(monitor, held_out)
    truth = mc.Normal(0, 1)
    run = mc.run(
        mc.Gaussian(), truth, workflow, sizes, len(sizes), seed, metrics={"alarm": watched}
    )
    assert run["alarm"].tolist() == [
        monitor.status.alarmed_at is not None and t >= monitor.status.alarmed_at
        for t in range(1, len(sizes) + 1)
    ]
    return monitor, np.array(watched.truths)


def false_alarm(monitor, truths, margin):
    """Return whether it alarmed while every generation was within the margin."""
    until = monitor.status.alarmed_at
    return until is not None and bool((truths[:until] <= truths[0] + margin).all())


@pytest.mark.parametrize(("margin", "loops"), [(0.0, 60), (0.2, 30)])
def test_false_alarms_where_all_data_are_kept(margin, loops, collapse_seed):
    """At most alpha: with no margin models err on both sides of it; with 0.2 all are within."""
    alpha, within, alarms = 0.1, 0, 0
    for i in range(loops):
        seed = collapse_seed + i
        monitor, truths = watch(mc.Accumulate(), [50] * 50, margin, seed, rows=100, alpha=alpha)
        within += bool((truths <= truths[0] + margin).all())
        alarms += false_alarm(monitor, truths, margin)

    assert scipy.stats.binom.sf(alarms - 1, loops, alpha) > LEVEL
    assert within > 0
    if margin:
        assert within >= loops - 1


def still_spread(size, generations, bound):
    """Return a bound of the probability that the variance is above `bound`, by Chernoff.

    E (chi2_{n-1}/n)^s = (2/n)^s Gamma((n-1)/2 + s)/Gamma((n-1)/2) at each generation.
    """
    half = (size - 1) / 2
    s = np.linspace(0.01, 3, 300)
    moment = s * math.log(2 / size) + scipy.special.gammaln(half + s) - scipy.special.gammaln(half)
    return float(np.exp((generations * moment - s * math.log(bound)).min()))


def test_power_where_the_data_are_replaced(collapse_seed):
    """As often as is proved.

    Unless one of these events happens, there is an alarm:
    - v_T > e^-12 after 60 generations of 5 rows, from v_1 <= 2;
    - the first fit, of 50 rows, has v_1 outside [1/2, 2] or |m_1| > 1/2;
    - of 2000 held-out rows fewer than 1250 are in [-1, 1], or more than 50 are as near to m_T as
      0.012, where alone the loss at T is below 5, as 2 v (5 - log(2 pi v)/2) < 0.012^2.
    Else loss_1 <= log(4 pi)/2 + 1.5^2 < 3.52 on 1250 rows, where so D >= 1.48 but on 50, and D >= 0
    but on 50: with bets of 1/8 the wealth of each is multiplied by 1 + (D - 0.2)/5.2/8.
    """
    size, generations, loops, rows, margin, alpha = 5, 60, 25, 2000, 0.2, 0.05
    v = math.exp(-12)
    assert 2 * v * (5 - math.log(2 * math.pi * v) / 2) < 0.012**2
    gains = [math.log1p((d - margin) / (5 + margin) / 8) for d in (1.48, 0.0, -5.0)]
    log_e = 1200 * gains[0] + 750 * gains[1] + 50 * gains[2] - math.log(13)
    k = generations
    assert log_e - math.log(k * (k + 1)) > -math.log(alpha)  # an alarm at T at the latest
    scaled = scipy.stats.chi2(49)
    miss = (
        still_spread(size, generations, v / 2)
        + scaled.cdf(25)
        + scaled.sf(100)
        + 2 * scipy.stats.norm.sf(0.5 * math.sqrt(50))
        + scipy.stats.binom.cdf(1249, rows, 1 - 2 * scipy.stats.norm.sf(1))
        + scipy.stats.binom.sf(50, rows, 0.024 * scipy.stats.norm.pdf(0))
    )
    assert miss < 0.1
    alarms = 0
    for i in range(loops):
        sizes = [50] + [size] * generations
        monitor, _ = watch(mc.Replace(), sizes, margin, collapse_seed + i, rows=rows, alpha=alpha)
        alarms += monitor.alarmed

    assert scipy.stats.binom.cdf(alarms, loops, 1 - miss) > LEVEL


@pytest.mark.parametrize("fresh", [True, False])
def test_false_alarms_at_the_margin(fresh, collapse_seed):
    """Fifty generations whose expectation is just the margin: the hardest that is no collapse.

    Losses are coins, of the same 100 rows or of new ones; each generation has a third of the rows
    by its own turn, so that generations share some of their rows' luck.
    """
    alpha, loops, alarms = 0.2, 150, 0
    for i in range(loops):
        rng = np.random.default_rng([collapse_seed, i])
        monitor = mc.Monitor("loss", margin=0.0, range=(0, 1), fresh=fresh, alpha=alpha)
        held_out = rng.random(100)
        if not fresh:
            monitor.update(0, losses=(held_out < 0.3).astype(float))
        for t in range(1, 51):
            x = rng.random(100) if fresh else held_out
            turned = ((x + rng.random()) % 1 < 0.3).astype(float)
            extra = {"reference": (x < 0.3).astype(float)} if fresh else {}
            if monitor.update(t, losses=turned, **extra).alarmed:
                alarms += 1
                break

    assert scipy.stats.binom.sf(alarms - 1, loops, alpha) > LEVEL


def test_tails_that_are_lost(collapse_seed):
    """Rows of kind "rows" in a loop that loses its tails; stopped by its monitor."""

    def far(rows):
        return (np.abs(rows[:, 0]) > 1).astype(float)

    rng = np.random.default_rng(collapse_seed)
    monitor = mc.Monitor("rows", margin=0.1, range=(0, 1), fresh=True, statistic=far)
    first = mc.Gaussian().fit(rng.standard_normal((200, 1)))
    stop = monitor.stop_rule(
        lambda model: (model.sample(300, random_state=rng), first.sample(300, random_state=rng))
    )
    model, t = first, 1
    while not stop(model, t):
        model = mc.Gaussian().fit(model.sample(5, random_state=rng))
        t += 1
        assert t < 500  # by then v < 1e-60 but for a chance below 1e-9

    assert still_spread(5, 499, 1e-6) < LEVEL
    assert monitor.status.alarmed_at == t
