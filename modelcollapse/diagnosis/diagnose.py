"""The function that puts a trajectory to the eight definitions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, fraction, named, number, positive
from modelcollapse._support.errors import InvalidInput, invalid, shown
from modelcollapse._support.words import many
from modelcollapse.diagnosis import definitions
from modelcollapse.diagnosis import scaling as laws
from modelcollapse.diagnosis.answer import Answer
from modelcollapse.diagnosis.bars import Bar
from modelcollapse.diagnosis.case import Case
from modelcollapse.diagnosis.columns import Columns
from modelcollapse.diagnosis.effects import Effect, effect
from modelcollapse.diagnosis.outcome import DEFINITIONS, Diagnosis, Finding
from modelcollapse.diagnosis.reading import read
from modelcollapse.diagnosis.record import Record, Series
from modelcollapse.diagnosis.roles import Metric, assign, remarks
from modelcollapse.diagnosis.theory import Theory
from modelcollapse.loop.experiment import Experiment

TESTS = ("auto", "sign", "paired", "steps")
ENDS = ("worse", "left out")


def diagnose(
    trajectory: Any,
    *,
    risk: str | None = None,
    variance: str | None = None,
    modes: str | None = None,
    tail: str | None = None,
    hallucinated: str | None = None,
    catastrophe: float | None = None,
    ceiling: float | None = None,
    vanished: float | None = None,
    bounds: tuple[float, float] | None = None,
    scaling: Mapping[int, Any] | Sequence[tuple[int, Any]] | None = None,
    margin: float = 0.0,
    experiment: Experiment | None = None,
    workflow: str | None = None,
    generation: str | None = None,
    run: str | Sequence[str] | None = None,
    by: str | None = None,
    wide: str | None = None,
    test: str = "auto",
    ended: str | None = None,
    alpha: float = 0.05,
) -> Diagnosis:
    """Say by which of eight definitions of model collapse a trajectory has collapsed.

    Every later generation is compared with the first, the fit to real data. A theorem decides
    where the experiment is known (`simulate` records it); else an exact fact (an infinite risk, a
    variance of 0); else a test that is valid at any number of runs. What none of them decides is
    "undetermined", with what would decide it: a larger alpha, or so many runs. Each finding has the
    size of the change with an exact interval, and the p-value of its test with the null hypothesis
    in words; a rise that is shown may be small, as that of accumulate is.

    Parameters
    ----------
    trajectory
        Trajectories, a `Run`, `Runs` or a list of `Run`, an Experiment or its Prediction (theory
        alone), the Results of a language run, a mapping from names to arrays of shape
        (generations,) or (replicates, generations), a data frame of any library, the path of a
        language run's folder, or of a .csv, .tsv, .parquet, .json or .jsonl file, such as the
        trainer_state.json of transformers, or a list of such files, one for each run. Tables have
        one row per run and generation, or a column for each run (seed_1, seed_2), or one for each
        generation (1, 2, 3). What `modelcollapse simulate` wrote brings its theorems.
    risk, variance, modes, tail, hallucinated
        The column that plays the role; by default one that the package's own rooms record, or
        one of a usual name, such as eval_loss or accuracy. A column gets worse as it rises, a
        variance as it falls; a leading minus, as in ``modes="-present"``, says that another one
        gets worse as it falls, which is known of an accuracy.
    catastrophe
        The risk that is a catastrophe, as a multiple of generation 1's, above 1. It has no
        default.
    ceiling
        The same as a value of the column, such as that of an untrained model: above it, or, where
        the column gets worse as it falls, below it. Give one of the two.
    vanished
        The share of the first variance, between 0 and 1, below which it counts as collapsed.
        Without it only a theorem or a variance of exactly 0 decides.
    bounds
        Proved bounds on the risk of every run. The test of an increase is then about the mean;
        without them about the median, as no test of the mean of an unbounded loss is valid.
    scaling
        Trajectories of the same loop by sample size, for the change in scaling law; the smallest
        and the largest size are compared.
    margin
        The largest change of the scaling exponent that counts as none.
    experiment
        What a file, mapping or Run is a trajectory of: it brings the theorems.
    workflow
        Which workflow of a language run, or which setting of a table that has several.
    generation
        The column of a table that counts the generations; by default generation, iteration,
        round, step or epoch. If they begin neither at 0 nor at 1, they are taken in order as
        1, 2, ....
    run
        The column that tells runs apart, or several that together do; by default all there are of
        replicate, seed, run, run_id, run_name, trial and chain.
    by
        The column that tells settings apart, of which `workflow` names one; by default workflow,
        setting, condition or method.
    wide
        What all other numbers of a table are, where it has a column for each run or generation
        and its columns' names do not say so.
    test
        How runs are compared: "sign" (how many are worse), "paired" (the signs of their changes),
        "steps" (the signs of all steps from a generation to the next), or "auto": a sign test where
        so many runs could decide at alpha, else steps; for the variance the changes of its
        logarithm, and of fewer than six runs its steps, as a fit multiplies it. With bounds on the
        risk its mean is tested by betting. Each finding has its null hypothesis; they are compared
        in `modelcollapse.diagnosis.comparing`.
    ended
        What becomes of a run that ends before others: "worse", from there on it is worse than any
        that lives (its fit died); "left out", generations that it lacks are not looked at. By
        default "worse" for a `Run` whose fit failed, and "left out" for others.
    alpha
        The largest probability, for each definition, that the data give a wrong verdict.

    Returns
    -------
    Diagnosis
        ``.sentence``, ``.verdicts`` by name, ``.summary``, ``.table()`` and ``.as_dict()``.

    Raises
    ------
    InvalidInput
        If the trajectory cannot be read, has one generation only, holds NaN, or a column that was
        asked for does not exist.

    References
    ----------
    Schaeffer, Kazdan, Arulandu and Koyejo, "Position: Model Collapse Does Not Mean What You
    Think", arXiv 2503.03150.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> runs = mc.simulate(mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 30), 100)
    >>> found = mc.diagnose(runs)
    >>> found["variance_collapse"].verdict, found["diverging_risk"].verdict
    ('holds', 'does not hold')
    """
    bar = _bar(catastrophe, ceiling)
    share = None if vanished is None else fraction("vanished", vanished)
    alpha = fraction("alpha", alpha)
    if experiment is not None and not isinstance(experiment, Experiment):
        raise invalid("experiment", experiment, "give an Experiment(model, workflow, ...)")
    named("test", test, TESTS)
    columns = Columns.of(generation, run, by, wide)
    record = _with_ends(read(trajectory, workflow, experiment, columns), ended)
    sizes = laws.read_sizes(scaling, workflow, columns)
    theory = Theory(record.experiment)
    given = {
        "risk": risk,
        "variance": variance,
        "modes": modes,
        "tail": tail,
        "hallucinated": hallucinated,
    }
    metrics = assign(given, record.columns, theory.curves, theory.names)
    limits = _bounds(bounds, record, metrics["risk"])
    case = Case(record, theory, metrics, alpha, limits, test)
    loss = metrics["risk"]
    answers = {
        "catastrophic_risk": definitions.catastrophic_risk(case, bar),
        "any_risk": definitions.any_risk(case),
        "diverging_risk": definitions.diverging_risk(case),
        "variance_collapse": definitions.variance_collapse(case, share),
        "scaling_law": definitions.no_risk(case)
        if loss is None
        else laws.change(sizes, loss.name, _margin(margin), alpha),
        "mode_loss": definitions.mode_loss(case),
        "tail_loss": definitions.tail_loss(case),
        "hallucination": definitions.hallucination(case),
    }
    return Diagnosis(
        record.source,
        {key: _finding(case, i, key, answers[key]) for i, key in enumerate(DEFINITIONS, 1)},
        record.runs,
        (int(record.generations[0]), int(record.generations[-1])),
        alpha,
        (*_notes(case), *remarks(metrics, given)),
    )


def _finding(case: Case, number: int, name: str, answer: Answer) -> Finding:
    column, record = answer.metric.removeprefix("-"), case.record
    moved = None
    if column in record.columns:
        falls = answer.metric != column or (name == "variance_collapse")
        moved = effect(record.series(column), -1 if falls else 1, case.alpha)
    if moved and moved.left_out and answer.basis == "test" and answer.verdict == "does not hold":
        answer = _unfinished(answer, moved)
    return Finding(number, name, DEFINITIONS[name], effect=moved, **vars(answer))


def _unfinished(answer: Answer, moved: Effect) -> Answer:
    """Return what is known where generations are left out: up to which it does not hold."""
    left = many(moved.left_out, "later generation")
    return replace(
        answer,
        verdict="undetermined",
        basis="",
        reason=f"up to generation {moved.generations[1]} it does not hold, and {left} left out",
        needed="all generations of every run; or ended='worse', if the fits of those that end died",
    )


def _with_ends(record: Record, ended: str | None) -> Record:
    """Return the record, where runs that end before others are what the user says."""
    if ended is None:
        return record
    named("ended", ended, ENDS)
    return replace(record, died=frozenset(range(record.runs)) if ended == ENDS[0] else frozenset())


def _bar(catastrophe: float | None, ceiling: float | None) -> Bar | None:
    if catastrophe is not None and ceiling is not None:
        raise InvalidInput(
            f"catastrophe = {shown(catastrophe)} and ceiling = {shown(ceiling)}: give one of the "
            "two"
        )
    if catastrophe is not None:
        if positive("catastrophe", catastrophe) <= 1:
            raise invalid("catastrophe", catastrophe, "give a factor above 1")
        return Bar(float(catastrophe))
    return None if ceiling is None else Bar(level=number("ceiling", ceiling))


def _margin(margin: float) -> float:
    if number("margin", margin) < 0:
        raise invalid("margin", margin, "give a number, at least 0")
    return float(margin)


def _bounds(bounds: Any, record: Record, metric: Metric | None) -> tuple[float, float] | None:
    """Return the checked bounds on the risk; data outside them are refused."""
    if bounds is None:
        return None
    if not isinstance(bounds, Sequence) or len(bounds) != 2:
        raise invalid("bounds", bounds, "give (low, high)")
    low, high = (number("bounds", value) for value in bounds)
    if low >= high:
        raise invalid("bounds", bounds, "give (low, high) with low < high")
    if metric is not None and metric.name in record.columns:
        series = record.series(metric.name)
        outside = np.argwhere((series.values < low) | (series.values > high))
        if len(outside):
            run, j = outside[0]
            raise invalid(
                "bounds",
                bounds,
                f"{metric.name} is {series.values[run, j]:.5g} in run {run} at generation "
                f"{series.generations[j]}; give bounds that are proved",
            )
    return low, high


def _notes(case: Case) -> tuple[str, ...]:
    record = case.record
    notes = list(record.notes)
    for metric in dict.fromkeys(filter(None, case.metrics.values())):
        if metric.name in record.columns and not record.complete:
            notes += _missing(case, metric, record.series(metric.name))
    notes += _copies(case)
    if record.experiment is None:
        notes.append("no experiment is known, so no theorem was used")
    return tuple(dict.fromkeys(notes))


def _copies(case: Case) -> list[str]:
    """Return a note on runs that have the same numbers, which are no independent runs."""
    metric, record = case.metrics["risk"] or case.metrics["variance"], case.record
    if metric is None or metric.name not in record.columns or record.runs < 2:
        return []
    values: Floats = record.series(metric.name).values
    if values.shape[1] < 2 or np.all(values == values[:, :1]):
        return []
    _, first, which = np.unique(values, axis=0, return_index=True, return_inverse=True)
    same = np.flatnonzero(first[which.ravel()] != np.arange(len(values)))
    if not len(same):
        return []
    one, other = int(first[which.ravel()[same[0]]]), int(same[0])
    what = f"runs {one} and {other} have the same values of {metric.name}"
    return [f"{what}: is one a copy? The tests are about independent runs"]


def _missing(case: Case, metric: Metric, series: Series) -> list[str]:
    """Return notes on values that are not there."""
    notes = []
    for run in np.flatnonzero(series.died.any(axis=1)):
        t = series.generations[np.argmax(series.died[run]) - 1]
        notes.append(f"run {run} died after generation {t}: from there on it counts as worse")
    left_out = series.left_out
    if len(left_out):
        some = ", ".join(map(str, left_out[:8])) + ", ..." * (len(left_out) > 8)
        which = "generation" if len(left_out) == 1 else "generations"
        first = case.first if left_out[0] == case.first else None
        where = "there" if first is None else f"at generation {first}"
        text = f"{metric.name}: {which} {some} left out, as a run has none {where}"
        remedy = "; if its fit died, ended='worse' counts it as worse"
        notes.append(text + (remedy if first is None else ""))
    return notes
