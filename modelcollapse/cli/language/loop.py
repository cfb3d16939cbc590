"""``modelcollapse language``: fine-tune, sample, fine-tune again."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from modelcollapse._support.checks import fraction, positive, whole
from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.interruption import INTERRUPTED
from modelcollapse.cli.language.options import (
    ModelOptions,
    WorkOptions,
    note_interrupted,
    parse_numbers,
    shown,
)
from modelcollapse.cli.options import parse_samples
from modelcollapse.cli.output import Quiet, note, print_json, print_table
from modelcollapse.cli.whole import MaybeWhole, Whole
from modelcollapse.language.template import Template
from modelcollapse.workflows import OWNERS, AnyWorkflow, by_name

Real = Annotated[float, Parameter(allow_leading_hyphen=True)]
DEFAULT = ("replace", "accumulate-subsample", "accumulate")


def loop(
    *,
    model: ModelOptions | None = None,
    work: WorkOptions | None = None,
    workflow: Annotated[tuple[str, ...], Parameter(negative="")] = DEFAULT,
    budget: MaybeWhole = None,
    window: MaybeWhole = None,
    share: float | None = None,
    samples: str | None = None,
    generations: Whole = 4,
    output: Path = Path("language-run"),
    alpha: Real = 0.05,
    clip: Real = 1.0,
    json: Annotated[bool, Parameter(negative="")] = False,
    quiet: Quiet = False,
) -> int:
    """Train a language model on its own samples, generation after generation.

    Parameters
    ----------
    model
        The model and the data.
    work
        How to carry it out.
    workflow
        replace, accumulate, accumulate-subsample, sliding-window or keep-real; repeat the option
        for several. By default the first three.
    budget
        Training rows of accumulate-subsample; by default the batch size.
    window
        Batches in a sliding-window.
    share
        Weight of the real batch in keep-real; by default it is pooled with the newest batch.
    samples
        Rows per batch: a number, or several, the real batch first and the last one for all that
        follow, such as 12500,20324. By default all real training rows, and 2,000 of the grammar.
    generations
        The number of fits; generation 1 is the fit to real data.
    output
        The folder of the run.
    alpha
        The probability, for each comparison of two models or workflows, of a wrong verdict.
    clip
        Differences of losses are clipped to so many nats per token of a row.
    json
        Print the results as JSON.
    """
    from modelcollapse import language
    from modelcollapse.language.backend import first_process

    whole("generations", generations)
    alpha, clip = fraction("alpha", alpha), positive("clip", clip)
    model, work = model or ModelOptions(), work or WorkOptions()
    chosen = build_workflows(workflow, budget=budget, window=window, share=share)
    settings = model.build(None if samples is None else parse_samples(samples))
    status = 0
    try:
        with shown(quiet=quiet) as (show, announce):
            language.run(
                settings,
                output,
                workflows=chosen,
                generations=generations,
                seeds=parse_numbers("seeds", work.seeds),
                options=work.build(),
                report=show,
                announce=announce,
            )
    except KeyboardInterrupt:
        status = INTERRUPTED
        note_interrupted(output)
    if first_process() and (not status or any(output.glob("seed-*/*/*/metrics.json"))):
        _report(output, settings.own_template, alpha, clip, json=json)
    return status


def build_workflows(
    names: tuple[str, ...], *, budget: int | None, window: int | None, share: float | None
) -> list[AnyWorkflow]:
    """Return the workflows; an option that belongs to none of them is refused."""
    given = {"budget": budget, "window": window, "share": share}
    for option, value in given.items():
        owner = OWNERS[option][0]  # the only one that language models follow
        if value is not None and owner not in names:
            raise InvalidInput(
                f"{option} = {value!r} belongs to the workflow {owner!r}: add --workflow {owner}"
            )
    return [
        by_name(name, **{o: v for o, v in given.items() if name in OWNERS[o]}) for name in names
    ]


def _report(
    output: Path, template: Template | None, alpha: float, clip: float, *, json: bool
) -> None:
    """Show what is finished, and write the table, the picture and the samples."""
    from modelcollapse.language import report
    from modelcollapse.language.compare import compare_across_seeds, compare_workflows
    from modelcollapse.language.results import Results

    results = Results.read(output, template)
    written = report.write_report(results, output)
    pairs = compare_workflows(results, clip=clip, alpha=alpha)
    across = compare_across_seeds(results, clip=clip, alpha=alpha)
    if json:
        told = {
            "configuration": results.configuration,
            "results": results.table(),
            "comparisons": [asdict(pair) for pair in pairs],
            "across_seeds": [asdict(one) for one in across],
        }
        print_json(told)
    else:
        for title, columns, rows in report.tables(results):
            print_table(title, columns, rows)
        for line in (*report.notes(results), *pairs, *across):
            print(line)
    note(f"wrote {', '.join(map(str, written))}")
