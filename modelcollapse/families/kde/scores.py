"""What a simulation measures of its fits: test losses, integrated squared errors, draws."""

from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.kde import scoring
from modelcollapse.families.kde.frequencies import squared_norm
from modelcollapse.families.kde.kernel import GAUSSIAN
from modelcollapse.families.kde.plan import RANGES, TABLES, Choice, Plan
from modelcollapse.families.kde.scoring.state import Sums

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelcollapse.families.kde.estimator import KDE

FEW = 2**16  # pairs of a fit, below which many replicates are scored in one call


def losses(
    plan: Plan, scored: Floats, choice: Choice, pools: Floats, tests: Floats, out: Floats
) -> None:
    """Fill minus the mean log-density of the test rows, (replicates, recorded).

    `tests` has shape (m, d), or (replicates, m, d).
    """
    e = plan.experiment
    shared = tests.ndim == 2
    if e.model.kernel is not GAUSSIAN or not plan.scored_by_number:
        for r, column, model in _fitted(plan, choice, pools):
            own = tests if shared else tests[r]
            out[r, column] = -model.score_samples(own).mean()
        return
    size = int(e.sizes[0]) * tests.shape[-2]
    if e.schedule.pool and size > FEW // 4:
        for r, pool in enumerate(pools):
            out[r] = _pooled(plan, scored, pool, tests if shared else tests[r])
        return
    for column, t in enumerate((plan.recorded - 1).tolist()):
        rows, weights = _training(choice, pools, t)
        if rows is not None and size <= FEW:
            points = np.broadcast_to(tests, (len(pools), *tests.shape[-2:]))
            out[:, column] = scoring.mean_log_losses(
                points, rows, scored[t], plan.tolerance, weights
            )
            continue
        for r, pool in enumerate(pools):
            own, train = tests if shared else tests[r], choice.rows(pool, r, t)
            weights = choice.weights(r, t)
            logs = scoring.log_densities(
                own, train, scored[t], weights=weights, tolerance=plan.tolerance
            )
            out[r, column] = -logs.mean()


def _pooled(plan: Plan, scored: Floats, pool: Floats, points: Floats) -> Floats:
    """Return the losses of one replicate under accumulate, each batch being added once."""
    used = scored[plan.recorded - 1]
    if np.ptp(used) == 0:
        return _streamed(plan, float(used[0]), pool, points)
    state = scoring.Accumulating(points, tolerance=plan.tolerance, smallest=float(used.min()))
    result = np.empty(len(used))
    for column, batch in enumerate(_recorded_batches(plan, pool)):
        state.add(batch)
        result[column] = -state.log_densities(float(used[column])).mean()
    return result


def _streamed(plan: Plan, h: float, pool: Floats, points: Floats) -> Floats:
    """Do the same with one bandwidth: the sums of earlier batches stay."""
    state, count = Sums(np.ascontiguousarray(points), h, plan.tolerance), 0
    result, none = np.empty(len(plan.recorded)), np.empty(0)
    for column, batch in enumerate(_recorded_batches(plan, pool)):
        state.add(batch, none)
        count += len(batch)
        result[column] = -state.log_densities(float(count)).mean()
    return result


def _recorded_batches(plan: Plan, pool: Floats) -> "Iterator[Floats]":
    """Yield the rows that came since the last recorded generation."""
    start = 0
    for stop in np.cumsum(plan.experiment.sizes)[plan.recorded - 1].tolist():
        yield pool[start:stop]
        start = stop


def _training(choice: Choice, pools: Floats, t: int) -> tuple[Floats | None, Floats | None]:
    """Return the training rows of all replicates, (replicates, k, d), and their weights.

    None where replicates have training sets of different sizes or weights.
    """
    if choice.kind == RANGES:
        first, count = int(choice.firsts[t]), int(choice.counts[0, t])
        return pools[:, first : first + count], None
    if choice.kind == TABLES and len(choice.tables) > 1:
        return None, None
    count = int(choice.counts[0, t])
    where = np.arange(len(pools))[:, None]
    return pools[where, choice.tables[:, t, :count]], choice.weights(0, t)


def _fitted(plan: Plan, choice: Choice, pools: Floats) -> "Iterator[tuple[int, int, KDE]]":
    """Yield (replicate, column, fitted estimator): for kernels and rules without a short cut."""
    from modelcollapse.families.kde.estimator import KDE

    own = plan.experiment.model
    model = KDE(own.bandwidth, own.kernel, own.dim, own.scoring_bandwidth)
    for r, pool in enumerate(pools):
        for column, t in enumerate((plan.recorded - 1).tolist()):
            rows, weights = choice.rows(pool, r, t), choice.weights(r, t)
            yield r, column, model.fit(rows, None, weights, t + 1)


def squared_errors(plan: Plan, scored: Floats, choice: Choice, pools: Floats, out: Floats) -> None:
    """Fill the integrated squared error of each fit, (replicates, recorded)."""
    norm = squared_norm(plan.experiment.truth)
    for column, t in enumerate((plan.recorded - 1).tolist()):
        h = float(scored[t])
        rows, weights = _training(choice, pools, t)
        if rows is None:
            for r, pool in enumerate(pools):
                train, own = choice.rows(pool, r, t), choice.weights(r, t)
                out[r, column] = _squared_error(plan, train[None], own, h, norm)[0]
            continue
        out[:, column] = _squared_error(plan, rows, weights, h, norm)


def _squared_error(
    plan: Plan, rows: Floats, weights: Floats | None, h: float, norm: float
) -> Floats:
    """Return int p^2 - 2 int p p_0 + int p_0^2 for rows (replicates, k, d)."""
    own = np.full(rows.shape[1], 1 / rows.shape[1]) if weights is None else weights
    cross = smoothed_truth(plan, rows, h) @ own
    return scoring.pair_densities(rows, h, weights) - 2 * cross + norm


def smoothed_truth(plan: Plan, x: Floats, h: float) -> Floats:
    """Return the truth's density, convolved with the kernel, at x (..., d)."""
    total = np.zeros(x.shape[:-1])
    d = x.shape[-1]
    parts = zip(*plan.experiment.truth.components, strict=True)
    for weight, mean, covariance in parts:
        factor = np.linalg.cholesky(covariance + h * h * np.eye(d))
        z = (x - mean) @ np.linalg.inv(factor).T
        square = np.einsum("...i,...i->...", z, z)
        peak = weight * (2 * np.pi) ** (-d / 2) / np.prod(np.diag(factor))
        with np.errstate(under="ignore"):
            total += peak * np.exp(-square / 2)
    return total


def draws(
    plan: Plan,
    scored: Floats,
    choice: Choice,
    pools: Floats,
    streams: dict[int, np.random.Generator],
    out: Floats,
) -> None:
    """Fill one row sampled from each fit at its scored bandwidth, (replicates, recorded, d).

    Each generation has a stream of its own, so that others can be recorded or not.
    """
    model = plan.experiment.model
    if not plan.scored_by_number:
        for r, column, fitted in _fitted(plan, choice, pools):
            fitted.bandwidth_, fitted._factor_ = fitted.scoring_bandwidth_, fitted._scoring_factor_
            out[r, column] = fitted.sample(1, streams[int(plan.recorded[column])])[0]
        return
    every = np.arange(len(pools))
    for column, t in enumerate((plan.recorded - 1).tolist()):
        rng = streams[t + 1]
        noise = model.kernel.noise(len(pools), model.dim, rng)
        u = rng.random(len(pools))
        parents = np.array([_parent(choice, r, t, u[r]) for r in every.tolist()])
        out[:, column] = pools[every, parents] + scored[t] * noise


def _parent(choice: Choice, replicate: int, t: int, u: float) -> int:
    """Return the training row that a uniform number picks."""
    count = int(choice.counts[min(replicate, len(choice.counts) - 1), t])
    weights = choice.weights(replicate, t)
    i = int(u * count) if weights is None else int(np.cumsum(weights).searchsorted(u, "right"))
    if choice.kind == RANGES:
        return int(choice.firsts[t]) + i
    return int(choice.tables[min(replicate, len(choice.tables) - 1), t, min(i, count - 1)])
