r"""Compiled least squares on compressed rows, one or several replicates at a time.

n rows (x, y) with x ~ N(0, I_d) are, as least squares sees them, r = min(n, d) rows: Bartlett's
triangular factor R of X'X, and R v plus fresh noise for its labels, v being the labelling
coefficients. So a generation costs O(d^3), whatever n is. Coefficients are counted from an
`origin`: w* itself where nothing but noise moves them, so that without noise the risk is exactly
zero; zero where a penalty or a least norm draws them to zero. Training sets are merged by
Householder reflections (`reflections`), never through their Gram matrices, whose condition is the
square. With few dimensions and full rank, several replicates go in lanes (`compressed`).
"""

import numpy as np

from modelcollapse._support.cells import draw_cells, scratch
from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled
from modelcollapse._support.stream import Stream, normal
from modelcollapse.families.regression.compressed import (
    draw,
    draw_lanes,
    fill,
    labelled_again,
    products,
    put,
)
from modelcollapse.families.regression.reflections import (
    ANY,
    UPPER,
    dot,
    merge,
    merge_lanes,
    scratch_columns,
    scratch_rows,
)


@compiled
def substitute(A: Floats, v: Floats) -> None:
    """Set v to the solution of triangular rows (x, y)."""
    d = v.size
    for k in range(d - 1, -1, -1):
        v[k] = (A[k, d] - dot(v[k + 1 :], A[k, k + 1 :])) / A[k, k]


@compiled
def substitute_lanes(A: Floats, v: Floats, sums: Floats) -> None:
    """Do the same in as many lanes as there are sums."""
    lanes = sums.size
    for i in range(A.shape[0] - 1, -1, -1):
        row, own = A[i, i * lanes :], v[i * lanes :]
        label = row[own.size :]
        products(own[lanes:], row[lanes:], sums)
        for w in range(lanes):
            own[w] = (label[w] - sums[w]) / row[w]


@compiled
def solve(A: Floats, rank: int, tall: Floats, v: Floats, sums: Floats) -> None:
    """Set v to the least-squares solution of the first `rank` triangular rows (x, y) of A.

    With rank < d, in one lane, it is the solution of least norm, v = Q T'^{-1} y for X' = Q T;
    `tall` (d, d + 1) is working space.
    """
    if sums.size > 1:
        substitute_lanes(A, v, sums)
        return
    d = v.size
    if rank == d:
        substitute(A, v)
        return
    # Gram-Schmidt on the rows, twice for orthogonality to rounding; T goes by forward substitution.
    for j in range(d):
        v[j] = 0.0
    for i in range(rank):
        label = A[i, d]
        for j in range(d):
            tall[i, j] = A[i, j]
        for _ in range(2):
            for k in range(i):
                total = 0.0
                for j in range(d):
                    total += tall[k, j] * tall[i, j]
                label -= total * tall[k, d]
                for j in range(d):
                    tall[i, j] -= total * tall[k, j]
        square = 0.0
        for j in range(d):
            square += tall[i, j] * tall[i, j]
        norm = np.sqrt(square)
        for j in range(d):
            tall[i, j] /= norm
        tall[i, d] = label / norm
        for j in range(d):
            v[j] += tall[i, d] * tall[i, j]


@compiled
def fit(
    R: Floats,
    rank: int,
    ridge: float,
    B: Floats,
    work: Floats,
    V: Floats,
    v: Floats,
    sums: Floats,
) -> None:
    """Fit v to triangles R, which are kept; B and `work` are scratch like R, and V for `merge`."""
    if ridge == 0.0:
        solve(R, rank, work, v, sums)
        return
    d, lanes = R.shape[0], sums.size
    put(work, R, d, 1.0)
    put(B, R, 0, 1.0)
    for i in range(d):
        own = B[i, i * lanes :]
        for w in range(lanes):
            own[w] = np.sqrt(ridge)
    add(work, B, d, d, V, lanes)
    solve(work, d, B, v, sums)


@compiled
def add(R: Floats, B: Floats, rows: int, steps: int, V: Floats, lanes: int) -> None:
    """Merge triangles B into R."""
    if lanes == 1:
        merge(R, B, rows, steps, UPPER, V)
    else:
        merge_lanes(R, B, rows, steps, V)


@compiled
def record(
    v: Floats,
    lanes: int,
    truth: Floats,
    origin: Floats,
    risk: Floats,
    norm: Floats,
) -> None:
    """Set risk and norm of coefficients v + origin, the true ones being truth + origin.

    risk and norm (replicates,) may be fewer than the lanes of v.
    """
    for w in range(risk.size):
        risk[w] = norm[w] = 0.0
    for j in range(truth.size):
        own = v[j * lanes :]
        for w in range(risk.size):
            risk[w] += (own[w] - truth[j]) ** 2
            norm[w] += (own[w] + origin[j]) ** 2


@compiled
def fresh(
    stream: Stream,
    counts: Integers,
    homes: Integers,
    carried: Floats,
    starts: Integers,
    used: Integers,
    scales: Floats,
    room: int,
    lanes: int,
    places: Integers,
    polynomials: Floats,
    paired: bool,
    noise: float,
    ridge: float,
    truth: Floats,
    origin: Floats,
    slots: Integers,
    risk: Floats,
    norm: Floats,
) -> None:
    """Simulate loops with new inputs in each batch; see `sources.Sources` for the plan.

    One replicate at a time, or LANES of them, each number being as many, next to each other; a lane
    without a replicate draws its own numbers, too. Chi-squares of the part (t, source) are drawn by
    polynomials[places[t, source]], see `chi_squares.polynomials`. Where they are `paired`, a
    batch's sampled rows are its real ones' inputs with other labels. risk, norm have shape
    (replicates, recorded).
    """
    d, T = truth.size, counts.shape[0]
    columns, none = (d + 1) * lanes, np.empty((1, 0))
    parts, ranks = np.empty((room, d, columns)), np.zeros(room, dtype=np.int64)
    R, B, work = np.empty((d, columns)), scratch_rows(d, columns), np.empty((d, columns))
    V, z, sums = scratch_columns(d, d), np.empty(d * (d + 1) // 2 * lanes), np.empty(lanes)
    true, v = np.empty(d * lanes), np.empty(d * lanes)
    for j in range(d * lanes):
        true[j] = truth[j // lanes]
    twin = np.full(room, -1, dtype=np.int64)
    for r in range(0, risk.shape[0], lanes):
        rank = 0
        for t in range(T):
            for source in range(2):
                if counts[t, source] > 0:
                    label = true if source == 0 else v
                    home = homes[t, source]
                    twin[home] = -1
                    if paired and source == 1 and counts[t, 0] > 0:
                        first = homes[t, 0]
                        twin[home] = first
                        ranks[home] = labelled_again(
                            stream, parts[home], parts[first], ranks[first], noise, label, sums
                        )
                    else:
                        n, out, place = counts[t, source], parts[home], places[t, source]
                        if lanes == 1:
                            ranks[home] = draw(stream, out, n, noise, label, z)
                        else:
                            own = polynomials[place] if place >= 0 else none
                            ranks[home] = draw_lanes(stream, out, n, own, noise, label, z, sums)
            inputs = 0
            if carried[t] > 0.0:
                inputs = rank
                if carried[t] != 1.0:
                    put(R, R, rank, carried[t])
            for k in range(starts[t], starts[t + 1]):
                part, count = parts[used[k]], ranks[used[k]]
                if inputs == 0:
                    put(R, part, count, scales[k])
                    inputs = count
                    continue
                # Twins have the same inputs, and are next to each other.
                if k == starts[t] or twin[used[k]] < 0 or twin[used[k]] != used[k - 1]:
                    inputs += count
                put(B, part, count, scales[k])
                add(R, B, count, min(inputs, d), V, lanes)
            rank = min(inputs, d)
            fit(R, rank, ridge, B, work, V, v, sums)
            if slots[t] >= 0:
                some = slice(r, min(r + lanes, risk.shape[0]))
                record(v, lanes, truth, origin, risk[some, slots[t]], norm[some, slots[t]])


@compiled
def chosen_rows(
    stream: Stream,
    fixed: bool,
    sizes: Integers,
    plan: Integers,
    picked: Integers,
    weights: Floats,
    noise: float,
    ridge: float,
    truth: Floats,
    slots: Integers,
    risk: Floats,
    norm: Floats,
) -> None:
    """Simulate one loop on rows: generation t is fitted to rows plan[t, :picked[t]].

    weights has the plan's shape, or no rows for equal weights. With a fixed design a row is that
    input of X whose place in its batch it has, and the rank is the number of different inputs.
    """
    d, T = truth.size, sizes.size
    total, inputs = 0, sizes[0]
    for t in range(T):
        total += sizes[t]
    if not fixed:
        inputs = total
    X, y = np.empty((inputs, d)), np.empty(total)
    most = max(plan.shape[1], d)
    R, B, work = np.empty((d, d + 1)), scratch_rows(most, d + 1), np.empty((d, d + 1))
    V, zero, sums = scratch_columns(most, d), np.zeros(d), np.empty(1)
    v, seen, first = truth.copy(), np.full(inputs, -1), 0
    for t in range(T):
        for i in range(sizes[t]):
            row = i if fixed else first + i
            if t == 0 or not fixed:
                fill(stream, X[row])
            y[first + i] = noise * normal(stream) + dot(v, X[row])
        first += sizes[t]
        different, weighted, whole = 0, 0, 0.0
        for k in range(picked[t]):
            weight = weights[t, k] if weights.shape[0] > 0 else 1.0
            if weight > 0.0:
                row = plan[t, k] % inputs
                if seen[row] < t:
                    seen[row] = t
                    different += 1
                weighted += 1
                whole += weight
        rows = 0
        for k in range(picked[t]):
            weight = weights[t, k] if weights.shape[0] > 0 else 1.0
            if weight > 0.0:
                scale = np.sqrt(weight * weighted / whole)
                row = plan[t, k] % inputs
                own, new = B[rows], X[row]
                for j in range(d):
                    own[j] = scale * new[j]
                own[d] = scale * y[plan[t, k]]
                rows += 1
        for i in range(rows, (rows + 3) // 4 * 4):
            for j in range(d + 1):
                B[i, j] = 0.0
        rank = min(different, d)
        put(R, B, 0, 1.0)
        merge(R, B, rows, rank, ANY, V)
        fit(R, rank, ridge, B, work, V, v, sums)
        if slots[t] >= 0:
            own = slice(slots[t], slots[t] + 1)
            record(v, 1, truth, zero, risk[own], norm[own])


@compiled
def chosen_cells(
    stream: Stream,
    sizes: Integers,
    counts: Integers,
    edits: Floats,
    room: int,
    noise: float,
    ridge: float,
    truth: Floats,
    slots: Integers,
    risk: Floats,
    norm: Floats,
) -> None:
    """Simulate loops on random sets with new inputs, in at most `room` cells, see `_support.cells`.

    What a generation will be fitted to is merged as it comes. risk, norm: (replicates, recorded).
    """
    d, T = truth.size, sizes.size
    sets = scratch(room, T)
    _, rows, last, order, starts, member = sets
    merged, inputs = np.empty((T, d, d + 1)), np.empty(T, np.int64)
    part, B, work = np.empty((d, d + 1)), scratch_rows(d, d + 1), np.empty((d, d + 1))
    V, z, sums = scratch_columns(d, d), np.empty(d * (d + 1) // 2), np.empty(1)
    v, zero = np.empty(d), np.zeros(d)
    for r in range(risk.shape[0]):
        draw_cells(stream, sizes, counts, edits, *sets)
        inputs[:] = 0
        for j in range(d):
            v[j] = truth[j]
        for t in range(T):
            for c in order[starts[t] : starts[t + 1]]:
                count = draw(stream, part, rows[c], noise, v, z)
                for s in range(t, last[c] + 1):
                    if member[c, s] == 1 and inputs[s] == 0:
                        put(merged[s], part, count, 1.0)
                    elif member[c, s] == 1:
                        put(B, part, count, 1.0)
                        merge(merged[s], B, count, min(inputs[s] + count, d), UPPER, V)
                    inputs[s] += count * member[c, s]
            fit(merged[t], min(inputs[t], d), ridge, B, work, V, v, sums)
            if slots[t] >= 0:
                own = slice(slots[t], slots[t] + 1)
                record(v, 1, truth, zero, risk[r, own], norm[r, own])
