"""Options that several commands share, and how they become an experiment."""

from dataclasses import KW_ONLY, dataclass, fields
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from modelcollapse._support.checks import Samples
from modelcollapse._support.errors import InvalidInput
from modelcollapse.cli.whole import MaybeWhole
from modelcollapse.families import names as families
from modelcollapse.loop.experiment import Experiment
from modelcollapse.workflows import AnyWorkflow, Weighted, by_name, curves, short_forms

DEFAULT_SAMPLES, DEFAULT_GENERATIONS = "100", 50
WEB = ("rows", "growth", "real_share")


@Parameter(name="*")
@dataclass(frozen=True)
class WorkflowOptions:
    """The workflow and its own options."""

    workflow: str = "replace"
    "The name, such as replace or accumulate-subsample; a wrong one lists them all."

    _: KW_ONLY

    budget: str | None = None
    "Training rows of accumulate-subsample, such as 100 or double:10; by default the batch size."

    window: MaybeWhole = None
    "Batches in a sliding-window."

    share: float | None = None
    "keep-real: weight of the real batch, by default pooled with the newest; edit: chance of a row."

    edits: str | None = None
    "edit: rows of the data set that each generation replaces: 10, or 10,5,2 from generation 2 on."

    real: str | None = None
    "fresh-data, web: fresh real rows in each batch from generation 2 on; web: or 10,20,40."

    synthetic: str | None = None
    "fresh-data, web: sampled rows in each batch from generation 2 on; web: or 10,20,40."

    weight: float | None = None
    "fresh-data: total weight of the real rows; by default all rows are pooled."

    rows: Path | None = None
    "web: a CSV file with the columns real,synthetic and one line per generation."

    growth: float | None = None
    "web: new rows in each generation over all rows so far, with --real-share."

    real_share: float | None = None
    "web: the share of the new rows that is real, with --growth."

    weights: Path | None = None
    "weighted: a CSV file; line t holds the training weights of batches 1 to t."

    def build(self, samples: str | None = None) -> tuple[AnyWorkflow, Samples]:
        """Return the workflow, and the batch sizes that go with it."""
        self._check_web()
        if self.rows is not None:
            if samples is not None:
                raise InvalidInput(f"samples = {samples!r}: the file {self.rows} says it; leave it")
            first, web = curves.read(self.rows)
            return web, first
        sizes = parse_samples(DEFAULT_SAMPLES if samples is None else samples)
        if self.growth is not None or self.real_share is not None:
            return self._growing(sizes), sizes
        if self.workflow == "web" and self.real is None and self.synthetic is None:
            raise InvalidInput(
                "the workflow 'web' needs to know how it grows: give --growth and --real-share, "
                "--real and --synthetic, or --rows"
            )
        curve = parse_curve if self.workflow == "web" else parse_rows
        return by_name(
            self.workflow,
            budget=parse_curve("budget", self.budget, first=1),
            window=self.window,
            share=self.share,
            edits=parse_curve("edits", self.edits),
            real=curve("real", self.real),
            synthetic=curve("synthetic", self.synthetic),
            weight=self.weight,
            weights=None if self.weights is None else Weighted.read(self.weights).matrix,
        ), sizes

    def _check_web(self) -> None:
        for name in WEB:
            value = getattr(self, name)
            if value is None:
                continue
            if self.workflow != "web":
                shown = str(value) if name == "rows" else value
                raise InvalidInput(
                    f"{name} = {shown!r} belongs to the workflow 'web', not to "
                    f"{self.workflow!r}: leave it out"
                )
            if self.real is not None or self.synthetic is not None:
                raise InvalidInput(
                    f"{name} and real, synthetic both say how the web grows: give one"
                )
            if name != "rows" and self.rows is not None:
                raise InvalidInput(f"{name} and rows both say how the web grows: give one")

    def _growing(self, sizes: Samples) -> AnyWorkflow:
        if self.growth is None or self.real_share is None:
            raise InvalidInput("growth and real_share belong together: give both")
        if not isinstance(sizes, int):
            raise InvalidInput(f"samples = {sizes!r}: the web needs the size of batch 1 alone")
        return curves.growing(sizes, self.growth, self.real_share)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LoopOptions:
    """A loop with a theory."""

    samples: str | None = None
    "Rows per batch: 100, one number per generation (10,20,40), double:10, 10*2^t, or a.csv."

    generations: MaybeWhole = None
    "The number of fits (50, or as many as a schedule has); generation 1 is the fit to real data."

    dim: MaybeWhole = None
    "gaussian, kde, regression: columns; by default those of the data, or 1."

    ddof: MaybeWhole = None
    "gaussian: 0 (the default) divides the scatter by n (maximum likelihood), 1 by n - 1."

    floor: float | None = None
    "gaussian: what is added to every fitted variance (0 is the default), as reg_covar does."

    temperature: float | None = None
    "gaussian: factor on the covariance of every synthetic batch."

    selection: str | None = None
    "gaussian: of the sampled rows keep best-of:K, keep-top:SHARE or pairwise:BETA by their reward."

    reward: str | None = None
    "gaussian: the direction of the reward, such as 1,0,-2; in one dimension the row itself."

    bandwidth: str | None = None
    "kde: a number, (scipy-)scott, (scipy-)silverman, power:SCALE,EXPONENT, or 0.5,0.4,..."

    kernel: str | None = None
    "kde: gaussian (the default), tophat or epanechnikov."

    scoring_bandwidth: str | None = None
    "kde: the bandwidth of the scored density, if it is not the generator's."

    data: str | None = None
    "gaussian, kde: digits, wine, moons, ..., or a CSV or Parquet file; default: N(0, I)."

    standardize: Annotated[bool | None, Parameter(negative="")] = None
    "gaussian, kde: bring the data's columns to mean 0 and variance 1."

    mean: float | None = None
    "One-parameter families, region-verifier: the true mean."

    variance: float | None = None
    "normal-mean: the known variance."

    trials: MaybeWhole = None
    "binomial: trials per row."

    shape: float | None = None
    "gamma: the known shape."

    size: float | None = None
    "negative-binomial, hyperbolic-secant: the known size."

    outcomes: MaybeWhole = None
    "discrete: the number of outcomes."

    probabilities: str | None = None
    "discrete: the truth, 0.5,0.3,0.2 or zipf:EXPONENT; by default uniform."

    smoothing: float | None = None
    "discrete, markov: the count added to each outcome in every fit; 0 (the default) is none."

    words: MaybeWhole = None
    "markov: the number of words; samples are texts."

    order: MaybeWhole = None
    "markov: how many words the next one depends on, by default 1."

    contexts: str | None = None
    "markov: random (batches of texts, the default) or fixed (as many transitions of each context)."

    noise: float | None = None
    "regression: standard deviation of the labels' noise; label-verifier: contradictions."

    ridge: float | None = None
    "regression: the penalty; 0 is least squares."

    design: str | None = None
    "regression: fixed (the same inputs relabelled, the default) or fresh."

    keep_correct: float | None = None
    "label-verifier: the probability to keep a correct label."

    keep_wrong: float | None = None
    "label-verifier: the probability to keep a wrong label."

    cells: MaybeWhole = None
    "label-verifier: the number of inputs."

    wrong: float | None = None
    "label-verifier: the probability that a real label is wrong."

    centre: float | None = None
    "region-verifier: the middle of what is kept."

    radius: float | None = None
    "region-verifier: how far from it is kept."

    spread: float | None = None
    "region-verifier: the known standard deviation."

    def build(self, family: str, which: WorkflowOptions) -> Experiment:
        """Return the experiment."""
        loop = ("samples", "generations")
        given = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in loop}
        given = {name: value for name, value in given.items() if value is not None}
        model, truth = families.build(family, given)
        workflow, samples = which.build(self.samples)
        return Experiment(
            model,
            workflow,
            samples=samples,
            generations=chosen_generations(workflow, samples, self.generations),
            truth=truth,
            sampling=families.sampling(given),
        )


def chosen_generations(
    workflow: AnyWorkflow, samples: Samples, given: int | None, usual: int = DEFAULT_GENERATIONS
) -> int:
    """Return the generations that are given, else those of the schedule, the workflow, or usual."""
    entries = short_forms.length(samples)
    if given is None:
        most = getattr(workflow, "generations", None)
        return int(entries or most or usual)
    if entries is not None and entries > given:
        raise InvalidInput(
            f"generations = {given} and samples has {entries} sizes: leave generations, or give "
            "one size for each"
        )
    return given


def parse_samples(text: str) -> Samples:
    """Return batch sizes from text in one of the forms of `workflows.short_forms`."""
    return short_forms.parse("samples", text)


def parse_curve(name: str, text: str | None, first: int = 2) -> Samples | None:
    """Return rows per generation from text; None stays None."""
    return None if text is None else short_forms.parse(name, text, first)


def parse_rows(name: str, text: str | None) -> int | None:
    """Return a number of rows from text; None stays None."""
    value = parse_curve(name, text)
    if value is not None and not isinstance(value, int):
        raise InvalidInput(f"{name} = {text!r}: give one whole number")
    return value
