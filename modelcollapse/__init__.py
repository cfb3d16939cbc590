"""Predict, simulate and verify self-consuming training loops."""

from importlib.metadata import version

from modelcollapse import datasets, kde
from modelcollapse.agreement import verify_experiment
from modelcollapse.diagnosis import Diagnosis, Finding, diagnose
from modelcollapse.errors import InvalidInput, MissingDependency, ModelCollapseError, NoClosedForm
from modelcollapse.experiment import Experiment, Prediction, Trajectories, predict, simulate
from modelcollapse.gaussian.estimator import Gaussian
from modelcollapse.kde import KDE, PowerBandwidth, optimal_bandwidths
from modelcollapse.loop import Run, run
from modelcollapse.theorem import Theorem, Verdict, theorems
from modelcollapse.truth import Normal, NormalMixture, Rows
from modelcollapse.verification import verify, verify_all
from modelcollapse.workflows import (
    Accumulate,
    AccumulateSubsample,
    FreshData,
    KeepReal,
    Replace,
    SlidingWindow,
    Web,
    Weighted,
)

__version__ = version("modelcollapse")

__all__ = [
    "KDE",
    "Accumulate",
    "AccumulateSubsample",
    "Diagnosis",
    "Experiment",
    "Finding",
    "FreshData",
    "Gaussian",
    "InvalidInput",
    "KeepReal",
    "MissingDependency",
    "ModelCollapseError",
    "NoClosedForm",
    "Normal",
    "NormalMixture",
    "PowerBandwidth",
    "Prediction",
    "Replace",
    "Rows",
    "Run",
    "SlidingWindow",
    "Theorem",
    "Trajectories",
    "Verdict",
    "Web",
    "Weighted",
    "datasets",
    "diagnose",
    "kde",
    "optimal_bandwidths",
    "predict",
    "run",
    "simulate",
    "theorems",
    "verify",
    "verify_all",
    "verify_experiment",
]
