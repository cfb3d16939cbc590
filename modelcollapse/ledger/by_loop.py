"""The plain loop of one's own workflow, held to its simulation: both have one law."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import InvalidInput, ModelCollapseError
from modelcollapse._support.words import many
from modelcollapse.evidence import same_law, samples_needed
from modelcollapse.ledger.claims import SameLawClaim
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.loop.experiment import Experiment, simulate
from modelcollapse.loop.replicates import run
from modelcollapse.workflows import (
    BY_NAME,
    Accumulate,
    AccumulateSubsample,
    AnyWorkflow,
    Replace,
)

FITTED, TRAINED = ("variance", "squared_error"), ("second_moment", "central_variance")
NEIGHBOURS = (Replace(), Accumulate(), AccumulateSubsample())  # whose numbers are near misses
LATEST = 5  # the generation that is compared: a later one costs more and tells little more
FIRST_RUNS = 2_000  # simulated to see how far apart the laws are
MOST_RUNS = 100_000
SIMULATED = 4  # runs for each of the plain loop, which is slower

Columns = Mapping[str, Floats]


def by_loop(e: Experiment, effect: float, alpha: float, seed: int, seconds: float) -> list[Theorem]:
    """Return a theorem for each quantity that `run` measures and the simulation records.

    Near misses are the simulation's values, off by `effect`, and those of other workflows where
    the simulations themselves can be told apart. A model that `run` cannot take has none.
    """
    T = min(e.generations, LATEST)
    sizes = int(e.sizes[0]) if e.schedule.sets_sizes else e.sizes[:T].tolist()
    short = replace(e, samples=sizes, generations=T)
    runs = simulate(short, FIRST_RUNS, seed, [T])
    # Of fitted moments, or else of training rows: what `run` measures of any model.
    names = [name for name in FITTED if name in runs.values]
    names = names or [name for name in TRAINED if name in runs.values]
    if not names:
        return []
    gap = min(_gap(runs[name][:, 0], effect) for name in names)
    wanted = samples_needed("law", gap / 2, alpha=alpha / 2, beta=alpha / 2)
    looped = _looped(short, names, min(wanted, MOST_RUNS), seed, seconds)
    if not looped:
        return []
    count = SIMULATED * len(looped[names[0]])

    def simulated(workflow: AnyWorkflow) -> Columns:
        found = simulate(replace(short, workflow=workflow), count, seed, [T])
        return {name: found[name][:, 0] for name in names}

    here = simulated(short.workflow)
    others = _others(simulated)
    return [_theorem(short, name, looped[name], here, others, effect, alpha) for name in names]


def named(e: Experiment) -> str:
    """Return the name of a loop's workflow: "own" where it would be that of a built-in one."""
    name = str(getattr(e.workflow, "name", "own"))
    return name if e.schedule.rule or name not in BY_NAME else "own"


def _gap(values: Floats, effect: float) -> float:
    """Return how far the law is from that of values off by `effect`."""
    return same_law(values, values * (1 + effect)).statistic or 1.0


def _looped(
    e: Experiment, names: list[str], most: int, seed: int, seconds: float
) -> Columns | None:
    """Return what the plain loop measures at the last generation, in as many runs as fit."""
    if not all(hasattr(e.truth, name) for name in ("sample", "mean", "covariance")):
        return None
    start, rows = time.perf_counter(), []
    seeds = np.random.SeedSequence(seed, spawn_key=(1,)).generate_state(most).tolist()
    for one in seeds:
        found = run(
            e.model, e.truth, e.workflow, e.samples, e.generations, one, sampling=e.sampling
        )
        if not found.completed:
            raise InvalidInput(f"{e.workflow!r}: the plain loop ended early: {found.outcome}")
        if not all(name in found.metrics for name in names):
            return None
        rows.append([found[name][-1] for name in names])
        if time.perf_counter() - start > seconds:
            break
    return dict(zip(names, np.array(rows).T, strict=True))


def _others(simulated: Callable[[AnyWorkflow], Columns]) -> dict[str, Columns]:
    """Return the simulations of other workflows."""
    found = {}
    for workflow in NEIGHBOURS:
        try:
            found[f"{workflow.name}'s"] = simulated(workflow)
        except ModelCollapseError:
            continue  # it has none with these options
    return found


def _theorem(
    e: Experiment,
    name: str,
    looped: Floats,
    here: Columns,
    others: Mapping[str, Columns],
    effect: float,
    alpha: float,
) -> Theorem:
    near = {
        f"{100 * effect:g} % more": here[name] * (1 + effect),
        f"{100 * effect:g} % less": here[name] * (1 - effect),
    }
    for other, columns in others.items():
        apart = same_law(here[name], columns[name], alpha=alpha, beta=alpha)
        if apart.statistic > apart.detectable:
            near[other] = columns[name]
    kind, workflow = e.model.described()["model"], named(e)
    return Theorem(
        f"{kind}/{workflow}/loop-{name.replace('_', '-')}",
        "The plain loop has the simulation's law.",
        "",
        "this experiment",
        "",
        "law",
        f"t={e.generations}, {many(len(looped), 'run')} of the plain loop",
        SameLawClaim(looped, here[name], near),
    )
