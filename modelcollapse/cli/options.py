"""Options that several commands share, and how they become an experiment."""

from dataclasses import dataclass

from cyclopts import Parameter

from modelcollapse import datasets
from modelcollapse.checks import Samples
from modelcollapse.errors import InvalidInput, unknown
from modelcollapse.experiment import Experiment
from modelcollapse.gaussian.estimator import Gaussian
from modelcollapse.truth import Rows
from modelcollapse.workflows import Workflow, by_name

FAMILIES = ("gaussian",)


@Parameter(name="*")
@dataclass(frozen=True)
class WorkflowOptions:
    """The workflow and its own option."""

    workflow: str = "replace"
    "replace, accumulate, accumulate-subsample, sliding-window or keep-real."

    budget: int | None = None
    "Training rows of accumulate-subsample; by default the batch size."

    window: int | None = None
    "Batches in a sliding-window."

    share: float | None = None
    "Weight of the real batch in keep-real; by default it is pooled with the newest batch."

    def build(self) -> Workflow:
        """Return the workflow."""
        return by_name(self.workflow, budget=self.budget, window=self.window, share=self.share)


@Parameter(name="*")
@dataclass(frozen=True)
class LoopOptions:
    """A loop with a theory."""

    samples: str = "100"
    "Rows per batch: a number, or one number per generation, such as 10,20,40."

    generations: int = 50
    "The number of fits; generation 1 is the fit to real data."

    dim: int | None = None
    "Columns; by default those of the data, or 1."

    ddof: int = 0
    "0 divides the scatter by n (maximum likelihood), 1 by n - 1 (unbiased)."

    temperature: float = 1.0
    "Factor on the covariance of every synthetic batch."

    data: str | None = None
    "The truth: digits, wine, breast_cancer, or a CSV or Parquet file; default: N(0, I)."

    standardize: bool = False
    "Bring the data's columns to mean 0 and variance 1."

    def build(self, family: str, workflow: Workflow) -> Experiment:
        """Return the experiment."""
        if family not in FAMILIES:
            raise unknown("family", family, FAMILIES)
        truth = self.truth()
        dim = self.dim if self.dim is not None else 1 if truth is None else truth.dim
        return Experiment(
            Gaussian(dim=dim, ddof=self.ddof),
            workflow,
            samples=parse_samples(self.samples),
            generations=self.generations,
            truth=truth,
            temperature=self.temperature,
        )

    def truth(self) -> Rows | None:
        """Return the data set, or None for the standard normal."""
        if self.data is None:
            if self.standardize:
                raise InvalidInput("standardize: there is no data; give --data too")
            return None
        return datasets.load(self.data, standardize=self.standardize)


def parse_samples(text: str) -> Samples:
    """Return a batch size or a schedule from text such as "10" or "10,20,40"."""
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise InvalidInput(
            f"samples = {text!r}: give a whole number, or one per generation, such as 10,20,40"
        ) from error
    return numbers if "," in text else numbers[0]


def described(e: Experiment) -> dict[str, object]:
    """Return an experiment as plain data."""
    sizes = e.sizes.tolist()
    workflow = e.workflow
    truth = e.reality
    return {
        "model": "gaussian",
        "dim": e.model.dim,
        "ddof": e.model.ddof,
        "workflow": getattr(workflow, "name", repr(workflow)),
        **{key: value for key, value in vars(workflow).items() if value is not None},
        "samples": sizes[0] if len(set(sizes)) == 1 else sizes,
        "generations": e.generations,
        "temperature": e.temperature,
        "truth": truth.name if isinstance(truth, Rows) else "standard normal",
    }
