"""Options that several commands share, and how they become an experiment."""

from dataclasses import dataclass
from typing import Any

from cyclopts import Parameter

from modelcollapse import datasets
from modelcollapse.checks import Samples
from modelcollapse.errors import InvalidInput, unknown
from modelcollapse.experiment import Experiment
from modelcollapse.gaussian.estimator import Gaussian
from modelcollapse.kde import KDE, PowerBandwidth
from modelcollapse.truth import Rows
from modelcollapse.workflows import Workflow, by_name

FAMILIES = ("gaussian", "kde")
OWNERS = {"ddof": "gaussian", "bandwidth": "kde", "kernel": "kde", "scoring_bandwidth": "kde"}


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

    ddof: int | None = None
    "gaussian: 0 (the default) divides the scatter by n (maximum likelihood), 1 by n - 1."

    temperature: float = 1.0
    "gaussian: factor on the covariance of every synthetic batch."

    bandwidth: str | None = None
    "kde: a number, (scipy-)scott, (scipy-)silverman, power:SCALE,EXPONENT, or 0.5,0.4,..."

    kernel: str | None = None
    "kde: gaussian (the default), tophat or epanechnikov."

    scoring_bandwidth: str | None = None
    "kde: the bandwidth of the scored density, if it is not the generator's."

    data: str | None = None
    "The truth: digits, wine, moons, ..., or a CSV or Parquet file; default: N(0, I)."

    standardize: bool = False
    "Bring the data's columns to mean 0 and variance 1."

    def build(self, family: str, workflow: Workflow) -> Experiment:
        """Return the experiment."""
        if family not in FAMILIES:
            raise unknown("family", family, FAMILIES)
        truth = self.truth()
        dim = self.dim if self.dim is not None else 1 if truth is None else truth.dim
        return Experiment(
            self.model(family, dim),
            workflow,
            samples=parse_samples(self.samples),
            generations=self.generations,
            truth=truth,
            temperature=self.temperature,
        )

    def model(self, family: str, dim: int) -> Gaussian | KDE:
        """Return the model of a family; an option of another family is refused."""
        for name, owner in OWNERS.items():
            value = getattr(self, name)
            if value is not None and owner != family:
                raise InvalidInput(f"{name} = {value!r} belongs to {owner!r}, not to {family!r}")
        if family == "gaussian":
            return Gaussian(dim=dim, ddof=self.ddof or 0)
        own = self.scoring_bandwidth
        return KDE(
            parse_bandwidth("bandwidth", self.bandwidth),
            self.kernel or "gaussian",
            dim,
            None if own is None else parse_bandwidth("scoring_bandwidth", own),
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


def parse_bandwidth(name: str, text: str | None) -> Any:
    """Return a bandwidth from "0.5", "scott", "power:0.5,0.2" or "0.5,0.4,0.3"."""
    if text is None:
        raise InvalidInput(f"{name} is missing: give --{name.replace('_', '-')} 0.5 or a rule")
    head, _, rest = text.partition(":")
    try:
        numbers = [float(part) for part in (rest if head == "power" else text).split(",")]
    except ValueError as error:
        if head != "power":
            return text  # a rule, or a name that the model refuses
        raise InvalidInput(f"{name} = {text!r}: give power:SCALE,EXPONENT") from error
    if head == "power":
        if len(numbers) not in (2, 3):
            raise InvalidInput(f"{name} = {text!r}: give power:SCALE,EXPONENT[,LOG_EXPONENT]")
        return PowerBandwidth(*numbers)
    return numbers if "," in text else numbers[0]


def described(e: Experiment) -> dict[str, object]:
    """Return an experiment as plain data."""
    sizes = e.sizes.tolist()
    workflow = e.workflow
    truth = e.reality
    return {
        **e.model.described(),
        "workflow": getattr(workflow, "name", repr(workflow)),
        **{key: value for key, value in vars(workflow).items() if value is not None},
        "samples": sizes[0] if len(set(sizes)) == 1 else sizes,
        "generations": e.generations,
        **({"temperature": e.temperature} if isinstance(e.model, Gaussian) else {}),
        "truth": truth.name if isinstance(truth, Rows) else "standard normal",
    }
