# The public names, each with its module: read by type checkers, by editors and at run time.

from . import (
    claims as claims,
    curated as curated,
    datasets as datasets,
    discrete as discrete,
    evidence as evidence,
    exponential as exponential,
    kde as kde,
    mixed as mixed,
    regression as regression,
    solver as solver,
    values as values,
)
from .agreement import verify_experiment as verify_experiment
from .curated import (
    LabelVerifier as LabelVerifier,
    RegionVerifier as RegionVerifier,
)
from .diagnosis import (
    Diagnosis as Diagnosis,
    Finding as Finding,
    diagnose as diagnose,
)
from .discrete import Discrete as Discrete
from .errors import (
    InvalidInput as InvalidInput,
    MissingDependency as MissingDependency,
    ModelCollapseError as ModelCollapseError,
    NoClosedForm as NoClosedForm,
)
from .experiment import (
    Experiment as Experiment,
    Prediction as Prediction,
    Trajectories as Trajectories,
    predict as predict,
    simulate as simulate,
)
from .exponential import (
    Binomial as Binomial,
    Gamma as Gamma,
    HyperbolicSecant as HyperbolicSecant,
    NegativeBinomial as NegativeBinomial,
    NormalMean as NormalMean,
    Poisson as Poisson,
)
from .gaussian.estimator import Gaussian as Gaussian
from .kde import (
    KDE as KDE,
    PowerBandwidth as PowerBandwidth,
    optimal_bandwidths as optimal_bandwidths,
)
from .loop import (
    Run as Run,
    run as run,
)
from .regression import LinearRegression as LinearRegression
from .theorem import (
    Theorem as Theorem,
    Verdict as Verdict,
    theorems as theorems,
)
from .truth import (
    Normal as Normal,
    NormalMixture as NormalMixture,
    Rows as Rows,
)
from .verification import (
    verify as verify,
    verify_all as verify_all,
)
from .version import __version__ as __version__
from .workflows import (
    Accumulate as Accumulate,
    AccumulateSubsample as AccumulateSubsample,
    FreshData as FreshData,
    KeepReal as KeepReal,
    Replace as Replace,
    SlidingWindow as SlidingWindow,
    Web as Web,
    Weighted as Weighted,
)
