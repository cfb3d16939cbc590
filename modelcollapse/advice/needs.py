"""The least that is enough for a wanted quality, found by bisection on the exact errors.

All of these errors fall as the number grows. With f fresh rows pooled q_t = u^2 q_{t-1} + 1/(f + s)
and u = s/(f + s); at best weights J_t = f + 1/(1/J_{t-1} + 1/s). If all rows accumulate, by
induction, with S sampled rows so far, N' = t - 1 and u_t = 1 - f/N_t: the slope of
q_t = u_t^2 q_{t-1} + n_t/N_t^2 is at most u_t^2 times the last one plus
[n + S - 2 (N_t - f)(n + S) q_{t-1}]/N_t^3, which is below 0, as no mean of N_{t-1} <= N_t - f rows
has an error below 1/N_{t-1}. With more kept weight u^2 falls, and with larger random subsets the
noise of each and so the variance of the pool.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from modelcollapse._support.checks import LARGEST_BATCH
from modelcollapse.advice.plans import accumulated, best_information, chained, subsampled
from modelcollapse.advice.question import Question
from modelcollapse.mixed import fresh_effective_samples, optimal_weight, smallest_share
from modelcollapse.solver.chains import solve_kept

SLACK = 1 + 1e-12  # a number that reaches the wanted one up to rounding is enough


class Need(NamedTuple):
    """The least that is enough.

    Attributes
    ----------
    name
        What is to be given: fresh-pooled, fresh-weighted, fresh-accumulated (fresh real rows in
        each generation), kept-weight, or budget (training rows of random subsets).
    words
        The same in words.
    value
        The least for the last generation; None if nothing is enough.
    long_run
        The least for the limit; None if nothing is enough or it is not known.
    """

    name: str
    words: str
    value: float | None
    long_run: float | None


def needs(q: Question) -> list[Need]:
    """Return what each way to the wanted quality needs, in the order of the table."""
    most = LARGEST_BATCH - int(q.synthetic.max(initial=1))
    rows = "fresh real rows in each generation,"
    ways: tuple[tuple[str, str, Callable[[int], float]], ...] = (
        ("fresh-pooled", f"{rows} pooled with the sampled ones", lambda f: chained(q, f)[-1]),
        (
            "fresh-weighted",
            f"{rows} at their best weights",
            lambda f: q.real / best_information(q, f)[-1],
        ),
        (
            "fresh-accumulated",
            f"{rows} if all rows so far are kept",
            lambda f: chained(q, f, pool=True)[-1],
        ),
    )
    found = [
        Need(name, words, _rows(q, error, most), later)
        for (name, words, error), later in zip(ways, _in_the_long_run(q, most), strict=True)
    ]
    words = "as the weight of the first real rows beside the last batch"
    found.append(Need("kept-weight", words, _weight(q), _settled_weight(q)))
    words = "training rows of each model, a random part of all rows so far"
    return [*found, Need("budget", words, _budget(q), None)]


def smallest(enough: Callable[[int], bool], least: int, most: int) -> int | None:
    """Return the least whole number that is enough, where any larger one is too."""
    if least > most or not enough(most):
        return None
    low, high = least - 1, least  # the one below is not enough, or not allowed
    while not enough(high):
        low, high = high, min(2 * max(high, 1), most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _rows(q: Question, error: Callable[[int], float], most: int) -> int | None:
    return smallest(lambda f: bool(error(f) <= q.at_most * SLACK), 0, most)


def _in_the_long_run(q: Question, most: int) -> Iterator[int | None]:
    """Yield the fresh rows with which the limit has the quality."""
    n, s = q.real, q.steady
    if s is None:
        yield from (None, None, None)
        return
    for error in (
        lambda f: n / float(fresh_effective_samples(f, s)),
        lambda f: n * float(optimal_weight(f, s)) / f,
    ):
        yield smallest(lambda f, error=error: error(f) <= q.at_most * SLACK, 1, most)  # type: ignore[misc]
    yield 0 if accumulated(n, s) <= q.at_most * SLACK else 1


def _weight(q: Question) -> float | None:
    """Return the least kept weight: 0 is replace, 1 the real rows alone."""
    if q.at_most < 1:
        return None
    sizes = np.array(q.sizes)

    def enough(weight: float) -> bool:
        return bool(q.real * solve_kept(weight, sizes, 0.0).errors[-1] <= q.at_most * SLACK)

    low, high = 0.0, 1.0
    if enough(low):
        return 0.0
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _settled_weight(q: Question) -> float | None:
    if q.at_most < 1 or q.steady is None:
        return None
    return float(smallest_share(q.at_most, q.real, q.steady, "keep-real"))


def _budget(q: Question) -> int | None:
    sizes, pools = q.sizes, np.cumsum(q.sizes).tolist()
    whole = replace(q, budget=None)

    def enough(k: int) -> bool:
        counts = [min(k, N) for N in pools]
        return bool(subsampled(whole, counts)[-1] <= q.at_most * SLACK)

    return smallest(enough, 1, sum(sizes))
