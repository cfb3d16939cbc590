"""Exact simulation of language by counts, in blocks of 1,024 replicates with a stream each.

Counts are simulated: where a training set has fewer transitions than the model, from lists of what
followed each context (`runs`); else from tables, all texts going on at once. Only a random
workflow of one's own, and a set that is edited, go text by text.
"""

from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.families.markov import fixed
from modelcollapse.families.markov.estimator import fits
from modelcollapse.families.markov.measures import NAMES, known, measured, names
from modelcollapse.families.markov.texts import TextForm, transitions
from modelcollapse.families.markov.truth import Language, last_possible
from modelcollapse.loop.blocks import Arrays, Draws, Progress, part, simulated
from modelcollapse.loop.experiment import Lazy, Request
from modelcollapse.loop.routes import given

if TYPE_CHECKING:
    from modelcollapse._support.stream import Stream
    from modelcollapse.loop.experiment import Experiment

HELD = 2e6  # numbers of tables held at a time
STEPS = 2e7  # words until Ctrl-C is looked at
MOST_LISTED = 2**26  # transitions of a pool that is kept word by word, 1.5 GiB
MOST_COUNTED = 2**52  # of a batch that is counted


def simulate(e: "Experiment", request: Request) -> tuple[Lazy, int]:
    """Return the quantities, each of shape (finished, recorded), and the finished replicates.

    They are "excess" (nats per real text), "absent", "missing_mass", "squared_error" and
    "collapsed"; and "length", if batches are of texts and nothing is smoothed.
    """
    blocks = Blocks(e, request.recorded)
    storage, done = simulated(
        blocks, request.replicates, request.seed, request.jobs, request.progress
    )
    measured = storage["measured"]
    return Lazy(given({name: measured[..., i] for i, name in enumerate(blocks.names)})), done


class Blocks:
    """The simulation of an experiment, block by block; `recorded` are ascending generations."""

    def __init__(self, e: "Experiment", recorded: Integers) -> None:
        self.e, self.recorded = e, recorded
        self.slots = np.full(e.generations, -1, dtype=np.int64)
        self.slots[recorded - 1] = np.arange(len(recorded))
        self.names = names(e)
        self.listed = self._listed()

    def _listed(self) -> bool:
        """Return whether lists of what was seen are shorter than tables; subsets need them."""
        e, schedule = self.e, self.e.schedule
        if e.model.contexts == "fixed":
            return False
        length = e.truth.length + 1
        if schedule.kind == "subset":
            if e.sizes.sum(dtype=float) * length > MOST_LISTED:
                raise invalid(
                    "samples",
                    int(e.sizes.max()),
                    f"subsets need all texts, of {MOST_LISTED} transitions at most: give fewer "
                    "texts or generations",
                )
            return True
        if schedule.starts is None:
            return False
        ends = np.cumsum(e.sizes, dtype=float)
        trained = ends - (ends - e.sizes)[schedule.starts]
        # To draw a word costs three times as much as to list it, ten times that to tabulate one.
        cost = (3 * e.sizes.mean() + trained.mean()) * length
        small = trained.max() * length <= MOST_LISTED / 8
        return bool(small and cost <= 10 * e.truth.probabilities.size)

    def storage(self, count: int) -> Arrays:
        """Return what is kept of `count` replicates, to be filled."""
        return {"measured": np.empty((count, len(self.recorded), len(self.names)))}

    @property
    def batch(self) -> int:
        """Replicates at a time: a function of the experiment alone."""
        e = self.e
        if self.listed:
            words = e.sizes.sum(dtype=float) * (e.truth.length + 1)
            return int(np.clip(STEPS / words, 1, 1024))
        if not e.schedule.weighted:
            return 1
        slots = 3 if e.schedule.kind == "memory" else 2 + 2 * e.generations
        return int(np.clip(HELD / (slots * e.truth.probabilities.size), 1, 1024))

    def fill(self, seed: int, index: int, storage: Arrays, progress: Progress) -> None:
        """Simulate one block; its stream depends on the seed and its index alone."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):  # threads could change bits
            self._fill(Draws(seed, index), storage, progress)

    def _fill(self, draws: Draws, storage: Arrays, progress: Progress) -> None:
        count, batch = len(storage["measured"]), self.batch
        for start in range(0, count, batch):
            out = part(storage, slice(start, min(start + batch, count)))["measured"]
            if self.listed:
                self._lists(draws.stream, out)
            elif self.e.schedule.weighted:
                self._tables(draws.stream, out)
            else:
                self._texts(draws.rng, out[0])
            if progress:
                progress(len(out))

    def _lists(self, stream: "Stream", out: Floats) -> None:
        from modelcollapse.families.markov import runs

        e, schedule, truth = self.e, self.e.schedule, self.e.truth
        before = np.cumsum(e.sizes) - e.sizes
        budgets = np.zeros_like(e.sizes)
        if schedule.kind == "subset":
            budgets = schedule.counts
        starts = np.zeros_like(e.sizes) if schedule.starts is None else schedule.starts
        # Batches before the first one that a later generation needs are dropped.
        needed = np.minimum.accumulate(starts[::-1])[::-1]
        alone = (needed == np.arange(len(starts))).astype(np.int64)
        held = texts = 0
        for n, drops in zip(e.sizes.tolist(), alone.tolist(), strict=True):
            texts = n if drops else texts + n
            held = max(held, texts)
        room = min(int(held * (truth.length + 1) * 1.5) + 16, MOST_LISTED)
        p = truth.probabilities
        given, unseen = known(truth, e.model.smoothing)
        found = np.empty((*out.shape[:2], len(NAMES)))
        plan = (e.sizes, schedule.real, before[starts], alone, budgets)
        chain = (p, np.cumsum(p, axis=1), last_possible(p), truth.base)
        alpha, most = e.model.smoothing, MOST_LISTED
        done = runs.run(
            stream, *plan, alpha, *chain, given, unseen, self.slots, held, room, most, found
        )
        self._require(done, MOST_LISTED)
        out[:] = found[..., : out.shape[2]]

    def _tables(self, stream: "Stream", out: Floats) -> None:
        """Keep the transitions of each part of a batch per text, as far as they are needed."""
        from modelcollapse.families.markov import kernels

        e, schedule, truth = self.e, self.e.schedule, self.e.truth
        shape = (len(out), *truth.probabilities.shape)
        real = np.broadcast_to(truth.probabilities, shape).copy()
        share = fixed.sizes(e) / e.sizes[0] if e.model.contexts == "fixed" else None
        model, kept, counts = real, np.empty((0, *shape)), np.empty(shape, dtype=np.int64)
        for t in range(1, e.generations + 1):
            parts = [kept]
            for rows, source in ((schedule.real[t - 1], real), (schedule.sampled[t - 1], model)):
                if rows and share is not None:
                    kernels.all_drawn(stream, fixed.sizes(e), source, counts)
                elif rows:
                    walk = (int(rows), source, truth.base, MOST_COUNTED, counts)
                    self._require(kernels.all_walked(stream, *walk), MOST_COUNTED)
                if rows:
                    parts.append((counts / rows)[None])
            carry, weights = schedule.step(t)
            kept = np.concatenate(parts)
            if schedule.kind == "memory":
                kept = np.tensordot(carry, kept, axes=1)
            flow = np.tensordot(weights, kept, axes=1)
            model = fits(flow * schedule.trained(t), e.model.smoothing)
            if (slot := self.slots[t - 1]) >= 0:
                own = flow if len(self.names) == len(NAMES) else None
                out[:, slot] = measured(truth, model, own)

    def _texts(self, rng: np.random.Generator, out: Floats) -> None:
        """Ask the workflow for texts, generation after generation."""
        e, truth, form = self.e, self.e.truth, TextForm()
        model, batches = truth, list[Integers]()
        shape, choices = truth.probabilities.shape, e.schedule.chosen(rng)
        for t, n in enumerate(e.schedule.listed):
            r = int(e.schedule.real[t])
            parts = [one.sample(k, rng) for one, k in ((truth, r), (model, n - r)) if k]
            batches = [form.joined([*batches, *parts])]
            chosen, weights = next(choices)
            some = form.taken(batches[0], chosen)
            context, outcome, row = transitions(some, truth.words, truth.order)
            each = np.full(len(some), 1.0) if weights is None else weights
            each = each * (np.count_nonzero(each) / each.sum())
            flat = np.bincount(context * shape[1] + outcome, each[row], shape[0] * shape[1])
            counts = flat.reshape(shape)
            model = Language.of_table(fits(counts, e.model.smoothing))
            if (slot := self.slots[t]) >= 0:
                flows = counts[None] / np.count_nonzero(each)
                found = measured(truth, model.probabilities[None], flows)
                out[slot] = found[0, : out.shape[1]]

    def _require(self, done: bool, most: int) -> None:
        if not done:
            raise InvalidInput(
                f"samples = {int(self.e.sizes.max())}: the texts of a fit have grown beyond {most} "
                "words; give fewer texts or generations, or a truth of shorter ones"
            )
