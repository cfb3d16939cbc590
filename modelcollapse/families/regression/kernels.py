r"""Compiled least squares on compressed rows, one replicate at a time.

n rows (x, y) with x ~ N(0, I_d) are, as least squares sees them, r = min(n, d) rows: Bartlett's
triangular factor R of X'X, and R v plus fresh noise for its labels, v being the labelling
coefficients. So a generation costs O(d^3), whatever n is. Coefficients are counted from an
`origin`: w* itself where nothing but noise moves them, so that without noise the risk is exactly
zero; zero where a penalty or a least norm draws them to zero. Training sets are merged by
Householder reflections, never through their Gram matrices, whose condition is the square.
"""

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled
from modelcollapse._support.stream import Stream, normal
from modelcollapse._support.variates import chi_square


@compiled
def reflect(A: Floats, rows: int, steps: int) -> None:
    """Triangularise the first `steps` columns of rows (rows, d + 1), in place."""
    columns = A.shape[1]
    for k in range(min(steps, rows - 1)):
        square = 0.0
        for i in range(k + 1, rows):
            square += A[i, k] * A[i, k]
        if square == 0.0:
            continue
        head = A[k, k]
        norm = np.sqrt(head * head + square)
        pivot = head + norm if head > 0 else head - norm
        scale = 2.0 / (pivot * pivot + square)
        for j in range(k + 1, columns):
            total = pivot * A[k, j]
            for i in range(k + 1, rows):
                total += A[i, k] * A[i, j]
            total *= scale
            A[k, j] -= total * pivot
            for i in range(k + 1, rows):
                A[i, j] -= total * A[i, k]
        A[k, k] = head - pivot
        for i in range(k + 1, rows):
            A[i, k] = 0.0


@compiled
def solve(A: Floats, rank: int, tall: Floats, v: Floats) -> None:
    """Set v to the least-squares solution of the first `rank` triangular rows (x, y) of A.

    With rank < d it is the solution of least norm, v = Q T'^{-1} y for X' = Q T; `tall` (d, d + 1)
    is working space.
    """
    d = v.size
    if rank == d:
        for i in range(d - 1, -1, -1):
            total = A[i, d]
            for j in range(i + 1, d):
                total -= A[i, j] * v[j]
            v[i] = total / A[i, i]
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
def fit(A: Floats, rank: int, ridge: float, work: Floats, v: Floats) -> None:
    """Fit v to triangular rows A[:rank], which are kept; `work` has shape (2d, d + 1)."""
    d = v.size
    if ridge == 0.0:
        solve(A, rank, work, v)
        return
    for i in range(rank):
        for j in range(d + 1):
            work[i, j] = A[i, j]
    for i in range(d):
        for j in range(d + 1):
            work[rank + i, j] = 0.0
        work[rank + i, i] = np.sqrt(ridge)
    reflect(work, rank + d, d)
    solve(work, d, work, v)


@compiled
def record(v: Floats, truth: Floats, origin: Floats) -> tuple[float, float]:
    """Return risk and norm of coefficients v + origin, the true ones being truth + origin."""
    risk, norm = 0.0, 0.0
    for j in range(v.size):
        risk += (v[j] - truth[j]) ** 2
        norm += (v[j] + origin[j]) ** 2
    return risk, norm


@compiled
def draw(stream: Stream, out: Floats, n: int, noise: float, v: Floats) -> int:
    """Draw n rows labelled by v as r = min(n, d) triangular rows of `out`; return r."""
    d = v.size
    rank = min(n, d)
    for i in range(rank):
        for j in range(i):
            out[i, j] = 0.0
        diagonal = np.sqrt(chi_square(stream, n - i))
        out[i, i] = diagonal
        label = diagonal * v[i]
        for j in range(i + 1, d):
            z = normal(stream)
            out[i, j] = z
            label += z * v[j]
        out[i, d] = label + noise * normal(stream)
    return rank


@compiled
def labelled_again(
    stream: Stream, out: Floats, rows: Floats, rank: int, noise: float, v: Floats
) -> int:
    """Label the inputs of triangular rows once more, by v; return how many rows they are."""
    d = v.size
    for i in range(rank):
        label = noise * normal(stream)
        for j in range(d):
            out[i, j] = rows[i, j]
            label += rows[i, j] * v[j]
        out[i, d] = label
    return rank


@compiled
def append(stack: Floats, rows: int, part: Floats, count: int, scale: float) -> int:
    """Append count rows of a part, times a scale, to the stack; return the new number of rows."""
    for i in range(count):
        for j in range(stack.shape[1]):
            stack[rows + i, j] = scale * part[i, j]
    return rows + count


@compiled
def fresh(
    stream: Stream,
    counts: Integers,
    homes: Integers,
    carried: Floats,
    starts: Integers,
    used: Integers,
    scales: Floats,
    room: Integers,
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
    parts, ranks = np.empty((room[0], d, d + 1)), np.zeros(room[0], dtype=np.int64)
    stack, work = np.empty((room[1], d + 1)), np.empty((2 * d, d + 1))
    training, v = np.empty((d, d + 1)), np.empty(d)
    twin = np.full(room[0], -1, dtype=np.int64)
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
                        ranks[home] = draw(stream, parts[home], counts[t, source], noise, label)
            rows, inputs = 0, 0
            if carried[t] > 0.0:
                rows = append(stack, rows, training, rank, carried[t])
                inputs = rank
            for k in range(starts[t], starts[t + 1]):
                rows = append(stack, rows, parts[used[k]], ranks[used[k]], scales[k])
                inputs += ranks[used[k]]
                # Twins have the same inputs, and are next to each other.
                if k > starts[t] and twin[used[k]] >= 0 and twin[used[k]] == used[k - 1]:
                    inputs -= ranks[used[k]]
            if starts[t + 1] - starts[t] > 1 or carried[t] > 0.0:
                reflect(stack, rows, min(inputs, d))
            rank = append(training, 0, stack, min(inputs, d), 1.0)
            fit(training, rank, ridge, work, v)
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
    stack, work = np.empty((plan.shape[1], d + 1)), np.empty((2 * d, d + 1))
    v, seen, first = truth.copy(), np.full(inputs, -1), 0
    for t in range(T):
        for i in range(sizes[t]):
            row = i if fixed else first + i
            if t == 0 or not fixed:
                for j in range(d):
                    X[row, j] = normal(stream)
            label = noise * normal(stream)
            for j in range(d):
                label += X[row, j] * v[j]
            y[first + i] = label
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
                for j in range(d):
                    stack[rows, j] = scale * X[row, j]
                stack[rows, d] = scale * y[plan[t, k]]
                rows += 1
        rank = min(different, d)
        reflect(stack, rows, rank)
        fit(stack, rank, ridge, work, v)
        if slots[t] >= 0:
            risk[slots[t]] = 0.0
            norm[slots[t]] = 0.0
            for j in range(d):
                risk[slots[t]] += (v[j] - truth[j]) ** 2
                norm[slots[t]] += v[j] ** 2
