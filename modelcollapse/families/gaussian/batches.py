"""Simulation of any other workflow: batches as sufficient statistics, or as plain rows.

A weighting (`modelcollapse.workflows.Weighting`) needs, of each batch, its mean and a factor of
its ddof-0 covariance; merging and fitting put weighted factors and mean differences side by
side and compress them by a QR decomposition, which never squares a condition number and takes
any rank. A workflow that picks rows is run on rows, one replicate after the other.
"""

from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.spread import EPS, ROUNDING, by_rows
from modelcollapse._support.words import many
from modelcollapse.families.gaussian import selected_batches
from modelcollapse.families.gaussian.quantities import ranks
from modelcollapse.families.gaussian.selected import direction
from modelcollapse.loop.selection import Selection

if TYPE_CHECKING:
    from modelcollapse.families.gaussian.quantities import Fits, Recording


def run(plan: "Recording", rng: np.random.Generator, fits: "Fits", count: int) -> None:
    """Draw `count` replicates."""
    from threadpoolctl import threadpool_limits

    # More BLAS threads could change bits; a hot loop may explode.
    with threadpool_limits(1), np.errstate(over="ignore", invalid="ignore"):
        if plan.experiment.schedule.weighted:
            _run_slots(plan, rng, fits, count)
        else:
            for replicate in range(count):
                _run_rows(plan, rng, fits, replicate)


def compress(columns: Floats) -> Floats:
    """Return lower-triangular (..., d, d) factors F with F F' = C C' for C (..., d, c).

    A diagonal entry that may be rounding error of its row is zero: that direction is gone.
    """
    d, c = columns.shape[-2:]
    if c < d:
        columns = np.concatenate([columns, np.zeros((*columns.shape[:-1], d - c))], axis=-1)
    upper: Floats = np.asarray(np.linalg.qr(np.swapaxes(columns, -1, -2), mode="r"))
    diagonal = np.einsum("...ii->...i", upper)
    noise = np.sqrt((upper**2).sum(axis=-2)) * (ROUNDING * d)
    diagonal[np.abs(diagonal) <= noise] = 0.0
    return np.swapaxes(upper, -1, -2)


def summaries(rows: Floats) -> tuple[Floats, Floats]:
    """Return means (..., d) and factors (..., d, d) of the ddof-0 covariances of (..., n, d).

    With n <= d rows the columns from n - 1 on are zero.
    """
    n, d = rows.shape[-2:]
    mean = rows.mean(axis=-2)
    factors = compress(np.swapaxes(rows - mean[..., None, :], -1, -2)) / np.sqrt(n)
    diagonal = np.einsum("...ii->...i", factors)[..., : n - 1]
    for index in np.argwhere((diagonal == 0).any(axis=-1)):
        factors[tuple(index)] = echelon(factors[tuple(index)])
    if n <= d:
        factors[..., n - 1 :] = 0.0
    return mean, factors


def echelon(factor: Floats) -> Floats:
    """Return a factor (d, d) of the same covariance whose columns start ever further down.

    Real rows may be dependent in any of their coordinates; then a zero on the diagonal has
    entries to its right below. Reflections move them to the left.
    """
    factor, start = factor.copy(), 0
    for i, whole in enumerate(np.sqrt((factor**2).sum(axis=1))):
        tail = factor[i, start:].copy()
        length = np.sqrt(tail @ tail)
        if length <= ROUNDING * len(factor) * whole:
            factor[i, start:] = 0.0
            continue
        tail[0] += np.copysign(length, tail[0])
        rest = factor[i:, start:]
        rest -= np.outer(rest @ tail, 2 * tail / (tail @ tail))
        factor[i, start + 1 :] = 0.0
        start += 1
    return factor


def mixed(means: Floats, factors: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return mean and factor of the weighted mixture of k slots.

    means (replicates, k, d), factors (replicates, k, d, d), weights (k,) summing to 1.
    """
    mean = np.einsum("rkd,k->rd", means, weights)
    roots = np.sqrt(weights)
    gaps = (means - mean[:, None]) * roots[:, None]
    inner = np.moveaxis(factors * roots[:, None, None], 1, 2).reshape(*mean.shape, -1)
    return mean, compress(np.concatenate([inner, np.swapaxes(gaps, 1, 2)], axis=2))


def floored(factor: Floats, floor: float) -> Floats:
    """Return lower-triangular factors (..., d, d) of the covariances F F' + floor I."""
    if not floor:
        return factor
    raised = np.broadcast_to(np.sqrt(floor) * np.eye(factor.shape[-1]), factor.shape)
    return compress(np.concatenate([factor, raised], axis=-1))


def batch(rng: np.random.Generator, mean: Floats, factor: Floats, n: int) -> tuple[Floats, Floats]:
    """Return mean and factor (ddof 0) of n rows from N(mean, factor factor')."""
    count, d = mean.shape
    z = rng.standard_normal((count, d))
    A = np.tril(rng.standard_normal((count, d, d)), -1)
    freedom = np.maximum(n - 1 - np.arange(d), 0)
    diagonal = np.where(freedom > 0, np.sqrt(rng.chisquare(np.maximum(freedom, 1), (count, d))), 0)
    A[:, np.arange(d), np.arange(d)] = diagonal
    A[:, :, n - 1 :] = 0.0
    shifted = mean + np.einsum("rij,rj->ri", factor, z) / np.sqrt(n)
    return shifted, factor @ A / np.sqrt(n)


def _sampled(
    plan: "Recording", rng: np.random.Generator, mean: Floats, factor: Floats, n: int
) -> tuple[Floats, Floats]:
    """Return mean and factor (ddof 0) of n rows that are sampled from the fits."""
    e = plan.experiment
    if isinstance(e.sampling, Selection):
        return selected_batches.batch(rng, mean, factor, n, e.sampling, direction(e))
    return batch(rng, mean, np.sqrt(e.temperature) * factor, n)


def _drawn(
    plan: "Recording", rng: np.random.Generator, mean: Floats, factor: Floats, n: int
) -> Floats:
    """Return n rows that are sampled from a fit, one by one."""
    e, noise = plan.experiment, rng.standard_normal((n, plan.dim))
    if isinstance(e.sampling, Selection):
        noise = selected_batches.rows(rng, noise, factor, e.sampling, direction(e))
    return np.asarray(mean + np.sqrt(e.temperature) * noise @ factor.T)


def _real_batch(
    plan: "Recording", rng: np.random.Generator, count: int, n: int
) -> tuple[Floats, Floats]:
    """Return mean and factor (ddof 0) of n real rows."""
    if plan.deviations is None:
        return summaries(plan.real_rows(rng, count, n))
    truth = np.broadcast_to(np.diag(plan.deviations), (count, plan.dim, plan.dim))
    return batch(rng, np.zeros((count, plan.dim)), truth, n)


def _run_slots(plan: "Recording", rng: np.random.Generator, fits: "Fits", count: int) -> None:
    e, schedule, sizes = plan.experiment, plan.experiment.schedule, plan.experiment.sizes
    mean, factor = _real_batch(plan, rng, count, int(sizes[0]))
    means, factors, row_weights = mean[:, None], factor[:, None], np.array([1 / sizes[0]])
    for t in range(e.generations):
        carry, weights = schedule.step(t + 1)
        merged = [
            mixed(means, factors, mix)
            if (mix > 0).sum() > 1
            else (means[:, mix.argmax()], factors[:, mix.argmax()])
            for mix in carry
        ]
        means = np.stack([m for m, _ in merged], axis=1)
        factors = np.stack([f for _, f in merged], axis=1)
        row_weights = carry**2 @ row_weights
        mean, factor = mixed(means, factors, weights)
        factor = factor / np.sqrt(1 - e.model.ddof * (weights**2 @ row_weights))
        factor = floored(factor, e.model.floor)
        _record(plan, fits, slice(None), t, mean, factor)
        if t + 1 < e.generations:
            real, drawn = int(schedule.real[t + 1]), int(schedule.sampled[t + 1])
            new = [_real_batch(plan, rng, count, real)] if real else []
            if drawn:
                new.append(_sampled(plan, rng, mean, factor, drawn))
            means = np.concatenate([means, *(m[:, None] for m, _ in new)], axis=1)
            factors = np.concatenate([factors, *(f[:, None] for _, f in new)], axis=1)
            row_weights = np.append(row_weights, [1 / n for n in (real, drawn) if n])


def _run_rows(plan: "Recording", rng: np.random.Generator, fits: "Fits", replicate: int) -> None:
    e, sizes = plan.experiment, plan.experiment.sizes.tolist()
    pool, choices = plan.real_rows(rng, 1, sizes[0])[0], e.schedule.chosen(rng)
    for t in range(e.generations):
        rows, weights = next(choices)
        if len(rows) < 2:
            raise InvalidInput(
                f"workflow: {e.workflow!r} trains on {many(len(rows), 'row')} at generation "
                f"{t + 1}, and a covariance needs at least 2"
            )
        weights = np.ones(len(rows)) if weights is None else weights
        weights = weights / weights.sum()
        mean = weights @ pool[rows]
        centred = (pool[rows] - mean) * np.sqrt(weights)[:, None]
        divisor = 1 - e.model.ddof * weights @ weights
        factor = floored(compress(centred.T) / np.sqrt(divisor), e.model.floor)
        _record(plan, fits, slice(replicate, replicate + 1), t, mean[None], factor[None])
        if t + 1 < e.generations:
            pool = np.concatenate([pool, _drawn(plan, rng, mean, factor, sizes[t + 1])])


def _record(
    plan: "Recording", fits: "Fits", where: slice, t: int, mean: Floats, factor: Floats
) -> None:
    slot = plan.slots[t]
    if slot < 0:
        return
    diagonal = np.diagonal(factor, axis1=1, axis2=2)
    with np.errstate(divide="ignore"):
        pivots = np.log(diagonal**2)
    if plan.dim == 1:
        fits.mean[where, slot], fits.variance[where, slot] = mean[:, 0], factor[:, 0, 0] ** 2
        return
    rank = int(ranks(plan.experiment, plan.dim)[t])
    volume = pivots.sum(axis=1) if rank == plan.dim else _log_volume(factor, rank)
    trace = (factor**2).sum(axis=(1, 2))
    scalars = np.stack([trace, (mean**2).sum(axis=1), volume], axis=1)
    fits.scalars[where, slot] = scalars
    if fits.factors.size:
        fits.means[where, slot], fits.factors[where, slot] = mean, factor
    if fits.pivots.size:
        fits.pivots[where, slot] = pivots


def _log_volume(factors: Floats, rank: int) -> Floats:
    """Return the log of the product of the `rank` largest eigenvalues of F F'."""
    singular = np.linalg.svd(factors, compute_uv=False)
    for i in np.flatnonzero(singular[:, rank - 1] <= np.sqrt(EPS) * singular[:, 0]):
        # Either a direction is gone, in units of the rows' own, or the rows have others by far.
        lengths = np.sqrt((factors[i] ** 2).sum(axis=1, keepdims=True))
        own = np.linalg.svd(factors[i] / np.where(lengths > 0, lengths, 1.0), compute_uv=False)
        singular[i] = by_rows(factors[i])[0]
        singular[i, own <= ROUNDING * len(own)] = 0.0
    with np.errstate(divide="ignore"):
        return np.asarray(2 * np.log(singular[:, :rank]).sum(axis=1))
