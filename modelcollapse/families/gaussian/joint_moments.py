r"""Joint moments of batches under a deterministic workflow, up to fourth order, exactly.

A slot is a batch, or several merged ones: its mean y_a about mu_0 and its ddof-0 covariance
S_a. The state holds, in units of tr S_0 and (tr S_0)^2,

    mean[a, b]       E y_a.y_b                    square[a, a]   E tr S_a
    four[a, b, c, d] E (y_a.y_b)(y_c.y_d)
    trace[a, b, c]   E (y_a.y_b) tr S_c           inner[a, b, c] E y_a' S_c y_b
    traces[a, b]     E tr S_a tr S_b              products[a, b] E tr S_a S_b

Training, merging and fitting are linear in y and quadratic in S + yy' (`reduced`); sampling
replaces a slot by a batch drawn from the normal with its moments (`sampled`): the noise of the
mean is contracted by Isserlis' theorem, the covariance has Wishart moments. The system is
closed, so the recursion is exact for any d, any truth with finite fourth moments (it enters
through E|x - mu_0|^4 only), any weights, sizes, ddof and temperature. Derived in ``theory/``.
"""

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from modelcollapse._support.checks import Floats

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment
    from modelcollapse.loop.truth import Truth

MOST_NUMBERS = 400  # of a state, whose step is made a matrix


@dataclass(frozen=True)
class Fourth:
    """The fourth-order part of the state; see the module's docstring."""

    four: Floats
    trace: Floats
    inner: Floats
    traces: Floats
    products: Floats


@dataclass(frozen=True)
class SlotMoments:
    """Moments of k slots. `rows` holds sum w^2 over the rows in each slot, shape (k,)."""

    mean: Floats
    square: Floats
    rows: Floats
    fourth: Fourth | None


def real_batch(truth: "Truth", n: int, *, fourth: bool) -> SlotMoments:
    """Return the moments of one batch of n independent rows of the truth."""
    total = truth.spectrum.sum()
    tau = float((truth.spectrum**2).sum() / total**2)
    K = truth.fourth_moment / total**2
    state = SlotMoments(np.full((1, 1), 1 / n), np.full((1, 1), 1 - 1 / n), np.full(1, 1 / n), None)
    if not fourth:
        return state
    same, pairs = n * K, n * (n - 1)
    mean4 = (same + pairs * (1 + 2 * tau)) / n**4
    # Raw second moments M = sum xx'/n first; S = M - yy'.
    trace_mean, inner_mean = (same + pairs) / n**3, (same + pairs * tau) / n**3
    parts = Fourth(
        four=np.full((1, 1, 1, 1), mean4),
        trace=np.full((1, 1, 1), trace_mean - mean4),
        inner=np.full((1, 1, 1), inner_mean - mean4),
        traces=np.full((1, 1), (same + pairs) / n**2 - 2 * trace_mean + mean4),
        products=np.full((1, 1), (same + pairs * tau) / n**2 - 2 * inner_mean + mean4),
    )
    return replace(state, fourth=parts)


def reduced(s: SlotMoments, F: Floats, G: Floats, H: Floats, rows: Floats) -> SlotMoments:
    """Return the moments of y'_c = F_ca y_a and S'_c = G_ca S_a + H_cab y_a y_b'."""
    mean = F @ s.mean @ F.T
    square = np.diag(G @ np.diag(s.square) + np.einsum("cab,ab->c", H, s.mean))
    return SlotMoments(mean, square, rows, s.fourth and _reduced_fourth(s.fourth, F, G, H))


def _ein(pattern: str, *tensors: Floats, few: bool = True) -> Floats:
    return np.asarray(np.einsum(pattern, *tensors, optimize=not few))


def _reduced_fourth(s: Fourth, F: Floats, G: Floats, H: Floats) -> Fourth:
    # Finding a contraction order costs more than contracting a few slots in any order.
    few = len(s.traces) <= 4
    trace = _ein("ai,bj,ck,ijk->abc", F, F, G, s.trace, few=few)
    inner = _ein("ai,bj,ck,ijk->abc", F, F, G, s.inner, few=few)
    mixed_trace = _ein("ak,bij,ijk->ab", G, H, s.trace, few=few)
    mixed_inner = _ein("ak,bij,ijk->ab", G, H, s.inner, few=few)
    return Fourth(
        four=_ein("ai,bj,ck,dl,ijkl->abcd", F, F, F, F, s.four, few=few),
        trace=trace + _ein("ai,bj,ckl,ijkl->abc", F, F, H, s.four, few=few),
        inner=inner + _ein("ai,bj,ckl,iklj->abc", F, F, H, s.four, few=few),
        traces=_ein("ai,bj,ij->ab", G, G, s.traces)
        + mixed_trace
        + mixed_trace.T
        + _ein("aij,bkl,ijkl->ab", H, H, s.four, few=few),
        products=_ein("ai,bj,ij->ab", G, G, s.products)
        + mixed_inner
        + mixed_inner.T
        + _ein("aij,bkl,iljk->ab", H, H, s.four, few=few),
    )


def sampled(s: SlotMoments, n: int, heat: float) -> SlotMoments:
    """Replace the last slot by a batch of n rows from N(y, heat * S)."""
    f = len(s.rows) - 1
    mean, square, rows = s.mean.copy(), s.square.copy(), s.rows.copy()
    mean[f, f] += heat * s.square[f, f] / n
    square[f, f] *= heat * (n - 1) / n
    rows[f] = 1 / n
    return SlotMoments(mean, square, rows, s.fourth and _sampled_fourth(s.fourth, n, heat, f))


def _sampled_fourth(s: Fourth, n: int, heat: float, f: int) -> Fourth:
    e = np.zeros(len(s.traces))
    e[f] = 1.0
    noise, shrink = heat / n, heat * (n - 1) / n
    T, U = s.trace[:, :, f], s.inner[:, :, f]
    P, R = s.traces[f, f], s.products[f, f]
    ee = np.multiply.outer(e, e)
    outer = np.multiply.outer
    once = outer(ee, T) + outer(T, ee)
    swapped = outer(ee, U)  # indices a, c, b, d
    for order in ((0, 2, 1, 3), (0, 2, 3, 1), (2, 0, 1, 3), (2, 0, 3, 1)):
        once = once + swapped.transpose(order)
    four = s.four + noise * once + noise**2 * (P + 2 * R) * outer(ee, ee)
    trace = s.trace + noise * outer(ee, s.traces[f])
    inner = s.inner + noise * outer(ee, s.products[f])
    trace[:, :, f] *= shrink
    inner[:, :, f] *= shrink
    traces, products = s.traces.copy(), s.products.copy()
    traces[f] *= shrink
    traces[:, f] *= shrink
    products[f] *= shrink
    products[:, f] *= shrink
    freedom = n - 1
    traces[f, f] = noise**2 * (freedom**2 * P + 2 * freedom * R)
    products[f, f] = noise**2 * (freedom * (freedom + 1) * R + freedom * P)
    return Fourth(four, trace, inner, traces, products)


def _mixture(weights: Floats) -> Floats:
    """Return H with S'_c = sum_a w_ca S_a + sum_ab H_cab y_a y_b' for mixtures of slots."""
    eye = np.eye(weights.shape[1])
    return weights[:, :, None] * eye - weights[:, :, None] * weights[:, None, :]


def fitted(s: SlotMoments, weights: Floats, ddof: int) -> SlotMoments:
    """Append the fit as the last slot: the weighted mixture, its covariance with `ddof`."""
    k = len(weights)
    row_weight = float(weights**2 @ s.rows)
    divisor = 1 - ddof * row_weight
    F = np.vstack([np.eye(k), weights])
    G = np.vstack([np.eye(k), weights / divisor])
    H = np.concatenate([np.zeros((k, k, k)), _mixture(weights[None]) / divisor])
    return reduced(s, F, G, H, np.append(s.rows, row_weight))


def beside(s: SlotMoments, fresh: SlotMoments, truth: "Truth") -> SlotMoments:
    """Append an independent batch of real rows.

    Every linear combination of the batches' means has a covariance proportional to S_0, and so
    has every expected covariance: E y_a' S_0 y_b = tau mean[a, b] with tau = tr S_0^2 / (tr S_0)^2.
    """
    k = len(s.rows)
    mean, square = np.zeros((k + 1, k + 1)), np.zeros((k + 1, k + 1))
    mean[:k, :k], mean[k, k] = s.mean, fresh.mean[0, 0]
    square[:k, :k], square[k, k] = s.square, fresh.square[0, 0]
    fourth = None
    if s.fourth and fresh.fourth:
        tau = float((truth.spectrum**2).sum() / truth.spectrum.sum() ** 2)
        fourth = _beside_fourth(s, s.fourth, fresh, fresh.fourth, tau)
    return SlotMoments(mean, square, np.append(s.rows, fresh.rows), fourth)


def picked(s: SlotMoments, order: list[int]) -> SlotMoments:
    """Return some slots in another order."""
    F = np.eye(len(s.rows))[order]
    return reduced(s, F, F, np.zeros((len(F), len(s.rows), len(s.rows))), s.rows[order])


def _beside_fourth(
    s: SlotMoments, old: Fourth, fresh: SlotMoments, new: Fourth, tau: float
) -> Fourth:
    """Return the fourth-order part: odd powers of the independent mean have expectation zero."""
    k = len(s.rows)
    m, v = fresh.mean[0, 0], fresh.square[0, 0]
    E, C = s.mean, np.diag(s.square)
    four = np.zeros((k + 1,) * 4)
    four[:k, :k, :k, :k] = old.four
    four[k, k, k, k] = new.four[0, 0, 0, 0]
    four[:k, :k, k, k] = four[k, k, :k, :k] = m * E
    four[:k, k, :k, k] = four[:k, k, k, :k] = m * tau * E
    four[k, :k, :k, k] = four[k, :k, k, :k] = m * tau * E
    trace, inner = np.zeros((k + 1,) * 3), np.zeros((k + 1,) * 3)
    trace[:k, :k, :k], inner[:k, :k, :k] = old.trace, old.inner
    trace[:k, :k, k], inner[:k, :k, k] = v * E, v * tau * E
    trace[k, k, :k], inner[k, k, :k] = m * C, m * tau * C
    trace[k, k, k], inner[k, k, k] = new.trace[0, 0, 0], new.inner[0, 0, 0]
    traces, products = np.zeros((k + 1,) * 2), np.zeros((k + 1,) * 2)
    traces[:k, :k], products[:k, :k] = old.traces, old.products
    traces[:k, k] = traces[k, :k] = v * C
    products[:k, k] = products[k, :k] = v * tau * C
    traces[k, k], products[k, k] = new.traces[0, 0], new.products[0, 0]
    return Fourth(four, trace, inner, traces, products)


def fit_moments(e: "Experiment", *, fourth: bool) -> Floats:
    """Return the moments of the fits, (2 or 5, generations).

    They are E tr S and E |m|^2; and E |m|^4, E |m|^2 tr S and E (tr S)^2. Where generations are
    alike, as in a window of equal batches, their step is one matrix.
    """
    found = np.empty((e.generations, 5 if fourth else 2))
    state = real_batch(e.truth, e.schedule.listed[0], fourth=fourth)
    before: tuple[Any, ...] = ()
    t = 1
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # hot loops may explode
        while t <= e.generations:
            alike = _alike(e, state, t)
            fit, after = _generation(e, state, t)
            found[t - 1] = _numbers(fit)
            flat = _flattened(state)
            many = (e.generations - t) > 4 * flat.size
            t += 1
            if before == alike and many and flat.size <= MOST_NUMBERS:
                matrix, constant = _linear(e, state, t - 1)
                flat = _flattened(after)
                while t < e.generations and _alike(e, after, t) == alike:
                    step = matrix @ flat + constant
                    found[t - 1], flat = step[: found.shape[1]], step[found.shape[1] :]
                    t += 1
                after = _restored(flat, after)
            state, before = after, alike
    return found.T


def _alike(e: "Experiment", s: SlotMoments, t: int) -> tuple[Any, ...]:
    """Return what the step of generation t depends on, except the moments."""
    carry, weights = e.schedule.step(t)
    rows = (int(e.schedule.real[t]), int(e.schedule.sampled[t])) if t < e.generations else ()
    return carry.shape, carry.tobytes(), weights.tobytes(), s.rows.tobytes(), rows


def _generation(e: "Experiment", s: SlotMoments, t: int) -> tuple[SlotMoments, SlotMoments]:
    """Return the slots with, last, the fit of generation t, and the slots with the next batch."""
    carry, weights = e.schedule.step(t)
    fourth = s.fourth is not None
    s = reduced(s, carry, carry, _mixture(carry), carry**2 @ s.rows)
    s = fit = fitted(s, weights, e.model.ddof)
    if e.model.floor:
        s = fit = raised(s, e.model.floor / float(e.truth.spectrum.sum()), e.model.dim)
    if t < e.generations:
        real, drawn = int(e.schedule.real[t]), int(e.schedule.sampled[t])
        if real:  # the slots kept, the real rows and, last, the fit to sample from
            k = len(s.rows)
            s = beside(s, real_batch(e.truth, real, fourth=fourth), e.truth)
            s = picked(s, [*range(k - 1), k, *([k - 1] if drawn else [])])
        if drawn:
            s = sampled(s, drawn, e.temperature)
    return fit, s


def raised(s: SlotMoments, floor: float, dim: int) -> SlotMoments:
    """Return the moments with floor * I (in units of tr S_0) added to the last covariance."""
    trace, square = floor * dim, s.square.copy()
    square[-1, -1] += trace
    if s.fourth is None:
        return replace(s, square=square)
    own, C = s.fourth, np.diag(s.square)
    a, b, c, d = own.trace.copy(), own.inner.copy(), own.traces.copy(), own.products.copy()
    a[:, :, -1] += trace * s.mean
    b[:, :, -1] += floor * s.mean
    for tensor, gain in ((c, trace), (d, floor)):
        tensor[-1] += gain * C
        tensor[:, -1] += gain * C
        tensor[-1, -1] += gain * trace
    return replace(s, square=square, fourth=Fourth(own.four, a, b, c, d))


def _numbers(fit: SlotMoments) -> list[float]:
    second = [fit.square[-1, -1], fit.mean[-1, -1]]
    if fit.fourth is None:
        return second
    f = fit.fourth
    return [*second, f.four[-1, -1, -1, -1], f.trace[-1, -1, -1], f.traces[-1, -1]]


def _arrays(s: SlotMoments) -> list[Floats]:
    parts = [] if s.fourth is None else [getattr(s.fourth, f.name) for f in fields(Fourth)]
    return [s.mean, s.square, *parts]


def _flattened(s: SlotMoments) -> Floats:
    return np.concatenate([array.ravel() for array in _arrays(s)])


def _restored(flat: Floats, like: SlotMoments) -> SlotMoments:
    """Return the state of these numbers, in the order of `_flattened`."""
    shapes = [array.shape for array in _arrays(like)]
    ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
    parts = [p.reshape(shape) for p, shape in zip(np.split(flat, ends), shapes, strict=True)]
    return SlotMoments(parts[0], parts[1], like.rows, Fourth(*parts[2:]) if like.fourth else None)


def _linear(e: "Experiment", s: SlotMoments, t: int) -> tuple[Floats, Floats]:
    """Return the matrix and the constant of `_generation` on the numbers of a state."""

    def image(flat: Floats) -> Floats:
        fit, after = _generation(e, _restored(flat, s), t)
        return np.concatenate([_numbers(fit), _flattened(after)])

    size = len(_flattened(s))
    constant = image(np.zeros(size))
    return np.stack([image(row) - constant for row in np.eye(size)], axis=1), constant
