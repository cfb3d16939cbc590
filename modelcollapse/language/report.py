"""Results for readers: a CSV table, a picture, samples as Markdown, tables for terminals."""

import csv
import html
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support import drawing
from modelcollapse._support.checks import Floats
from modelcollapse._support.files import check_writable, replacing
from modelcollapse.language.diversity import MOST_ROWS
from modelcollapse.language.results import Results
from modelcollapse.language.template import Row
from modelcollapse.workflows.names import colours

Table = tuple[str, list[str], list[list[str]]]  # title, columns, rows
TABLE, PICTURE, SAMPLES = "results.csv", "loss.png", "samples.md"
SHOWN_ROWS = 5  # the first of each batch
SHOWN_CHARACTERS = 200
MARKDOWN = re.compile(r"([*_`~|$\[\]])")  # what a table's cell would take for markup


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


COUNTED = "counted_excess"
Column = tuple[str, str, Callable[[float], str]]  # the metric, its head, and how it is shown
COLUMNS: tuple[Column, ...] = (
    ("loss", "loss", "{:.4f}".format),
    ("excess", "excess", "{:.3f}".format),
    (COUNTED, "by counting", "{:.3f}".format),
    ("tail_loss", "tail loss", "{:.4f}".format),
    ("grammatical", "grammatical", _share),
    ("acceptance", "accepted", _share),
    ("words", "words", "{:.1f}".format),
    ("distinct_2", "distinct 2-grams", "{:.4f}".format),
    ("entropy_2", "2-gram entropy", "{:.3f}".format),
)
OPTIONAL = ("excess", COUNTED, "grammatical")  # known with a grammar
NOTHING = "-"


def write_report(results: Results, folder: str | Path) -> list[Path]:
    """Write results.csv, loss.png and samples.md, each of them whole or not at all.

    Parameters
    ----------
    results
        The run.
    folder
        Where to; usually the run's own folder.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    InvalidInput
        If the folder cannot be written to.
    MissingDependency
        If matplotlib is not installed.
    """
    drawing.figure((1, 1))  # or nothing is written
    paths = [Path(folder) / name for name in (TABLE, PICTURE, SAMPLES)]
    for path in paths:
        check_writable("folder", path)
    for path, write in zip(paths, (write_csv, draw, write_samples), strict=True):
        write(results, path)
    return paths


def write_csv(results: Results, path: Path) -> None:
    """Write the tidy table as CSV; a missing number is an empty cell."""
    table = results.table()
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        for row in zip(*table.values(), strict=True):
            writer.writerow(["" if _is_missing(value) else value for value in row])


def tables(results: Results) -> list[Table]:
    """Return tables for a terminal: title, columns and rows of text.

    The first has a row per workflow and generation, with means over the seeds, one of generation
    0, the base as it is, and one of the real batch. With several seeds a second one has the
    smallest and the largest value.
    """
    seeds = len(results.seeds)
    known = [c for c in COLUMNS if c[0] in results.metrics or c[0] not in OPTIONAL]
    counted = ["seeds"] if seeds > 1 else []
    heads = ["workflow", "generation", *counted, *(head for _, head, _ in known)]
    ended = _ended(results)
    if ended:
        heads.append("outcome")
    means, ranges = _base(results, known, counted, ended), list[list[str]]()
    for workflow in results.workflows:
        values = {name: _values(results, name, workflow) for name, _, _ in known}
        for j, t in enumerate(results.generations):
            finished = sum((workflow, seed, t) in results.records for seed in results.seeds)
            if not finished:
                continue
            mean = [workflow, str(t), *([str(finished)] if counted else [])]
            spread = list(mean)
            for name, _, show in known:
                there = _there(values[name][:, j])
                mean.append(show(float(there.mean())) if len(there) else NOTHING)
                spread.append(_range(there, show))
            if ended:
                mean.append(ended.get((workflow, t), "completed"))
            means.append(mean)
            ranges.append(spread)
    reference = _reference(results)
    real = [show(reference[n]) if n in reference else NOTHING for n, _, show in known]
    blank = [NOTHING] * len(counted), [NOTHING] * bool(ended)
    means.append(["real data", NOTHING, *blank[0], *real, *blank[1]])
    what = "loss: held-out nats per token; tail loss: of the rarest tenth of the rows"
    if "excess" in results.metrics:
        what += "; excess: nats per row above the grammar's entropy"
    if COUNTED in results.metrics:
        what += "; by counting: that of the grammar itself in the same loop, each count plus 1/2"
    over = f"Means over {seeds} seeds" if seeds > 1 else f"Seed {results.seeds[0]}"
    result: list[Table] = [(f"{over} ({what})", heads, means)]
    if seeds > 1:
        columns = heads[:-1] if ended else heads
        result.append((f"Smallest to largest of {seeds} seeds", columns, ranges))
    return result


def _base(
    results: Results, known: Sequence[Column], counted: list[str], ended: Mapping[Any, str]
) -> list[list[str]]:
    """Return the row of generation 0, if there is one."""
    if results.base is None:
        return []
    there = results.base
    shown = [show(there[name]) if name in there else NOTHING for name, _, show in known]
    return [["base", "0", *[NOTHING] * len(counted), *shown, *["completed"] * bool(ended)]]


def notes(results: Results) -> list[str]:
    """Return what a reader of the tables should know."""
    if "acceptance" not in results.metrics:
        return []
    found = np.concatenate([_values(results, "acceptance", w).ravel() for w in results.workflows])
    accepted = _there(found)
    if not len(accepted) or accepted.min() == 1:
        return []
    told = (
        f"Of the samples {_range(accepted, _share)} were accepted. The others were malformed or "
        "too long, and are in no training set: each batch follows the model's law given that a "
        "sample is accepted, which mends format and length in every generation."
    )
    return [told]


def draw(results: Results, path: Path) -> None:
    """Draw losses and diversity by generation: means over seeds, and bands from least to most."""
    figure = drawing.figure((11, 3.9))
    axes = figure.subplots(1, 3)
    for axis, (metric, label) in zip(axes, _panels(results), strict=True):
        for workflow, colour in colours(results.workflows).items():
            _line(axis, results, metric, workflow, colour)
            if metric == "excess":
                _statistics(axis, results, workflow, colour)
        axis.set(xlabel="generation t", xticks=_ticks(results.generations))
        axis.set_ylabel(label)
        axis.set_xlim(results.generations[0] - 0.25, results.generations[-1] + 0.25)
        axis.margins(y=0.12)
        axis.spines[["top", "right"]].set_visible(False)
    drawing.letter(axes)
    handles, labels = axes[0].get_legend_handles_labels()
    reference = _reference(results).get("distinct_2", math.nan)
    if not math.isnan(reference):
        handles.append(axes[2].axhline(reference, color="0.4", lw=1.2, ls=":", zorder=0))
        labels.append("real data")
    wide = min(4, len(labels))
    figure.legend(handles, labels, frameon=False, loc="outside lower center", ncols=wide)
    figure.suptitle(_title(results), fontsize=10)
    drawing.save(figure, path, ending="png")


def write_samples(results: Results, path: Path) -> None:
    """Write the first samples of each batch side by side, and how many were rejected and why."""
    lines = [
        "# Samples",
        "",
        f"{SHOWN_ROWS} rows of the real batch, at equal distances, then the first {SHOWN_ROWS} of",
        "each batch that the model of a generation sampled. Longer texts are cut at",
        f"{SHOWN_CHARACTERS} characters.",
    ]
    for workflow in results.workflows:
        for seed in results.seeds:
            finished = [t for t in results.generations if (workflow, seed, t) in results.records]
            if finished:
                lines += ["", f"## {cell(workflow)}, seed {seed}", ""]
                lines += _samples(results, workflow, seed, finished)
    with replacing(path) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")


def cell(text: str, most: int = SHOWN_CHARACTERS) -> str:
    """Return a text as one cell of a Markdown table: cut, on one line, and nothing in it markup."""
    if len(text) > most:
        text = text[: most - 1] + "…"
    return "<br>".join(_escaped(line) for line in text.splitlines())


def _escaped(line: str) -> str:
    visible = "".join(c if c.isprintable() else " " for c in line)
    # A backslash as a character reference, as one before a pipe would be read in two ways.
    safe = html.escape(visible, quote=False).replace("\\", "&#92;")
    return MARKDOWN.sub(r"\\\1", safe)


def _samples(results: Results, workflow: str, seed: int, finished: Sequence[int]) -> list[str]:
    """Return the lines of one table."""
    write = results.template.write if results.has_template else _columns
    real = results.real(seed)
    columns = [[cell(write(row)) for row in real[:: max(1, len(real) // SHOWN_ROWS)][:SHOWN_ROWS]]]
    rejected = [""]
    for t in finished:
        record = results.records[workflow, seed, t]
        rows = []
        if record["outcome"] == "completed":
            rows = results.samples(workflow, seed, t)[:SHOWN_ROWS]
        columns.append([cell(write(row)) for row in rows])
        rejected.append(_rejected(record))
    height = max(map(len, columns))
    body = [[column[i] if i < len(column) else "" for column in columns] for i in range(height)]
    heads = ["", "real data", *(f"generation {t}" for t in finished)]
    return [
        _line_of(heads),
        _line_of(["---"] * len(heads)),
        *(_line_of([str(number), *row]) for number, row in enumerate(body, start=1)),
        _line_of(["rejected", *rejected]),
    ]


def _columns(row: Row) -> str:
    return "\n".join(row.values())


def _line_of(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _rejected(record: Mapping[str, Any]) -> str:
    """Return how many samples were rejected by reason, or why sampling was given up."""
    if record["outcome"] != "completed":
        return cell(str(record["outcome"]), most=400)
    reasons = sorted(record["rejected"].items(), key=lambda item: -item[1])
    counts = ", ".join(f"{n:,} {cell(reason)}" for reason, n in reasons if n) or "none"
    return f"{counts} of {record['tried']:,}"


def _panels(results: Results) -> list[tuple[str, str]]:
    first = ("loss", "held-out loss,\nnats per token")
    if "excess" in results.metrics:
        first = ("excess", "held-out loss above the entropy,\nnats per row")
    return [
        first,
        ("tail_loss", "loss on the rarest tenth,\nnats per token"),
        ("distinct_2", "distinct 2-grams,\nshare of all in the samples"),
    ]


def _line(axis: Any, results: Results, metric: str, workflow: str, colour: str) -> None:
    values = _values(results, metric, workflow)
    columns = [_there(values[:, j]) for j in range(values.shape[1])]
    drawn = [(t, c) for t, c in zip(results.generations, columns, strict=True) if len(c)]
    if not drawn:
        return
    ts = [t for t, _ in drawn]
    if len(results.seeds) > 1:
        low, high = [c.min() for _, c in drawn], [c.max() for _, c in drawn]
        axis.fill_between(ts, low, high, color=colour, alpha=0.12, lw=0)
    axis.plot(ts, [c.mean() for _, c in drawn], "o-", color=colour, lw=1.4, ms=4, label=workflow)


def _statistics(axis: Any, results: Results, workflow: str, colour: str) -> None:
    """Draw what the same loop loses by counting alone, as a line without dots."""
    values = _values(results, COUNTED, workflow)
    columns = [_there(values[:, j]) for j in range(values.shape[1])]
    drawn = [(t, c.mean()) for t, c in zip(results.generations, columns, strict=True) if len(c)]
    if drawn:
        ts, means = zip(*drawn, strict=True)
        axis.plot(ts, means, "--", color=colour, lw=1.2, label=f"{workflow}, by counting")


def _title(results: Results) -> str:
    about, seeds = results.configuration, results.seeds
    over = f"seed {seeds[0]}"
    if len(seeds) > 1:
        over = f"dots are means over {len(seeds)} seeds, bands from the least to the most"
    how = " from scratch" if about.get("from_scratch") else ""
    return f"{about.get('model', 'a model')}{how} on {about.get('data', 'data')}: {over}"


def _ticks(generations: Sequence[int]) -> list[int]:
    """Return at most about ten whole numbers."""
    first, last = generations[0], generations[-1]
    return list(range(first, last + 1, math.ceil((last - first + 1) / 10)))


def _values(results: Results, metric: str, workflow: str) -> Floats:
    """Return the values of a metric, all NaN where no generation has it."""
    if metric not in results.metrics:
        return np.full((len(results.seeds), len(results.generations)), np.nan)
    return results.values(metric, workflow)


def _there(values: Floats) -> Floats:
    return values[~np.isnan(values)]


def _range(values: Floats, show: Callable[[float], str]) -> str:
    if not len(values):
        return NOTHING
    low, high = show(float(values.min())), show(float(values.max()))
    return low if low == high else f"{low} to {high}"


def _is_missing(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _ended(results: Results) -> dict[tuple[str, int], str]:
    """Return what became of generations that some seed did not complete."""
    found: dict[tuple[str, int], list[str]] = {}
    for (workflow, _, t), record in results.records.items():
        outcome = str(record["outcome"]).partition(":")[0]
        found.setdefault((workflow, t), []).append(outcome)
    return {
        key: ", ".join(
            f"{outcomes.count(o)} of {len(outcomes)}: {o}" if len(set(outcomes)) > 1 else o
            for o in dict.fromkeys(outcomes)
        )
        for key, outcomes in found.items()
        if set(outcomes) != {"completed"}
    }


def _reference(results: Results) -> dict[str, float]:
    """Return the real batch's diversity, mean over seeds, if it can be compared with samples'.

    It depends on the number of rows: so it is that of as many real rows as there are samples, and
    nothing if batches differ in size (1,000 rows and more are the same size).
    """
    sizes = {min(MOST_ROWS, r["sampled"]) for r in results.records.values() if r["sampled"]}
    if len(sizes) != 1:
        return {}
    (size,) = sizes
    if not results.has_template or any(len(results.real(seed)) < size for seed in results.seeds):
        return {}
    found = [results.reference(seed, size) for seed in results.seeds]
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}
