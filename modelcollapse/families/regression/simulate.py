"""Exact simulation of regression loops, in blocks of 1,024 replicates with a stream each."""

from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.chi_squares import polynomials
from modelcollapse.families.regression.moments import least_inputs
from modelcollapse.families.regression.sources import Sources, sources_of
from modelcollapse.loop.blocks import Arrays, Draws, Progress, part, simulated
from modelcollapse.loop.experiment import Lazy, Request
from modelcollapse.loop.routes import given
from modelcollapse.loop.schedule import Schedule

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

QUANTITIES = ("risk", "norm")
MOST_LANES = 40  # dimensions in which several replicates are simulated at once
FEW = 64  # replicates between two reports of progress; whole groups of lanes
CELL = 20.0  # rows that cost as much as a cell
MEMORY = 2**23  # floats of remembered labels in a fixed design, or of parts in lanes


def simulate(e: "Experiment", request: Request) -> tuple[Lazy, int]:
    """Return "risk" and "norm", each of shape (finished, recorded), and the finished replicates."""
    slots = np.full(e.generations, -1, dtype=np.int64)
    slots[request.recorded - 1] = np.arange(len(request.recorded))
    storage, done = simulated(
        Blocks(e, slots), request.replicates, request.seed, request.jobs, request.progress
    )
    return Lazy(given(storage)), done


class Blocks:
    """The simulation of an experiment, block by block; `slots` are the columns of generations."""

    def __init__(self, e: "Experiment", slots: Integers) -> None:
        self.e, self.slots = e, slots
        self.fixed = e.model.design == "fixed"
        self.rows = not e.schedule.weighted
        worth = np.inf if self.fixed else CELL  # whose rows are of inputs that come again
        self.cells = e.schedule.cells(worth, columns=1 if self.fixed else e.model.dim + 1)
        if not self.rows and not self.fixed:
            self.sources = sources_of(e)
            self.lanes = _lanes(e, self.sources)

    @property
    def released(self) -> bool:
        """Whether compiled code does the work, see `loop.blocks`."""
        return bool(self.cells) or not (self.rows or self.fixed)

    def storage(self, count: int) -> Arrays:
        """Return what is kept of `count` replicates, to be filled."""
        recorded = int(self.slots.max()) + 1
        return {name: np.empty((count, recorded)) for name in QUANTITIES}

    def fill(self, seed: int, index: int, storage: Arrays, progress: Progress) -> None:
        """Simulate one block; its stream depends on the seed and its index alone."""
        from threadpoolctl import threadpool_limits

        draws, count = Draws(seed, index), len(storage["risk"])
        step = FEW
        if self.fixed and not self.rows:
            rank = min(int(self.e.sizes[0]), self.e.model.dim)
            step = max(1, MEMORY // (rank * max(self.e.generations, rank)))
        for start in range(0, count, step):
            cut = slice(start, min(start + step, count))
            some = part(storage, cut)
            if self.cells:
                self._in_cells(draws, some)
            elif self.rows:
                self._on_rows(draws, some)
            elif self.fixed:
                with threadpool_limits(1):  # threads could change bits
                    self._fixed(draws.rng, some)
            else:
                self._fresh(draws, some)
            if progress:
                progress(cut.stop - cut.start)

    def _fixed(self, rng: np.random.Generator, out: Arrays) -> None:
        """All replicates of a generation at once, each in the axes of its own X = U s V'.

        In these axes inputs are decoupled, and V is uniform and independent of s, so w* has a
        uniform direction. Of batches only the weighted means of labels are kept, in slots.
        """
        e, count = self.e, len(out["risk"])
        d, n = e.model.dim, int(e.sizes[0])
        ridge, noise, rank = e.model.ridge, e.model.noise, min(n, d)
        s = singular_values(rng, count, n, d)
        signal = _uniform(rng, count, d) * np.sqrt(e.truth.square)
        seen, lost = signal[:, :rank], (signal[:, rank:] ** 2).sum(axis=1)
        # Without a penalty deviations from w* are tracked, so that nothing cancels.
        truth, origin = (seen, 0.0) if ridge > 0 else (np.zeros_like(seen), seen)
        labels, w = _Labels(e.schedule), truth
        for t in range(1, e.generations + 1):
            parts = (e.schedule.real[t - 1], truth), (e.schedule.sampled[t - 1], w)
            drawn = [s * v + noise * rng.standard_normal((count, rank)) for n, v in parts if n]
            mean = labels.mean(t, np.stack(drawn))
            pull = ridge * n / e.schedule.trained(t) if ridge > 0 else 0.0
            w = s * mean / (s * s + pull) if ridge > 0 else mean / s
            column = self.slots[t - 1]
            if column >= 0:
                out["risk"][:, column] = ((w - truth) ** 2).sum(axis=1) + lost
                out["norm"][:, column] = ((w + origin) ** 2).sum(axis=1)

    def _fresh(self, draws: Draws, out: Arrays) -> None:
        from modelcollapse.families.regression.kernels import fresh

        # A copy can be written, as zeros can: another type would be compiled once more.
        model, true = self.e.model, self.e.truth.values.copy()
        zero = np.zeros_like(true)
        drawn_to_zero = model.ridge > 0 or least_inputs(self.e) < model.dim
        truth, origin = (true, zero) if drawn_to_zero else (zero, true)
        amounts = (model.design == "paired", model.noise, model.ridge, truth, origin)
        fresh(
            draws.stream, *self.sources, *self.lanes, *amounts, self.slots, out["risk"], out["norm"]
        )

    def _in_cells(self, draws: Draws, out: Arrays) -> None:
        from modelcollapse.families.regression.kernels import chosen_cells

        e, model, schedule = self.e, self.e.model, self.e.schedule
        where = e.sizes, schedule.counts, schedule.edit_table, self.cells
        amounts = model.noise, model.ridge, e.truth.values.copy()
        chosen_cells(draws.stream, *where, *amounts, self.slots, out["risk"], out["norm"])

    def _on_rows(self, draws: Draws, out: Arrays) -> None:
        from modelcollapse.families.regression.kernels import chosen_rows

        e, model = self.e, self.e.model
        amounts = (model.noise, model.ridge, e.truth.values)
        for r in range(len(out["risk"])):
            choice = _choice(e, draws)
            risk, norm = out["risk"][r], out["norm"][r]
            chosen_rows(
                draws.stream, self.fixed, e.sizes, *choice, *amounts, self.slots, risk, norm
            )


def _lanes(e: "Experiment", sources: Sources) -> tuple[int, Integers, Floats]:
    """Return how many replicates are simulated at once, and how their chi-squares are drawn.

    Namely by polynomials, at a place of a table for each part. Fits of less than full rank are
    made one by one, and so are those that remember too many parts.
    """
    from modelcollapse.families.regression.reflections import LANES

    counts, d = sources.counts, e.model.dim
    places, drawn = np.full(counts.shape, -1), counts > 0
    many = sources.room * d * (d + 1) * LANES > MEMORY
    if d > MOST_LANES or many or (e.model.ridge == 0 and least_inputs(e) < d):
        return 1, places, np.empty((0, d, 0))
    places[drawn], table = polynomials(counts[drawn][:, None] - np.arange(d))
    return LANES, places, table


class _Labels:
    """The labels of all batches' parts, as far as a workflow will need them, (count, rank) each."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.kept: Floats | None = None
        self.many = 0

    def mean(self, t: int, parts: Floats) -> Floats:
        """Add the newest batch's parts, and return the weighted mean that is fitted to."""
        if self.schedule.kind == "memory":
            carry, weights = self.schedule.step(t)
            slots = parts if self.kept is None else np.concatenate([self.kept, parts])
            self.kept = np.tensordot(carry, slots, axes=1)
            return np.asarray(np.tensordot(weights, self.kept, axes=1))
        if self.kept is None:
            some = int((self.schedule.real > 0).sum() + (self.schedule.sampled > 0).sum())
            self.kept = np.empty((some, *parts.shape[1:]))
        self.kept[self.many : self.many + len(parts)] = parts
        self.many += len(parts)
        weights = self.schedule.parts(t)
        return np.asarray(np.tensordot(weights, self.kept[: self.many], axes=1))


def singular_values(rng: np.random.Generator, count: int, n: int, d: int) -> Floats:
    """Draw the singular values of standard normal matrices (n, d), shape (count, min(n, d)).

    They are those of a bidiagonal matrix of independent chis (Silverstein, Annals of
    Probability 13(4), 1985).
    """
    r, m = min(n, d), max(n, d)
    diagonal = np.sqrt(rng.chisquare(m - np.arange(r), (count, r)))
    above = np.sqrt(rng.chisquare(np.arange(r - 1, 0, -1), (count, r - 1)))
    matrices = np.zeros((count, r, r))
    matrices[:, range(r), range(r)] = diagonal
    matrices[:, range(r - 1), range(1, r)] = above
    return np.asarray(np.linalg.svd(matrices, compute_uv=False), dtype=np.float64)


def _uniform(rng: np.random.Generator, count: int, d: int) -> Floats:
    """Draw uniform directions, shape (count, d)."""
    normal = rng.standard_normal((count, d))
    return np.asarray(normal / np.sqrt((normal**2).sum(axis=1, keepdims=True)))


def _choice(e: "Experiment", draws: Draws) -> tuple[Integers, Integers, Floats]:
    """Return the chosen rows (T, most), how many they are (T,), and weights, if there are any."""
    if e.schedule.kind == "subset":
        from modelcollapse._support.variates import draw_plan

        picked = e.schedule.counts
        plan = np.zeros((e.generations, int(picked.max())), dtype=np.int64)
        order, used = np.empty((2, int(e.sizes.sum())), dtype=np.int64)
        draw_plan(draws.stream, e.sizes, picked, e.schedule.edit_table, order, plan, used)
        return plan, picked, np.empty((0, 0))
    chosen = list(e.schedule.chosen(draws.rng))
    picked = np.array([len(rows) for rows, _ in chosen], dtype=np.int64)
    plan = np.zeros((e.generations, int(picked.max())), dtype=np.int64)
    weights = np.ones(plan.shape)
    for t, (rows, own) in enumerate(chosen):
        plan[t, : len(rows)] = rows
        if own is not None:
            weights[t, : len(rows)] = own
    return plan, picked, weights
