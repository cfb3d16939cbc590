"""``modelcollapse diagnose``: by which definitions of model collapse has a trajectory collapsed?"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from modelcollapse._support.errors import InvalidInput
from modelcollapse.cli.output import note, print_json
from modelcollapse.diagnosis import Diagnosis
from modelcollapse.diagnosis import diagnose as diagnose_trajectory

Column = Annotated[str | None, Parameter(allow_leading_hyphen=True)]
MaybeReal = Annotated[float | None, Parameter(allow_leading_hyphen=True)]
Real = Annotated[float, Parameter(allow_leading_hyphen=True)]


def diagnose(
    file: Path,
    *,
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
    workflow: str | None = None,
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
        A .csv or .parquet file with a column "generation", and "replicate" or "seed" if there are
        several runs, as simulate and run write it; or the folder of a language run.
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
    workflow
        Which workflow, where the file or folder has several.
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
    found = diagnose_trajectory(
        file,
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
        workflow=workflow,
        test=test,
        ended=ended,
        alpha=alpha,
    )
    if json:
        print_json(found.as_dict())
        return
    print(found.table())
    _remarks(found)


def _remarks(found: Diagnosis) -> None:
    for finding in found:
        if finding.statistic:
            note(f"{finding.name}: {finding.statistic}")
        if finding.needed:
            note(f"{finding.name} would be decided by {finding.needed}")
    for text in found.notes:
        note(text)


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
