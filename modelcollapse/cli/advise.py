"""``modelcollapse advise``: must the real rows be kept, how many are needed, what will happen?"""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from modelcollapse._support.errors import invalid
from modelcollapse._support.words import many
from modelcollapse.advice import Advice
from modelcollapse.advice import advise as find
from modelcollapse.advice.question import KEEP
from modelcollapse.advice.sentences import amount
from modelcollapse.cli.output import note, print_json, print_table
from modelcollapse.cli.whole import MaybeWhole, Whole
from modelcollapse.workflows import short_forms

Text = Annotated[str, Parameter(allow_leading_hyphen=True)]
MaybeText = Annotated[str | None, Parameter(allow_leading_hyphen=True)]
Real = Annotated[float, Parameter(allow_leading_hyphen=True)]
MaybeReal = Annotated[float | None, Parameter(allow_leading_hyphen=True)]


def advise(
    *,
    real: Annotated[Whole, Parameter(allow_leading_hyphen=True)],
    synthetic: Text,
    generations: Annotated[MaybeWhole, Parameter(allow_leading_hyphen=True)] = None,
    fresh_real: Text = "0",
    keep_real: MaybeText = None,
    budget: MaybeText = None,
    at_most: Real = 1.0,
    first_generation_gap: MaybeReal = None,
    figure: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Say what a loop loses, whether to keep its real rows, and how many more it needs.

    Exact for a mean with known variance; for any regular model the law of many rows.

    Parameters
    ----------
    real
        The real rows that generation 1 is fitted to, such as 50000.
    synthetic
        Rows sampled from the last model in each later generation: 500000, one number for each
        (10,20,40), double:10, 10*2^t, or a.csv.
    generations
        The number of fits, the first to the real rows; by default as many as a schedule has.
    fresh_real
        New real rows in each later generation, as a number or a schedule.
    keep_real
        yes, no, or the weight of the first real rows beside the last batch; by default that is
        the question.
    budget
        Rows that each model is trained on where it sees a random part of all rows, as a number or
        a schedule; by default as many as the last batch.
    at_most
        The largest error that is wanted after the last generation, over that of the real rows
        alone.
    first_generation_gap
        What generation 1 loses by estimation, in any unit: then the table has that of the last.
    figure
        A .png, .pdf or .svg file for the picture.
    json
        Print one JSON object.
    """
    if figure is not None:
        from modelcollapse._support.drawing import picture_path

        picture_path(figure)
    found = find(
        real,
        short_forms.parse("synthetic", synthetic, 2),
        generations,
        fresh_real=short_forms.parse("fresh_real", fresh_real, 2),
        keep_real=_keep(keep_real),
        budget=None if budget is None else short_forms.parse("budget", budget),
        at_most=at_most,
        first_generation_gap=first_generation_gap,
    )
    if json:
        print_json(found.to_dict())
    else:
        _print(found)
    if figure is not None:
        found.save(figure)
        note(f"wrote {figure}")


def _keep(text: str | None) -> Any:
    if text is None or text in ("yes", "no"):
        return None if text is None else text == "yes"
    try:
        return float(text)
    except ValueError as error:
        raise invalid("keep_real", text, KEEP) from error


def _print(found: Advice) -> None:
    for sentence in found.sentences:
        print(sentence)
        print()
    q, columns = found.question, found.columns()
    after = many(q.generations, "generation")
    title = f"after {after}, over the error of the real rows alone"
    print_table(title, list(columns), list(zip(*columns.values(), strict=True)))
    print()
    rows = [
        [need.words, *("-" if x is None else amount(need, x) for x in (need.value, need.long_run))]
        for need in found.needs
    ]
    head = [f"for at most {q.at_most:g}", f"after {q.generations}", "in the long run"]
    print_table("the least that is enough", head, rows)
