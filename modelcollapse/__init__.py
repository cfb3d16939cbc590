"""Predict, simulate and verify self-consuming training loops."""

from importlib.metadata import version

from modelcollapse import datasets
from modelcollapse.errors import InvalidInput, MissingDependency, ModelCollapseError, NoClosedForm
from modelcollapse.experiment import Experiment, Prediction, Trajectories, predict, simulate
from modelcollapse.gaussian.estimator import Gaussian
from modelcollapse.loop import Run, run
from modelcollapse.theorem import Theorem, Verdict, theorems
from modelcollapse.truth import Normal, Rows
from modelcollapse.verification import verify, verify_all
from modelcollapse.workflows import (
    Accumulate,
    AccumulateSubsample,
    KeepReal,
    Replace,
    SlidingWindow,
)

__version__ = version("modelcollapse")

__all__ = [
    "Accumulate",
    "AccumulateSubsample",
    "Experiment",
    "Gaussian",
    "InvalidInput",
    "KeepReal",
    "MissingDependency",
    "ModelCollapseError",
    "NoClosedForm",
    "Normal",
    "Prediction",
    "Replace",
    "Rows",
    "Run",
    "SlidingWindow",
    "Theorem",
    "Trajectories",
    "Verdict",
    "datasets",
    "predict",
    "run",
    "simulate",
    "theorems",
    "verify",
    "verify_all",
]
