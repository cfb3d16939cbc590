"""Compiled moments of the training sets of a simulation."""

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.compiled import compiled
from modelcollapse.families.kde.genealogy import training_row, weight_of


@compiled
def moments(
    kind: int,
    firsts: Integers,
    counts: Integers,
    tables: Integers,
    cumulative: Floats,
    slots: Integers,
    centre: Floats,
    pools: Floats,
    second: Floats,
    central: Floats,
) -> None:
    """Fill E|x - centre|^2 and the ddof-0 variance (trace) of the recorded training sets."""
    R, d = pools.shape[0], pools.shape[2]
    mean, none = np.empty(d), np.empty(0)
    for r in range(R):
        pool, table = pools[r], tables[min(r, tables.shape[0] - 1)]
        for t in range(slots.size):
            if slots[t] < 0:
                continue
            first, rows, sums = firsts[t], table[t], none
            count = counts[min(r, counts.shape[0] - 1), t]
            if cumulative.size > 0:
                sums = cumulative[min(r, cumulative.shape[0] - 1), t]
            origin = pool[training_row(kind, first, rows, 0)]
            for j in range(d):
                mean[j] = 0.0
            for i in range(count):
                w, row = weight_of(sums, i, count), pool[training_row(kind, first, rows, i)]
                for j in range(d):
                    mean[j] += w * (row[j] - origin[j])
            total = 0.0
            for i in range(count):
                w, row = weight_of(sums, i, count), pool[training_row(kind, first, rows, i)]
                square = 0.0
                for j in range(d):
                    gap = row[j] - origin[j] - mean[j]
                    square += gap * gap
                total += w * square
            shift = 0.0
            for j in range(d):
                gap = origin[j] + mean[j] - centre[j]
                shift += gap * gap
            second[r, slots[t]], central[r, slots[t]] = total + shift, total


@compiled
def summarise_line(values: Floats, mean: Floats) -> float:
    """Fill the mean (1,) of numbers; return their scatter about it."""
    origin, total, scatter = values[0], 0.0, 0.0
    for i in range(values.size):
        total += values[i] - origin
    middle = total / values.size
    for i in range(values.size):
        gap = values[i] - origin - middle
        scatter += gap * gap
    mean[0] = origin + middle
    return scatter


@compiled
def needed_batches(batches: Integers, slots: Integers) -> Integers:
    """Return for each batch whether a recorded training set batches[t]..t has it, 0 or 1."""
    result = np.zeros(slots.size, np.int64)
    for t in range(slots.size):
        if slots[t] >= 0:
            result[batches[t] : t + 1] = 1
    return result


@compiled
def summarise(pool: Floats, start: int, stop: int, mean: Floats) -> float:
    """Fill the mean (d,) of rows start..stop; return their scatter about it."""
    d, origin = mean.size, pool[start]
    if d == 1:  # apart, as its sums are then of many rows at once
        return summarise_line(pool.reshape(pool.size)[start:stop], mean)
    for j in range(d):
        mean[j] = 0.0
    for i in range(start, stop):
        row = pool[i]
        for j in range(d):
            mean[j] += row[j] - origin[j]
    for j in range(d):
        mean[j] = origin[j] + mean[j] / (stop - start)
    scatter = 0.0
    for i in range(start, stop):
        row = pool[i]
        for j in range(d):
            gap = row[j] - mean[j]
            scatter += gap * gap
    return scatter


@compiled
def range_moments(
    sizes: Integers,
    batches: Integers,
    slots: Integers,
    centre: Floats,
    pools: Floats,
    second: Floats,
    central: Floats,
) -> None:
    """Do what `moments` does for whole batches batches[t]..t, from one summary of each batch."""
    R, d, T = pools.shape[0], pools.shape[2], sizes.size
    means, scatters, mean = np.empty((T, d)), np.empty(T), np.empty(d)
    needed = needed_batches(batches, slots)
    for r in range(R):
        start = 0
        for t in range(T):
            if needed[t]:
                scatters[t] = summarise(pools[r], start, start + sizes[t], means[t])
            start += sizes[t]
            if slots[t] < 0:
                continue
            count, total, shift = 0, 0.0, 0.0
            for j in range(d):
                mean[j] = 0.0
            for s in range(batches[t], t + 1):
                count += sizes[s]
                for j in range(d):
                    mean[j] += sizes[s] * (means[s, j] - means[t, j])
            for j in range(d):
                mean[j] = means[t, j] + mean[j] / count
                shift += (mean[j] - centre[j]) * (mean[j] - centre[j])
            for s in range(batches[t], t + 1):
                total += scatters[s]
                for j in range(d):
                    total += sizes[s] * (means[s, j] - mean[j]) * (means[s, j] - mean[j])
            second[r, slots[t]], central[r, slots[t]] = total / count + shift, total / count
