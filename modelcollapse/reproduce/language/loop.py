"""Language models trained on their own samples: held-out losses by generation."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from modelcollapse._support.checks import whole
from modelcollapse.language import Results, descriptions, run
from modelcollapse.language.compare import compare
from modelcollapse.reproduce.figure import Context, Figure, Frames
from modelcollapse.reproduce.language.drawing import draw
from modelcollapse.reproduce.language.options import OF_LOOP, accepted, planned, stoppable

WORKFLOWS = ("replace", "accumulate-subsample", "accumulate")  # from worst to best
ALPHA = 1e-9  # of each comparison that is drawn
QUANTITIES = (
    "loss",
    "excess",
    "counted_excess",
    "row_loss",
    "tail_loss",
    "grammatical",
    "distinct_2",
    "acceptance",
)
DEFAULTS = {
    "quick": {"samples": [100], "held_out": 200, "generations": 2, "seeds": [0, 1]},
    "small": {"samples": [500], "generations": 10, "seeds": [0, 1, 2]},
    "paper": {"generations": 20, "seeds": [0, 1, 2]},
}


def compute(context: Context) -> Frames:
    """Run the loop, or what is left of it, and return its metrics and paired comparisons."""
    plan = planned(context, DEFAULTS)
    generations = whole("generations", plan.numbers["generations"], minimum=2)
    seeds = plan.numbers["seeds"]
    with stoppable():
        folder = run(
            plan.settings,
            context.folder / "runs",
            generations=generations,
            seeds=seeds,
            options=plan.work,
            report=context.progress,
            announce=context.found,
        )
    # The folder may hold more than is asked for now.
    wanted = [(w, s, t) for w in WORKFLOWS for s in seeds for t in range(1, generations + 1)]
    results = Results.read(folder)
    return frames(results, [key for key in wanted if key in results.records])


def frames(results: Results, keys: list[tuple[str, int, int]]) -> Frames:
    """Return tidy data of some (workflow, seed, generation).

    "language" has a row per quantity; "paired" one for each two workflows' models of a seed and a
    generation, with what bounds the expected difference of their losses; "truth" the values of
    the grammar itself, where the data are its rows.
    """
    import polars as pl

    about = {name: results.configuration[name] for name in ("model", "data")}
    table = pl.DataFrame(
        [
            {
                **dict(zip(("workflow", "seed", "generation"), key, strict=True)),
                **{q: float(results.records[key].get(q, np.nan)) for q in QUANTITIES},
            }
            for key in keys
        ]
    )
    index = ["workflow", "seed", "generation"]
    tidy = table.unpivot(index=index, variable_name="quantity").filter(pl.col.value.is_finite())
    parts = {"language": tidy, "paired": pl.DataFrame(list(_paired(results, keys)))}
    if about["data"] == "grammar":
        known = {"entropy": descriptions().entropy, "excess": 0.0, "grammatical": 1.0}
        parts["truth"] = pl.DataFrame({"quantity": list(known), "value": list(known.values())})
    return {
        name: frame.with_columns(**{key: pl.lit(value) for key, value in about.items()})
        for name, frame in parts.items()
    }


def _paired(results: Results, keys: list[tuple[str, int, int]]) -> Iterator[dict[str, Any]]:
    """Yield the comparisons; in generation 1 the models are one."""
    for seed, t in sorted({(seed, t) for _, seed, t in keys if t > 1}):
        present = [w for w in WORKFLOWS if (w, seed, t) in keys]
        for first, second in combinations(present, 2):
            own, other = (results.nats(name, seed, t) for name in (first, second))
            found = compare(own, other, results.tokens(first, seed, t), alpha=ALPHA)
            yield {
                "seed": seed,
                "generation": t,
                "first": first,
                "second": second,
                "verdict": found.verdict,
                **vars(found),
            }


FIGURES = {
    "language": Figure(
        name="language",
        title="Language models: does the loss on real text grow?",
        shows=(
            "A language model is fine-tuned, samples a synthetic batch, and the base is "
            "fine-tuned again on the rows that replace, accumulate-subsample or accumulate "
            "chooses. By default it is a small Gemma 2 on a probabilistic grammar, with 500 rows "
            "per batch, 10 generations and 3 seeds. Drawn are the loss on 4,000 held-out real "
            "rows above the grammar's entropy (the Kullback-Leibler divergence from the truth; "
            "dashed: the same loop by counting the grammar's rules, 1/2 added to each count, which "
            "loses by statistics alone), the loss on the rarest tenth of these rows, and the "
            "share of the samples that the "
            "grammar can make; then, for each seed, the mean difference of two workflows' losses "
            "on the same rows, clipped to one nat per token of a row, with an interval that "
            "encloses its expectation but for a probability of 5e-10, at this number of rows."
        ),
        original=(
            "The paper fine-tunes Gemma 2 (2B, 9B and 27B) on HelpSteer2, about 12,500 rows, with "
            "a rate of 8e-6, one epoch and 3 seeds, 20 generations of the 2B model (its notebooks "
            "01 and 08). Its conclusion: replace typically diverges, accumulate-subsample "
            "typically plateaus, between replace and accumulate."
        ),
        difference=(
            "The default runs without a GPU, on data whose entropy is known exactly, so that the "
            "loss has a floor, which HelpSteer2's has not. How the loss grows is open: there is "
            "no closed form, and the dots are joined by dotted lines. Bands go from the least to "
            "the most of the seeds, as three have no quantiles. As in the paper, each fit takes "
            "one epoch, which is ever more steps under accumulate. The paper's own size needs its "
            "model, its data and a GPU: modelcollapse reproduce language --option "
            "model=google/gemma-2-2b --option data=nvidia/HelpSteer2 runs 20 generations of 3 "
            "seeds with the paper's recipe. Where the data are no grammar's, the loss in nats per "
            "token and the share of distinct 2-grams take the place of what is not known then."
        ),
        compute=compute,
        draw=draw,
        options=accepted(OF_LOOP),
    )
}
