"""``modelcollapse language value``: what synthetic rows are worth."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from modelcollapse._support.interruption import INTERRUPTED
from modelcollapse.cli.language.options import (
    ModelOptions,
    WorkOptions,
    note_interrupted,
    parse_numbers,
    shown,
)
from modelcollapse.cli.output import Quiet, note, print_json, print_table
from modelcollapse.language.value import REAL, SYNTHETIC
from modelcollapse.language.value import value as value_grid


def value(
    *,
    model: ModelOptions | None = None,
    work: WorkOptions | None = None,
    real: str = ",".join(map(str, REAL)),
    synthetic: str = ",".join(map(str, SYNTHETIC)),
    pool: Path | None = None,
    output: Path = Path("value-run"),
    json: Annotated[bool, Parameter(negative="")] = False,
    quiet: Quiet = False,
) -> int:
    """Measure the value of synthetic data: the loss for numbers of real and synthetic rows.

    The base is fine-tuned on all real rows and samples a pool; then, for each pair of numbers, it
    is fine-tuned afresh on the first real rows and the first rows of the pool. The held-out loss
    is regressed on the number of real rows and on their proportion.

    Parameters
    ----------
    model
        The model and the data.
    work
        How to carry it out.
    real
        Numbers of real rows.
    synthetic
        Numbers of synthetic rows.
    pool
        A file of synthetic rows to use instead of sampling them, such as samples.parquet of a run.
    output
        The folder of the grid. The same command resumes it; more numbers extend it, as long as the
        largest ones stay, so begin with those.
    json
        Print the results as JSON.
    """
    from modelcollapse.language import value_report
    from modelcollapse.language.backend import first_process

    model, work = model or ModelOptions(), work or WorkOptions()
    status = 0
    try:
        with shown(quiet=quiet) as (show, announce):
            value_grid(
                model.build(),
                output,
                real=parse_numbers("real", real),
                synthetic=parse_numbers("synthetic", synthetic),
                pool=pool,
                seeds=parse_numbers("seeds", work.seeds),
                options=work.build(),
                report=show,
                announce=announce,
            )
    except KeyboardInterrupt:
        status = INTERRUPTED
        note_interrupted(output)
    if not first_process() or (status and not any(output.glob("seed-*/cell-*/metrics.json"))):
        return status
    values = value_report.Values.read(output)
    written = value_report.write_report(values)
    if json:
        print_json({"cells": values.table(), "regressions": values.regression_table()})
    else:
        for title, columns, rows in value_report.tables(values):
            print_table(title, columns, rows)
    note(f"wrote {', '.join(map(str, written))}")
    return status
