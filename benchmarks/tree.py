"""How far off scikit-learn's default tree is in the paper's loop: ``python -m benchmarks.tree``.

Moons, n = 100, h = 0.1, replace, 100 generations, 500 test rows, four seeds. Prints the largest
error of one log-density, in nats, against a direct sum, and that sum's own error there against
40 digits.
"""

import mpmath as mp
import numpy as np
from sklearn.neighbors import KernelDensity

from modelcollapse import datasets
from modelcollapse.families.kde import scoring

SAMPLES, BANDWIDTH, GENERATIONS, SEEDS = 100, 0.1, 100, 4


def by_digits(point, rows):
    """Return a log-density with 40 digits."""
    with mp.workdps(40):
        h = mp.mpf(BANDWIDTH)
        squares = [
            mp.fsum((mp.mpf(a) - mp.mpf(b)) ** 2 for a, b in zip(point, row, strict=True))
            for row in rows
        ]
        total = mp.fsum(mp.exp(-s / (2 * h**2)) for s in squares)
        return float(mp.log(total / len(rows)) - len(point) * mp.log(h * mp.sqrt(2 * mp.pi)))


def errors(seed):
    """Yield errors (tree, one leaf, ours) at the tree's worst point, and its two log-densities."""
    train, tests = datasets.split("moons", SAMPLES, 500, seed)
    rng, rows = np.random.default_rng(seed), train.values
    for _ in range(GENERATIONS):
        ours = scoring.log_densities(tests, rows, BANDWIDTH)
        tree = KernelDensity(bandwidth=BANDWIDTH).fit(rows).score_samples(tests)
        leaf = KernelDensity(bandwidth=BANDWIDTH, leaf_size=SAMPLES + 1).fit(rows)
        worst = int(np.abs(tree - ours).argmax())
        exact = by_digits(tests[worst], rows)
        found = tree[worst], leaf.score_samples(tests[worst : worst + 1])[0], ours[worst]
        yield tuple(abs(value - exact) for value in found), exact, tree[worst]
        noise = BANDWIDTH * rng.standard_normal(rows.shape)
        rows = rows[rng.integers(SAMPLES, size=SAMPLES)] + noise


if __name__ == "__main__":
    found = [entry for seed in range(SEEDS) for entry in errors(seed)]
    (tree, leaf, ours), exact, reported = max(found, key=lambda entry: entry[0][0])
    lines = (
        f"worst point: {exact:.2f} exactly, default tree {reported:.2f}: {tree:.2f} nats off",
        f"one leaf for all rows {leaf:.1e} off there, modelcollapse {ours:.1e}",
    )
    print("\n".join(lines))  # noqa: T201 - a command
