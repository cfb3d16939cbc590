"""What synthetic rows are worth: the held-out loss by numbers of real and synthetic rows."""

from typing import Any

from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.language import Values, value
from modelcollapse.language.grammars import descriptions
from modelcollapse.language.regression import regressions
from modelcollapse.reproduce.figure import Context, Figure, Frames
from modelcollapse.reproduce.language.drawing_value import draw
from modelcollapse.reproduce.language.options import OF_VALUE, accepted, planned, stoppable
from modelcollapse.reproduce.language.pooled_mean import best_numbers, means

DEFAULTS: dict[str, dict[str, Any]] = {
    "quick": {"real": [0, 100, 200], "synthetic": [0, 200], "held_out": 200, "seeds": [0]},
    "small": {
        "real": [0, 125, 250, 500, 1000],
        "synthetic": [0, 125, 250, 500, 1000, 2000],
        "seeds": [0, 1, 2],
    },
    "paper": {  # its range of both, doubling
        "real": [0, 256, 512, 1024, 2048, 4096, 8192, 12_288],
        "synthetic": [0, *(256 * 2**k for k in range(10))],
        "seeds": [0],
    },
}
LOSSES = ("loss", "excess", "row_loss", "tail_loss")


def compute(context: Context) -> Frames:
    """Fine-tune the cells of the grid, or what is left of them, and return their losses.

    "language" has a row per cell and seed, "regressions" the fits of the loss over the cells, and
    "gaussian" and "gaussian-best" the exactly solvable model on the same numbers of rows.
    """
    plan = planned(context, DEFAULTS)
    real, synthetic, seeds = (plan.numbers[name] for name in ("real", "synthetic", "seeds"))
    for name, numbers in (("real", real), ("synthetic", synthetic)):
        if max(numbers, default=0) == 0:
            raise invalid(name, list(numbers), "give at least one number above 0")
    with stoppable():
        folder = value(
            plan.settings,
            context.folder / "runs",
            real=real,
            synthetic=synthetic,
            pool=plan.numbers.get("pool"),
            seeds=seeds,
            options=plan.work,
            report=context.progress,
            announce=context.found,
        )
    wanted = {(s, r, n) for s in seeds for r in real for n in synthetic}
    return frames(Values.read(folder), wanted)


def frames(values: Values, wanted: set[tuple[int, int, int]]) -> Frames:
    """Return the data of some cells (seed, real, synthetic)."""
    import polars as pl

    cells = [r for r in values.records if (r["seed"], r["real"], r["synthetic"]) in wanted]
    known = [name for name in LOSSES if name in cells[0]]
    about = {name: pl.lit(values.configuration[name]) for name in ("model", "data")}
    names = ("seed", "real", "synthetic", "proportion", *known)
    parts = {
        "language": pl.DataFrame([{n: c[n] for n in names} for c in cells]),
    }
    if fits := _fits(cells):
        parts["regressions"] = pl.DataFrame(fits)
    if values.configuration["data"] == "grammar":
        entropy = descriptions().entropy
        parts["truth"] = pl.DataFrame({"quantity": ["entropy", "excess"], "value": [entropy, 0.0]})
    real, synthetic = (sorted({c[name] for c in cells}) for name in ("real", "synthetic"))
    positive = [r for r in real if r > 0]
    return {
        **{name: frame.with_columns(**about) for name, frame in parts.items()},
        "gaussian": means(positive, synthetic),
        "gaussian-best": best_numbers(positive),
    }


def _fits(cells: list[Any]) -> list[dict[str, Any]]:
    """Return how much of the variance of the loss each set of predictors explains."""
    real, synthetic, loss = ([c[n] for c in cells] for n in ("real", "synthetic", "loss"))
    try:
        fits = regressions(real, synthetic, loss)
    except InvalidInput:  # too few cells with real rows
        return []
    return [
        {"predictors": fit.name, "cells": fit.cells, "r_squared": fit.r_squared} for fit in fits
    ]


FIGURES = {
    "language-value": Figure(
        name="language-value",
        title="What is synthetic data worth beside real data?",
        shows=(
            "A base model is fine-tuned on so many real rows and so many rows that a model of its "
            "own, fine-tuned on all real rows, has sampled. By default it is a small Gemma 2 on a "
            "probabilistic grammar, with up to 1,000 real and 2,000 synthetic rows, and 3 seeds. "
            "Drawn is the loss on held-out real rows above the grammar's entropy by the number of "
            "synthetic rows and by the proportion of real ones; a star marks the lowest mean of a "
            "curve, with the scatter of its seeds. The second picture is another, exactly solvable "
            "model: the mean of a Gaussian from n_r real rows pooled with n_s rows of a generator "
            "that was fitted to n_0 = 250 rows of its own. Dots are means of 20,000 simulations, "
            "their standard error 1 %, and lines the theorem (1 - p)/n_r + p^2/n_0 with "
            "p = n_s/(n_r + n_s)."
        ),
        original=(
            "The paper asks whether the number of real rows or their proportion matters (its "
            "section 4 and notebook 10: Gemma 2 2B on HelpSteer2; its sweep has 0 to 12,288 real "
            "and 0 to 131,072 synthetic rows). It reports that the number, transformed, explains "
            "0.59 of the loss's variance, and the proportion 0.34; that with at most 1,024 real "
            "rows some synthetic ones help, about 1,024 being best, and that with more they "
            "almost always hurt."
        ),
        difference=(
            "The default runs without a GPU, on data whose entropy is known exactly. The loss of "
            "a language model has no closed form, and the dots are joined by dotted lines; the "
            "Gaussian mean is no prediction of it, but a model in which the same question has an "
            "exact answer: below n_0/2 real rows every further synthetic row helps, above it "
            "n_r n_0/(2 n_r - n_0) of them are best, and more than n_r n_0/(n_r - n_0) hurt if "
            "n_r > n_0. The theorem's generator was fitted to rows of its own, while the language "
            "model's saw all real rows. R^2 is of least squares over the cells with real rows, "
            "which share rows, so that no significance is claimed. One epoch, as in the "
            "paper, means more steps for more rows. The paper's own size needs its model, its "
            "data and a GPU: modelcollapse reproduce language-value --option "
            "model=google/gemma-2-2b --option data=nvidia/HelpSteer2 takes the paper's ranges, "
            "with numbers that double from 256."
        ),
        compute=compute,
        draw=draw,
        options=accepted(OF_VALUE),
    )
}
