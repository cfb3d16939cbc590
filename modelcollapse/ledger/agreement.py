"""Whether the simulation of any loop, also of one's own workflow, agrees with its prediction."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from modelcollapse._support.checks import fraction, listener, positive, whole
from modelcollapse._support.errors import InvalidInput, ModelCollapseError, NoClosedForm, invalid
from modelcollapse._support.words import many
from modelcollapse.evidence import samples_needed
from modelcollapse.ledger.by_loop import NEIGHBOURS, by_loop, named
from modelcollapse.ledger.claims import LARGEST_CV, Design, MeanClaim
from modelcollapse.ledger.theorem import Entries, Theorem, Verdict
from modelcollapse.ledger.values import constant, quantity
from modelcollapse.ledger.verification import ALPHA, Verification
from modelcollapse.loop.experiment import Experiment, Prediction, predict

MOST_GENERATIONS = 30  # beyond it exact variances of arbitrary weights cost too much
MOST_REPLICATES = 1_000_000
RESOLVED = 1e-6  # a smaller relative difference of two predictions may be rounding


class Check(NamedTuple):
    """One quantity at one generation: its mean, a bound on its variance, and the runs it needs."""

    name: str
    generation: int
    value: float
    variance: float
    replicates: int


def verify_experiment(
    experiment: Experiment,
    *,
    effect: float = 0.05,
    seed: int = 0,
    alpha: float = ALPHA,
    seconds: float = 10.0,
    progress: Callable[[str, float], None] | None = None,
) -> Entries[Verdict]:
    """Hold the simulation of a loop against its prediction, as `verify` does for the ledger.

    Every quantity with an exactly predicted mean, and a variance or proved bounds, is tested at
    the last generation, of the first 30, where its mean can be seen in at most a million runs.
    Where the workflow is one's own, the plain loop, `run`, is held to the simulation too: what it
    measures has to have one law there and here, at generation 5 or the last before it.

    Parameters
    ----------
    experiment
        The loop; its workflow may be your own.
    effect
        The relative error of a prediction that is to be found, between 0 and 1.
    seed
        The seed of the simulation; the verdicts hold for any.
    alpha
        The false-alarm probability of each check, and the probability that it misses a near miss.
    seconds
        How long the plain loop may run. It is repeated as often as `effect` asks for, or as time
        permits; what that cannot tell is "weak".
    progress
        Called with what is under way and the share of the work that is finished.

    Returns
    -------
    list of Verdict
        One for each quantity; `parameters` also says where the methods of a workflow of one's own
        were not compared with each other, as that would have taken too long. Near misses are
        predictions off by `effect`, those of replace, accumulate and accumulate-subsample, and a
        generation too few, where they differ enough.

    Raises
    ------
    InvalidInput
        If an argument is out of its range, or nothing can be tested; the message says why.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> loop = mc.Experiment(mc.Gaussian(), mc.Replace(), samples=10, generations=4)
    >>> {verdict.verdict for verdict in mc.verify_experiment(loop, effect=0.4)}
    {'holds'}
    """
    if not isinstance(experiment, Experiment):
        raise invalid("experiment", experiment, "give an Experiment(model, workflow, ...)")
    fraction("effect", effect)
    fraction("alpha", alpha)
    whole("seed", seed, minimum=0)
    positive("seconds", seconds)
    listener(progress, "theorems")
    say, verdicts = progress or (lambda *_: None), Entries[Verdict]()
    e = replace(experiment, generations=min(experiment.generations, MOST_GENERATIONS))
    own = not e.schedule.rule
    theorems = []
    if own:
        say("the plain loop", 0.0)
        theorems = by_loop(e, effect, alpha, seed, seconds)
    checks, why = _checks(e, effect, alpha)
    if checks:
        at = tuple(sorted({check.generation for check in checks}))
        design = Design(lambda: e, max(check.replicates for check in checks), at=at)
        theorems = [*(_theorem(e, check, design, effect, alpha) for check in checks), *theorems]
    if not theorems:
        raise InvalidInput(f"{e.model!r} with {e.workflow!r}: nothing can be tested: {why}")
    with Verification(theorems, seed, alpha, thorough=True) as verification:
        for done, theorem in enumerate(theorems):
            say(theorem.slug, done / len(theorems))
            verdicts.append(verification.verdict(theorem))
    say("", 1.0)
    return verdicts


def _checks(e: Experiment, effect: float, alpha: float) -> tuple[list[Check], str]:
    """Return what can be tested by its predicted mean, and why others cannot."""
    prediction, found, reasons = predict(e), [], dict(predict(e).variances.reasons)
    for name in prediction:
        if name not in prediction.variances and name not in prediction.bounds:
            continue
        try:
            best = _latest(prediction, name, effect, alpha)
        except NoClosedForm as error:
            reasons[name] = str(error)
            continue
        if best is None:
            infinite = not np.isfinite(prediction[name]).any()
            more = f"more than {MOST_REPLICATES} runs would be needed; give a larger effect"
            reasons[name] = prediction.reasons.get(name, "infinite") if infinite else more
        else:
            found.append(best)
    return found, "; ".join(dict.fromkeys(reasons.values()))


def _latest(p: Prediction, name: str, effect: float, alpha: float) -> Check | None:
    """Return the check at the last generation where the mean can be seen, or None."""
    values = p[name].tolist()
    if name in p.variances:
        variances = p.variances[name].tolist()
    else:  # the largest variance of a bounded quantity with that mean (Bhatia and Davis)
        low, high = p.bounds[name]
        variances = [(value - low) * (high - value) for value in values]
    for t in range(len(values), 0, -1):
        value, variance = values[t - 1], variances[t - 1]
        if not (math.isfinite(value) and 0 < variance < math.inf and value != 0):
            continue
        if "log" not in name and math.sqrt(variance) > LARGEST_CV * abs(value):
            continue
        # Below this relative effect more than the most replicates are needed in any case.
        if effect * abs(value) < math.sqrt(variance / MOST_REPLICATES):
            continue
        needed = samples_needed(
            "mean", effect * abs(value), variance=variance, alpha=alpha, beta=alpha
        )
        if needed <= MOST_REPLICATES:
            return Check(name, t, value, variance, needed)
    return None


def _theorem(e: Experiment, check: Check, design: Design, effect: float, alpha: float) -> Theorem:
    def seen(value: float) -> bool:
        """Return whether the runs tell another value from the predicted one."""
        gap = abs(value - check.value)
        if not RESOLVED * abs(check.value) < gap < math.inf:
            return False
        least = samples_needed("mean", gap, variance=check.variance, alpha=alpha, beta=alpha)
        return least <= design.replicates

    near = {
        f"{100 * effect:g} % more": check.value * (1 + effect),
        f"{100 * effect:g} % less": check.value * (1 - effect),
    }
    near |= {name: value for name, value in _neighbours(e, check).items() if seen(value)}
    kind, workflow = e.model.described()["model"], named(e)
    claim = MeanClaim(
        design,
        quantity(check.name, check.generation),
        constant(check.value),
        constant(check.variance),
        {name: constant(value) for name, value in near.items()},
        signed="log" in check.name,
    )
    return Theorem(
        f"{kind}/{workflow}/{check.name.replace('_', '-')}",
        "The simulated mean is the predicted one.",
        "",
        "this experiment",
        "",
        "law",
        f"t={check.generation}, {many(design.replicates, 'run')}{_unseen(e)}",
        claim,
    )


def _unseen(e: Experiment) -> str:
    """Say at how many generations the workflow's rows were not compared with its weights."""
    count = len(e.unseen)
    text = f"; training_rows was not compared with the weights at {count} of {e.generations}"
    return f"{text} generations" if count else ""


def _neighbours(e: Experiment, check: Check) -> dict[str, float]:
    """Return what other workflows, and a generation fewer, would predict."""
    found = {}
    if check.generation > 1:
        found["a generation too few"] = float(predict(e)[check.name][check.generation - 2])
    for workflow in NEIGHBOURS:
        if workflow.name == e.schedule.rule:
            continue
        try:
            other = replace(e, workflow=workflow, samples=e.sizes.tolist())
            value = float(predict(other)[check.name][check.generation - 1])
        except ModelCollapseError:
            continue  # it has no such prediction
        found[f"{workflow.name}'s"] = value
    return found
