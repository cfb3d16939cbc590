r"""Compiled least squares on compressed rows, one replicate at a time.

n rows (x, y) with x ~ N(0, I_d) are, as least squares sees them, r = min(n, d) rows: Bartlett's
triangular factor R of X'X, and R v plus fresh noise for its labels, v being the labelling
coefficients. So a generation costs O(d^3), whatever n is. Coefficients are counted from an
`origin`: w* itself where nothing but noise moves them, so that without noise the risk is exactly
zero; zero where a penalty or a least norm draws them to zero. Training sets are merged by
Householder reflections (`reflections`), never through their Gram matrices, whose condition is the
square: d + 1 columns (x, y), zero rows below the rank.
"""

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled
from modelcollapse._support.stream import BUFFER, Stream, fill_normals, normal
from modelcollapse._support.variates import chi_square
from modelcollapse.families.regression.reflections import dot, merge, scratch_columns, scratch_rows


@compiled
def solve(A: Floats, rank: int, tall: Floats, v: Floats) -> None:
    """Set v to the least-squares solution of the first `rank` triangular rows (x, y) of A.

    With rank < d it is the solution of least norm, v = Q T'^{-1} y for X' = Q T; `tall` (d, d + 1)
    is working space.
    """
    d = v.size
    if rank == d:
        for i in range(d - 1, -1, -1):
            v[i] = (A[i, d] - dot(A[i, i + 1 : d], v[i + 1 :])) / A[i, i]
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
def fit(R: Floats, rank: int, ridge: float, B: Floats, work: Floats, V: Floats, v: Floats) -> None:
    """Fit v to a triangle R, which is kept; B, work (d, d + 1) and V are scratch, as for `merge`."""
    d = v.size
    if ridge == 0.0:
        solve(R, rank, work, v)
        return
    put(work, R, d, 1.0)
    put(B, R, 0, 1.0)
    for i in range(d):
        for j in range(d + 1):
            B[i, j] = 0.0
        B[i, i] = np.sqrt(ridge)
    merge(work, B, d, d, True, V)
    solve(work, d, B, v)


@compiled
def record(v: Floats, truth: Floats, origin: Floats) -> tuple[float, float]:
    """Return risk and norm of coefficients v + origin, the true ones being truth + origin."""
    risk, norm = 0.0, 0.0
    for j in range(v.size):
        risk += (v[j] - truth[j]) ** 2
        norm += (v[j] + origin[j]) ** 2
    return risk, norm


@compiled
def fill(stream: Stream, out: Floats) -> None:
    """Fill out with normals from the stream's buffer, which has some left from one to the next."""
    done = 0
    while done < out.size:
        if stream.normals_left == 0:
            fill_normals(stream, stream.normals)
            stream.normals_left = BUFFER
        left = stream.normals_left
        count = min(left, out.size - done)
        own, new = out[done : done + count], stream.normals[left - count : left]
        for i in range(count):
            own[i] = new[i]
        stream.normals_left = left - count
        done += count


@compiled
def draw(stream: Stream, out: Floats, n: int, noise: float, v: Floats, z: Floats) -> int:
    """Draw n rows labelled by v as r = min(n, d) triangular rows of `out`; return r.

    z is scratch of size d (d + 1)/2.
    """
    d = v.size
    rank, place = min(n, d), 0
    fill(stream, z[: rank * d - rank * (rank - 1) // 2])
    for i in range(rank):
        row, new = out[i], z[place : place + d - i]
        place += d - i
        for j in range(i):
            row[j] = 0.0
        row[i] = np.sqrt(chi_square(stream, n - i))
        right = row[i + 1 : d]
        for j in range(right.size):
            right[j] = new[j]
        row[d] = dot(row[i:d], v[i:]) + noise * new[d - i - 1]
    return rank


@compiled
def labelled_again(
    stream: Stream, out: Floats, rows: Floats, rank: int, noise: float, v: Floats
) -> int:
    """Label the inputs of triangular rows once more, by v; return how many rows they are."""
    put(out, rows, rank, 1.0)
    for i in range(rank):
        out[i, v.size] = noise * normal(stream) + dot(v, out[i])
    return rank


@compiled
def put(out: Floats, rows: Floats, count: int, scale: float) -> None:
    """Set out to count rows, times a scale, and zero rows below them."""
    for i in range(out.shape[0]):
        own = out[i]
        if i < count:
            row = rows[i]
            for j in range(own.size):
                own[j] = scale * row[j]
        else:
            for j in range(own.size):
                own[j] = 0.0


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

    Where they are `paired`, a batch's sampled rows are its real ones' inputs with other labels.
    risk, norm have shape (replicates, recorded).
    """
    d, T = truth.size, counts.shape[0]
    parts, ranks = np.empty((room, d, d + 1)), np.zeros(room, dtype=np.int64)
    R, B, work = np.zeros((d, d + 1)), scratch_rows(d, d), np.empty((d, d + 1))
    V, v, z = scratch_columns(d, d), np.empty(d), np.empty(d * (d + 1) // 2)
    twin = np.full(room, -1, dtype=np.int64)
    for r in range(risk.shape[0]):
        rank = 0
        for t in range(T):
            for source in range(2):
                if counts[t, source] > 0:
                    label = truth if source == 0 else v
                    home = homes[t, source]
                    twin[home] = -1
                    if paired and source == 1 and counts[t, 0] > 0:
                        first = homes[t, 0]
                        twin[home] = first
                        ranks[home] = labelled_again(
                            stream, parts[home], parts[first], ranks[first], noise, label
                        )
                    else:
                        n = counts[t, source]
                        ranks[home] = draw(stream, parts[home], n, noise, label, z)
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
                merge(R, B, count, min(inputs, d), True, V)
            rank = min(inputs, d)
            fit(R, rank, ridge, B, work, V, v)
            if slots[t] >= 0:
                risk[r, slots[t]], norm[r, slots[t]] = record(v, truth, origin)


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
    R, B, work = np.empty((d, d + 1)), scratch_rows(most, d), np.empty((d, d + 1))
    V, zero = scratch_columns(most, d), np.zeros(d)
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
        merge(R, B, rows, rank, False, V)
        fit(R, rank, ridge, B, work, V, v)
        if slots[t] >= 0:
            risk[slots[t]], norm[slots[t]] = record(v, truth, zero)
