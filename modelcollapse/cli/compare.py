"""``modelcollapse compare``: did these rows shrink, compared with real rows?"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from modelcollapse.cli.output import note, print_json, print_table
from modelcollapse.cli.whole import Whole
from modelcollapse.comparison import Comparison
from modelcollapse.comparison import compare as find

MOST = 60  # lines of the table
Count = Annotated[Whole, Parameter(allow_leading_hyphen=True)]
Real = Annotated[float, Parameter(allow_leading_hyphen=True)]


def compare(
    real: str,
    other: str,
    *,
    seed: Count = 0,
    alpha: Real = 0.05,
    margin: Real = 0.1,
    permutations: Count = 999,
    most_rows: Count = 100_000,
    figure: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Say whether rows, such as synthetic ones, shrank compared with real rows.

    Columns of numbers, categories and texts may be mixed. Each metric stands beside what held-out
    real rows give.

    Parameters
    ----------
    real
        A .csv, .parquet, .jsonl or .txt file (one text in each line), or the name of a data set.
    other
        A file or data set with the same columns, such as synthetic.csv.
    seed
        Of the random halves of the real rows, the relabellings, and the rows of huge files.
    alpha
        The probability of any false alarm in the table, at most.
    margin
        The relative loss that matters: "no loss" says that it is excluded.
    permutations
        How often rows are relabelled.
    most_rows
        Of a larger file a random part of this many rows is used.
    figure
        A .png, .pdf or .svg file for the picture.
    json
        Print one JSON object.
    """
    if figure is not None:
        from modelcollapse._support.drawing import picture_path

        figure = picture_path(figure)
    found = find(
        real,
        other,
        seed=seed,
        alpha=alpha,
        margin=margin,
        permutations=permutations,
        most_rows=most_rows,
    )
    drawn = figure is not None and bool(found.rows)
    if figure is not None and drawn:
        found.save(figure)
    if json:
        print_json(found.to_dict())
    else:
        for sentence in found.sentences:
            print(sentence)
            print()
        if found.rows:
            _table(found)
        for text in found.notes:
            note(text)
    if figure is not None:
        note(f"wrote {figure}" if drawn else f"{figure} is not written: there is nothing to draw")


def _table(found: Comparison) -> None:
    columns = found.columns()
    lines = list(zip(*columns.values(), strict=True))
    title = "the other rows beside held-out real rows"
    if len(lines) > MOST:
        least = sorted(range(len(lines)), key=lambda i: found.rows[i].p)[:MOST]
        lines = [lines[i] for i in sorted(least)]
        title += f": the {MOST} lines with the least p of {len(found.rows)} (--json has them all)"
    print_table(title, list(columns), lines)
