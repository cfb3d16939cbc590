"""Exact simulation of kernel density loops: genealogies first, scores where they are asked for."""

from typing import TYPE_CHECKING, Any

import numpy as np

from modelcollapse._support.checks import Floats, Integers, columns, rows, whole
from modelcollapse._support.errors import InvalidInput, NoClosedForm
from modelcollapse._support.tables import is_number
from modelcollapse._support.words import many
from modelcollapse.families.kde import scores
from modelcollapse.families.kde.bandwidth import schedule
from modelcollapse.families.kde.kernel import BALLS, GAUSSIAN
from modelcollapse.families.kde.moments import (
    generator_bandwidths,
    scoring_bandwidths,
    scoring_rule,
    total_variance,
)
from modelcollapse.families.kde.plan import Choice, Plan
from modelcollapse.families.kde.training import trainings
from modelcollapse.loop.blocks import Arrays, Draws, Progress, part, simulated
from modelcollapse.loop.experiment import Lazy, Request
from modelcollapse.loop.routes import given
from modelcollapse.loop.truth import Rows

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

TEST, DRAW = 1, 2  # streams beside a block's own, so that what is asked for changes no row


def simulate(e: "Experiment", request: Request) -> tuple[Lazy, int]:
    """Return the quantities, each of shape (finished, recorded), and the finished replicates.

    "second_moment" and "central_variance" are those of the training rows, in units of tr S_0.
    With `request.test`, "test_log_loss". `request.extra` may name "mise" (the integrated squared
    error of each replicate, whose mean it is; Gaussian kernel, truth with a density) and "draw"
    (one row sampled from each recorded fit, at the scored bandwidth, (..., dim)).
    """
    plan = _plan(e, request)
    storage, done = simulated(
        Blocks(plan), request.replicates, request.seed, request.jobs, request.progress
    )
    return Lazy(given(storage)), done


def _plan(e: "Experiment", request: Request) -> Plan:
    slots = np.full(e.generations, -1, dtype=np.int64)
    slots[request.recorded - 1] = np.arange(len(request.recorded))
    test = _test_set(e, request.test)
    plan = Plan(e, request.recorded, slots, frozenset(request.extra), test, request.tolerance)
    if "mise" in plan.extra and (e.model.kernel is not GAUSSIAN or isinstance(e.truth, Rows)):
        raise InvalidInput(
            "extra = 'mise' needs the Gaussian kernel and a truth with a density (a Normal or a "
            "NormalMixture): leave it out"
        )
    return plan


def _test_set(e: "Experiment", test: Any) -> Floats | int | None:
    if test is None:
        return None
    if is_number(test):
        return whole("test", test)
    values = rows("test", test.values if isinstance(test, Rows) else test)
    try:
        return columns(values, e.model.dim, e.model.dim)
    except InvalidInput as error:
        there = many(values.shape[1], "column")
        raise InvalidInput(
            f"test has {there} and the model has dim = {e.model.dim}: make them equal"
        ) from error


def _bandwidths(e: "Experiment") -> tuple[Floats, Floats]:
    """Return the generator's schedule and the scored one.

    A workflow that says only which rows needs a schedule that does not ask for their number.
    """
    model, edits = e.model, e.schedule.edits
    own = scoring_rule(e)
    if edits is not None:
        rows = np.full(e.generations, float(edits.size))
        return schedule(model.bandwidth, rows, model.dim), schedule(own, rows, model.dim)
    try:
        found = trainings(e)
    except NoClosedForm as error:
        for rule in (model.bandwidth, own):
            if isinstance(rule, str):
                raise InvalidInput(
                    f"bandwidth = {rule!r} needs the number of training rows beforehand, and "
                    f"{error}"
                ) from error
        rows = np.ones(e.generations)
        return schedule(model.bandwidth, rows, model.dim), schedule(own, rows, model.dim)
    return generator_bandwidths(e, found), scoring_bandwidths(e, found)


def _require_density(h: Floats, recorded: Integers) -> None:
    bare = np.flatnonzero(h[recorded - 1] == 0)
    if bare.size:
        raise InvalidInput(
            f"bandwidth = 0 at generation {recorded[bare[0]]}: atoms have no density to score; "
            "give scoring_bandwidth a number above 0, or record other generations with at"
        )


class Blocks:
    """The simulation of a plan, block by block."""

    def __init__(self, plan: Plan) -> None:
        e = plan.experiment
        self.plan = plan
        self.bandwidths, self.scored = _bandwidths(e)
        if (plan.test is not None or "mise" in plan.extra) and plan.scored_by_number:
            _require_density(self.scored, plan.recorded)

    @property
    def released(self) -> bool:
        """Whether compiled code does the work, see `loop.blocks`: rows and their moments alone."""
        plan, e = self.plan, self.plan.experiment
        asked = plan.test is not None or plan.extra
        known = plan.fixed is not None or e.schedule.random_sets
        return bool(known and e.model.kernel.built_in and not asked)

    def storage(self, count: int) -> Arrays:
        """Return what is kept of `count` replicates, to be filled."""
        return self.plan.storage(count)

    def fill(self, seed: int, index: int, storage: Arrays, progress: Progress) -> None:
        """Simulate one block; its streams depend on the seed and its index alone."""
        draws = Draws(seed, index)
        drawn = self.plan.recorded.tolist() if "draw" in self.plan.extra else []
        drawing = {t: Draws(seed, index, DRAW, t).rng for t in drawn}
        aside = Draws(seed, index, TEST).rng, drawing
        count = len(storage["second_moment"])
        for start in range(0, count, self.plan.batch):
            cut = slice(start, min(start + self.plan.batch, count))
            some = part(storage, cut)
            choice, pools = self.genealogies(draws, cut.stop - start)
            self.measure(choice, pools, some)
            self.score(choice, pools, some, *aside)
            if progress:
                progress(cut.stop - start)

    def genealogies(self, draws: Draws, count: int) -> tuple[Choice, Floats]:
        """Return who trains on what, and all rows of `count` replicates, (count, N, d)."""
        from modelcollapse.families.kde import genealogy

        plan, e = self.plan, self.plan.experiment
        rows, d = int(e.sizes.sum()), e.model.dim
        choice = plan.choice(count, draws.rng)
        pools = np.empty((count, rows, d))
        fresh = e.schedule.real
        for start, real in zip(
            (np.cumsum(e.sizes) - e.sizes).tolist(), fresh.tolist(), strict=True
        ):
            if real:
                drawn = e.truth.sample(count * real, draws.rng).reshape(count, real, d)
                pools[:, start : start + real] = drawn
        kernel, given = e.model.kernel, np.empty((0, 0, 0))
        extra = 0 if kernel is GAUSSIAN else -1
        if kernel.built_in and kernel.name in BALLS:
            extra = 2 * BALLS[kernel.name] + 2
        if extra < 0:
            given = kernel.noise(count * rows, d, draws.rng).reshape(count, rows, d)
        genealogy.grow(
            *(
                draws.stream,
                choice.kind,
                e.sizes,
                fresh,
                choice.firsts,
                choice.counts,
                choice.tables,
            ),
            *(choice.cumulative, e.schedule.edit_table, self.bandwidths),
            *(bool(self.plan.generator_is_scaled), extra),
            given,
            pools,
        )
        return choice, pools

    def measure(self, choice: Choice, pools: Floats, storage: Arrays) -> None:
        """Fill the moments of the recorded training sets."""
        from modelcollapse.families.kde import summaries

        plan, e = self.plan, self.plan.experiment
        centre = np.array(e.truth.mean)  # can be written: another type would be compiled once more
        second, central = storage["second_moment"], storage["central_variance"]
        if e.schedule.starts is not None:  # rows of whole batches
            where = e.sizes, e.schedule.starts, plan.slots
            summaries.range_moments(*where, centre, pools, second, central)
        else:
            summaries.moments(*choice, plan.slots, centre, pools, second, central)
        second /= total_variance(e)
        central /= total_variance(e)

    def score(
        self,
        choice: Choice,
        pools: Floats,
        storage: Arrays,
        testing: np.random.Generator,
        drawing: dict[int, np.random.Generator],
    ) -> None:
        """Fill what else is asked for."""
        plan, e = self.plan, self.plan.experiment
        if plan.test is not None:
            tests = plan.test
            if isinstance(tests, int):
                fresh = e.truth.sample(len(pools) * tests, testing)
                tests = fresh.reshape(len(pools), tests, e.model.dim)
            scores.losses(plan, self.scored, choice, pools, tests, storage["test_log_loss"])
        if "mise" in plan.extra:
            scores.squared_errors(plan, self.scored, choice, pools, storage["mise"])
        if "draw" in plan.extra:
            scores.draws(plan, self.scored, choice, pools, drawing, storage["draw"])
