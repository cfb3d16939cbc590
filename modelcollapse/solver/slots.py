r"""Any deterministic workflow through the moments of the batches that it remembers.

A slot is a batch's part, or several merged ones; y_a is its mean in units of the truth. A step
appends the new parts, merges slots (`Remembering`), and weights them: x = w.y. `SlotStep` says how.
Second order: M = E y y' and H = 1 + v2 M both follow with positive terms only, for v2 >= -1:

    sampled part of s rows    M_zz = M_xx + H_xx / s    H_zz = H_xx (1 + v2/s)
    fresh real part           M_zz = 1/r                H_zz = 1 + v2/r,  H_za = 1
"""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.loop.schedule import Schedule
from modelcollapse.solver.chains import Second
from modelcollapse.solver.scan import grown


class SlotStep(NamedTuple):
    """One generation: rows of its new parts (real or sampled), slots kept, training weights.

    `carry` has one row per slot kept and one column per slot, the new ones last; None keeps all.
    """

    real: int
    sampled: int
    carry: Floats | None
    weights: Floats


def steps(schedule: Schedule) -> Iterator[SlotStep]:
    """Return the steps of generations 1, ..., T."""
    for t in range(1, len(schedule) + 1):
        rows = int(schedule.real[t - 1]), int(schedule.sampled[t - 1])
        if schedule.kind == "memory":
            yield SlotStep(*rows, *schedule.step(t))
        else:
            yield SlotStep(*rows, None, schedule.parts(t))


def extended(tensor: Floats, blocks: list[Floats]) -> Floats:
    """Append a slot to a symmetric moment tensor; blocks[j - 1] has it j times, in any place."""
    order, k = tensor.ndim, len(tensor)
    out = np.empty((k + 1,) * order)
    for places in product((False, True), repeat=order):
        index = tuple(k if new else slice(k) for new in places)
        out[index] = blocks[sum(places) - 1] if any(places) else tensor
    return out


def merged(tensor: Floats, carry: Floats | None) -> Floats:
    """Return the moments of the mixtures of slots that are kept."""
    if carry is None:
        return tensor
    chosen = carry.argmax(axis=1)
    if np.array_equal(carry, np.eye(carry.shape[1])[chosen]):  # slots are only dropped
        return tensor[np.ix_(*[chosen] * tensor.ndim)]
    for _ in range(tensor.ndim):  # each pass contracts the first axis and puts it last
        tensor = np.tensordot(tensor, carry, axes=(0, 1))
    return tensor


def solve_slots(schedule: Schedule, v2: float) -> Second:
    """Return E x_t^2 and E V(m_t) / V(m_0), each of shape (T,)."""
    M, H, w = np.zeros((0, 0)), np.ones((0, 0)), np.zeros(0)
    found = np.empty((2, len(schedule)))
    with np.errstate(over="ignore", invalid="ignore"):
        for t, step in enumerate(steps(schedule)):
            k = len(M)
            if step.real:
                M = extended(M, [np.zeros(k), np.asarray(1 / step.real)])
                H = extended(H, [np.ones(k), np.asarray((step.real + v2) / step.real)])
            if step.sampled:
                w = np.concatenate([w, np.zeros(len(M) - k)])
                x, h = M @ w, H @ w
                M = extended(M, [x, np.asarray(w @ x + w @ h / step.sampled)])
                H = extended(H, [h, np.asarray(w @ h * (step.sampled + v2) / step.sampled)])
            M, H, w = merged(M, step.carry), merged(H, step.carry), step.weights
            found[:, t] = w @ M @ w, w @ H @ w
    return Second(grown(found[0]), grown(found[1]))
