"""Predict, simulate and verify self-consuming training loops."""

from importlib.metadata import version

from modelcollapse import (
    claims,
    curated,
    datasets,
    discrete,
    evidence,
    exponential,
    kde,
    mixed,
    regression,
    solver,
    values,
)
from modelcollapse.agreement import verify_experiment
from modelcollapse.curated import LabelVerifier, RegionVerifier
from modelcollapse.diagnosis import Diagnosis, Finding, diagnose
from modelcollapse.discrete import Discrete
from modelcollapse.errors import InvalidInput, MissingDependency, ModelCollapseError, NoClosedForm
from modelcollapse.experiment import Experiment, Prediction, Trajectories, predict, simulate
from modelcollapse.exponential import (
    Binomial,
    Gamma,
    HyperbolicSecant,
    NegativeBinomial,
    NormalMean,
    Poisson,
)
from modelcollapse.gaussian.estimator import Gaussian
from modelcollapse.kde import KDE, PowerBandwidth, optimal_bandwidths
from modelcollapse.loop import Run, run
from modelcollapse.regression import LinearRegression
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
    "Binomial",
    "Diagnosis",
    "Discrete",
    "Experiment",
    "Finding",
    "FreshData",
    "Gamma",
    "Gaussian",
    "HyperbolicSecant",
    "InvalidInput",
    "KeepReal",
    "LabelVerifier",
    "LinearRegression",
    "MissingDependency",
    "ModelCollapseError",
    "NegativeBinomial",
    "NoClosedForm",
    "Normal",
    "NormalMean",
    "NormalMixture",
    "Poisson",
    "PowerBandwidth",
    "Prediction",
    "RegionVerifier",
    "Replace",
    "Rows",
    "Run",
    "SlidingWindow",
    "Theorem",
    "Trajectories",
    "Verdict",
    "Web",
    "Weighted",
    "claims",
    "curated",
    "datasets",
    "diagnose",
    "discrete",
    "evidence",
    "exponential",
    "kde",
    "mixed",
    "optimal_bandwidths",
    "predict",
    "regression",
    "run",
    "simulate",
    "solver",
    "theorems",
    "values",
    "verify",
    "verify_all",
    "verify_experiment",
]
