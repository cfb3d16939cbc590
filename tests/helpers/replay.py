"""The plain loop on rows, driven by the noise that the fast simulator drew.

A simulator of sufficient statistics draws, for each batch, the standardised mean z and Bartlett's
factor A of the scatter. `noise` turns them into raw rows with exactly that mean and that scatter;
`replays` draws the same numbers from the same stream once more and hands the rows to `run`.
"""

import itertools
from unittest import mock

import numpy as np
from scipy.linalg import helmert

import modelcollapse as mc
from modelcollapse._support import chi_squares
from modelcollapse._support.compiled import compiled
from modelcollapse._support.stream import fill_words, normal
from modelcollapse._support.variates import within
from modelcollapse.families.gaussian import batches, kernels, lane_kernels, quantities, simulate
from modelcollapse.families.gaussian.quantities import derived, plan_of
from modelcollapse.loop import plain
from modelcollapse.loop.blocks import Draws
from modelcollapse.workflows import Weighting
from modelcollapse.workflows.selection import select
from tests.frozen.parts import Halving

__all__ = ["Bootstrap", "Halving", "Replay"]


@compiled
def swapped(stream, word, bound):
    """Return which of `bound` rows a word chooses."""
    return within(stream, word, bound)


class Bootstrap:
    """Someone else's random workflow: as many rows as there are, drawn with replacement."""

    def training_rows(self, sizes, rng):
        """Return rows, some of them twice."""
        return rng.integers(sum(sizes), size=sum(sizes))


class Scripted(mc.Gaussian):
    """A Gaussian that returns the given batches instead of drawing them."""

    def __init__(self, dim, ddof, batches):
        super().__init__(dim, ddof)
        self.batches = iter(batches)

    def __deepcopy__(self, memo):
        return Scripted(self.dim, self.ddof, self.batches)

    def sample(self, n, random_state=None, temperature=1.0):
        """Return the next batch."""
        del random_state, temperature
        batch = next(self.batches)
        assert len(batch) == n
        return batch


class ScriptedTruth(mc.Normal):
    """A normal truth whose first batch is given."""

    @classmethod
    def of(cls, truth, batch):
        """Return a truth with the given truth's moments in its principal axes."""
        self = cls(np.zeros(len(truth.spectrum)), np.diag(truth.spectrum))
        object.__setattr__(self, "batch", batch)
        return self

    def sample(self, n, rng):
        """Return that batch."""
        del rng
        assert len(self.batch) == n
        return self.batch


class Chosen:
    """A workflow that chooses the given rows at each generation."""

    def __init__(self, rows):
        self.rows = rows

    def training_rows(self, sizes, rng):
        """Return the rows of generation len(sizes)."""
        del rng
        return self.rows[len(sizes) - 1]


def noise(z, A, n):
    """Return rows (n, r) with mean z / sqrt(n) and scatter A A', A (r, columns < n)."""
    basis = helmert(n)[: A.shape[1]]  # orthonormal, and orthogonal to (1, ..., 1)
    return z / np.sqrt(n) + basis.T @ A.T


def normals(stream, count):
    """Return normals, drawn one by one."""
    return np.array([normal(stream) for _ in range(count)])


def bartlett(stream, rank, n, upper):
    """Draw z and Bartlett's factor of n rows in `rank` dimensions, in the compiled order."""
    z, A, scratch = np.zeros(rank), np.zeros((rank, rank)), np.empty(rank * (rank + 1) // 2)
    # Its law: see test_kernels.py.
    columns = kernels.draw_batch(stream, rank, n - 1, upper, z, A, scratch)
    A = A.T if upper else A
    return z, A[:, :columns]


class Replay:
    """The numbers of some replicates: `fits`, the quantities, and the rows behind them."""

    def __init__(self, e, count, seed):
        self.e, self.count = e, count
        extra = set(e.model.extra) if len(e.truth.spectrum) > 1 else set()
        self.plan = plan_of(e, np.arange(1, e.generations + 1), extra)
        self.signs, storage = np.ones((count, e.generations)), self.plan.storage(count)
        self.fits = self.plan.fits(storage)
        with mock.patch.object(batches, "_record", self.record):
            simulate._run(self.plan, Draws(seed), self.fits, count, 0)
        self.plan.finish(self.fits, storage)
        self.quantities = derived(self.plan, storage)
        draws, self.sizes = Draws(seed), e.sizes.tolist()
        self.rng, self.stream = draws.rng, draws.stream

    def record(self, plan, fits, where, t, mean, factor, record=batches._record):
        """Record as the simulator does, and note the factor's sign, which d = 1 forgets."""
        record(plan, fits, where, t, mean, factor)
        self.signs[where, t] = np.copysign(1.0, factor[:, 0, 0])

    def fit(self, r, t):
        """Return mean and factor of replicate r after generation t = 1, 2, ..."""
        if self.plan.dim > 1:
            return self.fits.means[r, t - 1], self.fits.factors[r, t - 1]
        variance = self.fits.variance[r, t - 1] * np.exp(self.fits.shift[r, t - 1])
        deviation = np.sqrt(variance)
        return self.fits.mean[r, t - 1, None], np.array([[self.signs[r, t - 1] * deviation]])

    def batches(self):
        """Return, for each replicate, its batches and the workflow that `run` is to follow."""
        workflow = self.e.workflow
        if isinstance(workflow, mc.AccumulateSubsample):
            return self.subsampled()
        if isinstance(workflow, (mc.Replace, mc.Accumulate)):
            return self.compiled()
        return self.slotted() if isinstance(workflow, Weighting) else self.picked()

    def real(self, count):
        """Draw the real batches of a data set; None for a normal truth."""
        if self.plan.deviations is None:
            return self.plan.real_rows(self.rng, count, self.sizes[0])
        return None

    def synthetic(self, r, t, rows):
        """Turn raw noise (n, rank) into the batch that generation t >= 2 adds."""
        mean, factor = self.fit(r, t - 1)
        root = np.sqrt(self.e.temperature)
        return mean + root * rows @ factor[:, : rows.shape[1]].T

    def compiled(self):
        """Replace and accumulate: one replicate after the other, z before A; in d = 1 in lanes."""
        real = self.real(self.count)
        many = quantities.lanes(self.e, self.plan.dim)
        lanes = self.lanes(real is not None, many) if many > 1 else None
        for r in range(self.count):
            rank, batches = self.plan.dim, []
            for t, n in enumerate(self.sizes, 1):
                if t == 1 and real is not None:
                    batches.append(real[r])
                else:
                    rows = lanes[t][r] if lanes else self.drawn(rank, n, t)
                    first = t == 1
                    batches.append(
                        rows * self.plan.deviations if first else self.synthetic(r, t, rows)
                    )
                if t == 1 or isinstance(self.e.workflow, mc.Replace):
                    rank = min(rank, n - 1)
            yield batches, self.e.workflow

    def drawn(self, rank, n, t):
        """Return the raw rows of a batch in d > 1; a pool's are drawn by A' after the first."""
        upper = t > 1 and isinstance(self.e.workflow, mc.Accumulate)
        return noise(*bartlett(self.stream, rank, n, upper), n)

    def lanes(self, given, many):
        """Return the raw rows of each generation t >= 1 that is drawn, (count, n, d), in lanes."""
        d, below = self.plan.dim, np.tril_indices(self.plan.dim, -1)
        freedoms = self.e.sizes[:, None] - 1 - np.arange(d)
        places, table = chi_squares.polynomials(freedoms)
        raw = {t: [] for t in range(1 + given, len(self.sizes) + 1)}
        for _ in range(0, self.count, many):
            for t, rows in raw.items():
                z, chis, n = (
                    np.empty((d * (d + 1) // 2, many)),
                    np.empty((d, many)),
                    self.sizes[t - 1],
                )
                lane_kernels.draw_lanes(self.stream, n, table, places[t - 1], z, chis)
                for w in range(many):
                    A = np.diag(np.sqrt(chis[:, w]))
                    A[below] = z[d:, w]
                    rows.append(noise(z[:d, w], A[:, : n - 1], n))
        return raw

    def slotted(self):
        """Weightings: all replicates of a generation at once."""
        d, count = self.plan.dim, self.count
        real, all_batches = self.real(count), []
        for t, n in enumerate(self.sizes, 1):
            if t == 1 and real is not None:
                all_batches.append(real)
                continue
            z = self.rng.standard_normal((count, d))
            A = np.tril(self.rng.standard_normal((count, d, d)), -1)
            freedom = np.maximum(n - 1 - np.arange(d), 1)
            A[:, range(d), range(d)] = np.sqrt(self.rng.chisquare(freedom, (count, d)))
            raw = [noise(z[r], A[r, :, : n - 1], n) for r in range(count)]
            all_batches.append(
                [rows * self.plan.deviations for rows in raw]
                if t == 1
                else [self.synthetic(r, t, rows) for r, rows in enumerate(raw)]
            )
        for r in range(count):
            yield [batch[r] for batch in all_batches], self.e.workflow

    def picked(self):
        """Workflows that pick rows: plain rows, the choice before the noise."""
        for r in range(self.count):
            batches = [self.plan.real_rows(self.rng, 1, self.sizes[0])[0]]
            rows = []
            for t in range(1, self.e.generations + 1):
                rows.append(select(self.e.workflow, self.sizes[:t], self.rng)[0])
                if t < self.e.generations:
                    raw = self.rng.standard_normal((self.sizes[t], self.plan.dim))
                    batches.append(self.synthetic(r, t + 1, raw))
            yield batches, Chosen(rows)

    def subsampled(self):
        """Accumulate-subsample: all choices first, then the rows that some generation uses."""
        d, real = self.plan.dim, self.real(self.count)
        workflow = self.e.workflow
        for r in range(self.count):
            rows, order = [], []
            for t, total in enumerate(itertools.accumulate(self.sizes), 1):
                order += range(len(order), total)
                k = workflow.training_size(self.sizes[:t])
                words = np.empty((k + 3) // 4 * 4, np.uint32)
                fill_words(self.stream, words)
                for i in range(k):
                    j = i + swapped(self.stream, words[i], total - i)
                    order[i], order[j] = order[j], order[i]
                rows.append(np.array(order[:k]))
            used, batches = set(np.concatenate(rows).tolist()), []
            for t, n in enumerate(self.sizes, 1):
                first, k = sum(self.sizes[: t - 1]), len(rows[t - 2])
                width = d if t == 1 or k > d or d == 1 else k
                raw = np.zeros((n, width))
                for i in range(n) if t > 1 or real is None else ():
                    if first + i in used or (t == 1 and d > 1):
                        raw[i] = normals(self.stream, width)
                if t == 1:
                    batches.append(raw * self.plan.deviations if real is None else real[r])
                else:
                    batches.append(self.synthetic(r, t, raw))
            yield batches, Chosen(rows)

    def runs(self, metrics):
        """Yield (replicate, result of `run` on its rows, its batches)."""
        e = self.e
        for r, (drawn, workflow) in enumerate(self.batches()):
            # What is sampled is a script, on purpose the same under every seed.
            with mock.patch.object(plain.Loop, "check_seeds", return_value=None):
                result = mc.run(
                    Scripted(self.plan.dim, e.model.ddof, drawn[1:]),
                    ScriptedTruth.of(e.truth, drawn[0]),
                    workflow,
                    e.sizes,
                    e.generations,
                    metrics=metrics,
                    temperature=e.temperature,
                )
            yield r, result, drawn
