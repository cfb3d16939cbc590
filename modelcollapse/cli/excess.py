"""``modelcollapse excess``: the large-sample law of any regular model."""

from typing import Annotated

from cyclopts import Parameter

from modelcollapse import solver
from modelcollapse._support.checks import number as finite
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.cli.options import WorkflowOptions, chosen_generations
from modelcollapse.cli.output import number, print_json, print_table
from modelcollapse.cli.predict import shown_generations
from modelcollapse.cli.whole import MaybeWhole
from modelcollapse.loop.schedule import Schedule
from modelcollapse.workflows.selection import batch_sizes

EXAMPLES = {"losses": "3.20,3.05", "at": "1000,4000"}


def excess(
    which: WorkflowOptions | None = None,
    *,
    samples: str | None = None,
    generations: MaybeWhole = None,
    first: float | None = None,
    parameters: MaybeWhole = None,
    losses: str | None = None,
    at: str | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Print by how much any regular model's loss exceeds its best, at each generation.

    To leading order it is that of generation 1 times a number of the workflow alone.

    Parameters
    ----------
    which
        The workflow.
    samples
        Rows per batch: 100, one number per generation (10,20,40), double:10, 10*2^t, or a.csv.
    generations
        The number of fits (50, or as many as a schedule has); the first is to real data.
    first
        The excess of generation 1 that is due to estimation, in any unit.
    parameters
        In its place the model's free parameters: k/(2 samples) nats.
    losses
        In their place mean losses of fits to real rows alone, such as 3.20,3.05, with --at.
    at
        The rows of each of these fits, such as 1000,4000; the first is `samples`.
    json
        Print one JSON object.
    """
    which = which or WorkflowOptions()
    workflow, rows = which.build(samples)
    last = chosen_generations(workflow, rows, generations)
    schedule = Schedule(workflow, batch_sizes(workflow, rows, last))
    floor = None
    if losses is not None or at is not None:
        first, floor = _split(losses, at, first, parameters)
    factors = solver.inflation(schedule, schedule.sizes)
    found = None
    if first is not None or parameters is not None:
        found = solver.excess_loss(schedule, schedule.sizes, first=first, parameters=parameters)
    if json:
        told = {"inflation": factors.tolist(), "excess": None if found is None else found.tolist()}
        print_json({"sizes": schedule.listed, "floor": floor, **told})
        return
    head = ["generation", "inflation", "effective rows"]
    columns = [factors, schedule.sizes[0] / factors]
    if found is not None:
        head, columns = [*head, "excess"], [*columns, found]
    if found is not None and floor is not None:
        head, columns = [*head, "loss"], [*columns, floor + found]
    table = [
        [str(t), *(number(float(column[t - 1])) for column in columns)]
        for t in shown_generations(last)
    ]
    print_table(f"excess loss of a regular model, {workflow!r}", head, table)


def _split(
    losses: str | None, at: str | None, first: float | None, parameters: int | None
) -> tuple[float, float]:
    if losses is None or at is None:
        given = "losses" if at is None else "at"
        missing = "at, the rows of the fits" if at is None else "losses, those of the fits"
        raise InvalidInput(f"{given} is given without {missing}: give both")
    if first is not None or parameters is not None:
        raise InvalidInput("losses, first and parameters all say the first excess: give one")
    values, rows = _numbers("losses", losses), _numbers("at", at)
    if len(values) != len(rows) or len(set(rows)) == 1 or min(rows) < 1:
        raise InvalidInput(
            f"losses = {losses}, at = {at}: give two or more losses, and for each the rows of its "
            "fits, not all the same, such as --losses 3.20,3.05 --at 1000,4000"
        )
    gap = solver.estimation_gap(values, rows)
    return gap.estimation, gap.floor


def _numbers(name: str, text: str) -> list[float]:
    try:
        return [finite(name, float(part)) for part in text.split(",")]
    except ValueError as error:  # InvalidInput is one, too
        raise invalid(name, text, f"give numbers, such as {EXAMPLES[name]}") from error
