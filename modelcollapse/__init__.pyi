# The public names, each with its module: read by type checkers, by editors and at run time.

from . import (
    datasets as datasets,
    evidence as evidence,
    mixed as mixed,
    solver as solver,
)
from ._support.errors import (
    InvalidInput as InvalidInput,
    MissingDependency as MissingDependency,
    ModelCollapseError as ModelCollapseError,
    NoClosedForm as NoClosedForm,
)
from ._support.version import __version__ as __version__
from .advice import (
    Advice as Advice,
    advise as advise,
)
from .comparison import (
    Comparison as Comparison,
    compare as compare,
)
from .diagnosis import (
    Diagnosis as Diagnosis,
    Finding as Finding,
    diagnose as diagnose,
)
from .families import (
    curated as curated,
    discrete as discrete,
    exponential as exponential,
    gaussian as gaussian,
    kde as kde,
    markov as markov,
    regression as regression,
)
from .families.curated import (
    LabelVerifier as LabelVerifier,
    RegionVerifier as RegionVerifier,
)
from .families.discrete import Discrete as Discrete
from .families.exponential import (
    Binomial as Binomial,
    Gamma as Gamma,
    HyperbolicSecant as HyperbolicSecant,
    NegativeBinomial as NegativeBinomial,
    NormalMean as NormalMean,
    Poisson as Poisson,
)
from .families.gaussian.estimator import Gaussian as Gaussian
from .families.kde import (
    KDE as KDE,
    PowerBandwidth as PowerBandwidth,
    optimal_bandwidths as optimal_bandwidths,
)
from .families.markov import Markov as Markov
from .families.regression import LinearRegression as LinearRegression
from .loop import sample_metrics as sample_metrics
from .ledger import (
    claims as claims,
    values as values,
)
from .ledger.agreement import verify_experiment as verify_experiment
from .ledger.theorem import (
    Theorem as Theorem,
    Verdict as Verdict,
    theorems as theorems,
)
from .ledger.verification import (
    verify as verify,
    verify_all as verify_all,
)
from .loop.experiment import (
    Experiment as Experiment,
    Prediction as Prediction,
    Trajectories as Trajectories,
    predict as predict,
    simulate as simulate,
)
from .loop.functions import FunctionEstimator as FunctionEstimator
from .loop.identity import described as described
from .loop.model import Model as Model
from .loop.plain import Run as Run
from .loop.replicates import (
    Runs as Runs,
    run as run,
)
from .loop.sampling import Tempered as Tempered
from .loop.selection import (
    BestOf as BestOf,
    KeepTop as KeepTop,
    Pairwise as Pairwise,
)
from .loop.truth import (
    Normal as Normal,
    NormalMixture as NormalMixture,
    Rows as Rows,
)
from .monitoring import (
    Monitor as Monitor,
    MonitorStatus as MonitorStatus,
)
from .workflows import (
    Accumulate as Accumulate,
    AccumulateSubsample as AccumulateSubsample,
    Edit as Edit,
    FreshData as FreshData,
    KeepReal as KeepReal,
    Replace as Replace,
    SlidingWindow as SlidingWindow,
    Web as Web,
    Weighted as Weighted,
)
