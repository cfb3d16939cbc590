"""``modelcollapse diagnose``: by which definitions of model collapse has a trajectory collapsed?"""

import re
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from modelcollapse._support.errors import InvalidInput
from modelcollapse.cli.output import note, print_json
from modelcollapse.diagnosis import Diagnosis
from modelcollapse.diagnosis import diagnose as diagnose_trajectory
from modelcollapse.diagnosis.columns import Columns
from modelcollapse.diagnosis.joining import Table
from modelcollapse.diagnosis.opening import table_of
from modelcollapse.diagnosis.roles import KNOWN

Column = Annotated[str | None, Parameter(allow_leading_hyphen=True)]
MaybeReal = Annotated[float | None, Parameter(allow_leading_hyphen=True)]
Real = Annotated[float, Parameter(allow_leading_hyphen=True)]

# What is longer than an argument and its value.
WRITTEN = {
    "bounds=(low, high)": "--bounds LOW,HIGH",
    "scaling={100: one, 1000: another}": "--scaling 100=one.csv --scaling 1000=another.csv",
}
NAMES = ("catastrophe", "ceiling", "vanished", "ended", *KNOWN)
ARGUMENT = re.compile(rf"(?<![\w-])({'|'.join(NAMES)})=")


def diagnose(
    *file: Path,
    risk: Column = None,
    variance: Column = None,
    modes: Column = None,
    tail: Column = None,
    hallucinated: Column = None,
    catastrophe: float | None = None,
    ceiling: MaybeReal = None,
    vanished: float | None = None,
    bounds: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    scaling: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    margin: float = 0.0,
    generation: str | None = None,
    run: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    by: str | None = None,
    workflow: str | None = None,
    wide: str | None = None,
    test: str = "auto",
    ended: str | None = None,
    alpha: Real = 0.05,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Say what happened in some runs, and by which of eight definitions they have collapsed.

    Three runs are enough for a size of the change with its interval, and for a p-value.

    Parameters
    ----------
    file
        A .csv, .tsv, .parquet, .json or .jsonl table, such as simulate and run write it or as
        trackers export it, or a trainer_state.json; several are runs; or a language run's folder.
    risk
        The column of the risk, such as test_log_loss; by default one of a known name.
    variance
        The column of the variance.
    modes
        The column of lost modes; a leading minus says that it counts those that are there.
    tail
        The column of the loss in the tail; a leading minus as above.
    hallucinated
        The column of the hallucinated share; a leading minus as above.
    catastrophe
        The multiple of generation 1's risk that is a catastrophe.
    ceiling
        The risk that is a catastrophe, such as that of an untrained model.
    vanished
        The share of generation 1's variance below which it counts as collapsed.
    bounds
        Proved bounds on the risk, such as 0,1.
    scaling
        A file of another sample size, as in 100=small.csv; give at least two.
    margin
        The largest change of the scaling exponent that counts as none.
    generation
        The column that counts generations; by default generation, iteration, round, step, epoch.
    run
        A column that tells runs apart, by default replicate, seed, run, ...; may be repeated.
    by
        The column that tells settings apart; each is diagnosed, or the one that --workflow names.
    workflow
        Which workflow or setting, where the file or folder has several.
    wide
        The metric that all other columns of numbers are runs of (or generations, if they are
        numbered), where their names do not say so.
    test
        How runs are compared: sign, paired, steps, or auto: a sign test where so many runs can
        decide, else the signs of all their steps.
    ended
        Whether a run that ends before others is "worse" than any that lives, as its fit died, or
        "left out" where it lacks generations.
    alpha
        The largest probability, for each definition, that the data give a wrong verdict.
    json
        Print the diagnosis as one JSON object.
    """
    if not file:
        raise InvalidInput("no file is given: give a table or the folder of a language run")
    table = table_of(list(file), Columns.of(generation, run, by, wide))
    several = by is not None and workflow is None and isinstance(table, Table)
    settings = (table.settings if several else None) or [workflow]
    every = {
        setting: diagnose_trajectory(
            table,
            risk=risk,
            variance=variance,
            modes=modes,
            tail=tail,
            hallucinated=hallucinated,
            catastrophe=catastrophe,
            ceiling=ceiling,
            vanished=vanished,
            bounds=None if bounds is None else _bounds(bounds),
            scaling=[_size(text) for text in scaling] or None,
            margin=margin,
            workflow=setting,
            generation=generation,
            run=run,
            by=by,
            wide=wide,
            test=test,
            ended=ended,
            alpha=alpha,
        )
        for setting in settings
    }
    if json:
        told = {setting: found.as_dict() for setting, found in every.items()}
        print_json(told if len(told) > 1 else told[settings[0]])
        return
    for found in every.values():
        print(found.table())
        _remarks(found)


def _remarks(found: Diagnosis) -> None:
    for finding in found:
        if finding.statistic:
            note(f"{finding.name}: {finding.statistic}")
        if finding.needed:
            note(f"{finding.name} would be decided by {_in_a_shell(finding.needed)}")
    for text in found.notes:
        note(_in_a_shell(text))


def _in_a_shell(text: str) -> str:
    """Return a sentence whose arguments, as Python writes them, are options of this command."""
    for python, shell in WRITTEN.items():
        text = text.replace(python, shell)
    return ARGUMENT.sub(r"--\1 ", text)


def _bounds(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InvalidInput(f"bounds = {text!r}: give two numbers, such as 0,1") from error
    return low, high


def _size(text: str) -> tuple[int, Path]:
    size, equals, path = text.partition("=")
    if not equals or not size.isdecimal():
        raise InvalidInput(f"scaling = {text!r}: give SAMPLES=FILE, such as 100=small.csv")
    return int(size), Path(path)
